"""Benchmarks as ratios: ours, the floor beneath it, what a user would pick, in one run."""
