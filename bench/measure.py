"""Timing a call, printing a table."""

import statistics
import time
from collections.abc import Callable


def p50(call: Callable[[], object], times: int) -> float:
    """Median of one call in milliseconds, after a tenth of the calls as warm-up."""
    spent = []
    for number in range(times + times // 10):
        begin = time.perf_counter()
        call()
        if number >= times // 10:
            spent.append((time.perf_counter() - begin) * 1000)
    return statistics.median(spent)


def interleaved(
    calls: dict[str, Callable[[], object]], times: int, rounds: int = 5
) -> dict[str, float]:
    """Median of the rounds' medians, one call after the other in each round, so drift hits all."""
    seen: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            seen[name].append(p50(call, times))
    return {name: statistics.median(values) for name, values in seen.items()}


def table(title: str, head: list[str], rows: list[list[str]]) -> None:
    print(f"\n## {title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")
