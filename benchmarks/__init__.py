"""Benchmarks: each measures both sides in the same run. scripts.bench.REGISTER names them."""
