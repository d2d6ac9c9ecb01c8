"""Benchmarks: each is a program with --json that measures both sides in the same run."""
