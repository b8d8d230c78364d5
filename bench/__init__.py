"""Benchmarks as ratios: ours, the floor beneath it and what a user would pick instead, in one run."""
