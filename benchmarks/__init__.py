"""Benchmarks: each module has `run(repeat)` and stands in `REGISTER` of scripts.bench."""
