"""The solver's choice equals the best of all choices, tried one by one, on small cases."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from mapsvc.planning.solve import Kind, Objective, Problem, Solution, solve


def most_met(problem: Problem, chosen: tuple[int, ...]) -> tuple[list[float], float]:
    """By stock line what these places give at most; the most shares of skill, by trying all."""
    stock = [
        min(float(problem.offered[list(chosen), n].sum()), float(problem.needed[n]))
        for n, kind in enumerate(problem.kinds)
        if kind == "stock"
    ]
    skills = [n for n, kind in enumerate(problem.kinds) if kind != "stock"]
    return stock, _sent(problem, skills, list(chosen), [0.0] * len(skills))


def _sent(problem: Problem, skills: list[int], places: list[int], got: list[float]) -> float:
    if not places or not skills:
        shares = zip(got, skills, strict=True)
        return sum(min(1.0, g / float(problem.needed[n])) for g, n in shares)
    first, rest = places[0], places[1:]
    return max(
        _sent(problem, skills, rest, [g + o for g, o in zip(got, own, strict=True)])
        for own in _ways(problem, skills, first)
    )


def _ways(problem: Problem, skills: list[int], place: int) -> list[list[float]]:
    """Every way in which a place can send its people to the lines."""
    ways: list[tuple[list[float], float]] = [([], 0.0)]
    for n in skills:
        cost = float(problem.people[place]) if problem.kinds[n] == "teams" else 1.0
        most = int(min(problem.offered[place, n], problem.needed[n]))
        ways = [
            ([*own, float(x)], spent + x * cost)
            for own, spent in ways
            for x in range(most + 1)
            if spent + x * cost <= problem.people[place]
        ]
    return [own for own, _ in ways]


def best(problem: Problem, objective: Objective) -> tuple[Any, ...]:
    everyone = tuple(range(len(problem.offered)))
    aim = most_met(problem, everyone)
    found = []
    for count in range(len(everyone) + 1):
        for chosen in combinations(everyone, count):
            stock, skill = most_met(problem, chosen)
            if stock == aim[0] and skill > aim[1] - 1e-9:
                found.append(value(problem, chosen, objective))
    return min(found)


def value(problem: Problem, chosen: Any, objective: Objective) -> tuple[Any, ...]:
    seconds = problem.duration_s[list(chosen)]
    guessed = 0 if problem.guessed.all() else int(problem.guessed[list(chosen)].sum())
    many, last = len(chosen), float(seconds.max(initial=0.0))
    middle = (many, last) if objective == "fewest" else (last, many)
    return guessed, *middle, float(seconds.sum())


def check(problem: Problem, objective: Objective, found: Solution) -> None:
    stock, skill = most_met(problem, tuple(range(len(problem.offered))))
    assert found.proved
    assert (found.given >= 0).all()
    assert (found.given <= problem.offered).all()
    totals = found.given.sum(axis=0)
    assert (totals <= problem.needed).all()
    lines = [n for n, kind in enumerate(problem.kinds) if kind == "stock"]
    assert totals[lines].tolist() == stock
    shares = [totals[n] / problem.needed[n] for n, k in enumerate(problem.kinds) if k != "stock"]
    assert sum(shares) == pytest.approx(skill)
    for place, given in enumerate(found.given):
        spent = [
            x * (problem.people[place] if kind == "teams" else 1)
            for x, kind in zip(given, problem.kinds, strict=True)
            if kind != "stock"
        ]
        assert sum(spent) <= problem.people[place]
    wanted = best(problem, objective)
    assert value(problem, found.chosen, objective) == pytest.approx(wanted)


def random_problem(rng: np.random.Generator) -> Problem:
    places, lines = int(rng.integers(1, 8)), int(rng.integers(1, 4))
    kinds: list[Kind] = [
        ("stock", "stock", "people", "teams")[int(i)] for i in rng.integers(0, 4, lines)
    ]
    people = rng.integers(0, 7, places).astype(float)
    offered = np.zeros((places, lines))
    for n, kind in enumerate(kinds):
        has = rng.random(places) < 0.6
        amount = {"stock": rng.integers(1, 12, places), "people": people, "teams": np.ones(places)}
        offered[:, n] = np.where(has, amount[kind], 0)
    needed = np.array([float(rng.integers(1, 15 if k == "stock" else 6)) for k in kinds])
    # Few different times, so that ties are common.
    times = rng.integers(1, 6, places) * 300.0
    return Problem(offered, needed, tuple(kinds), people, times, rng.random(places) < 0.25)


@pytest.mark.parametrize("objective", ["fewest", "earliest"])
def test_equals_trying_everything(objective: Objective) -> None:
    rng = np.random.default_rng(20261125)
    for _ in range(60):
        problem = random_problem(rng)
        found = solve(problem, objective)
        check(problem, objective, found)
        again = solve(problem, objective)
        assert (found.given == again.given).all()


def test_the_first_of_equals_is_taken() -> None:
    problem = Problem(
        np.array([[5.0], [5.0], [5.0]]),
        np.array([5.0]),
        ("stock",),
        np.zeros(3),
        np.array([60.0, 60.0, 60.0]),
        np.zeros(3, bool),
    )
    assert solve(problem, "fewest").chosen == [0]


def test_large_amounts_lose_nothing() -> None:
    """Tolerances of the solver must not take a single sandbag."""
    rng = np.random.default_rng(3)
    offered = rng.integers(1, 900_000, (200, 3)).astype(float)
    needed = np.floor(offered.sum(axis=0) * np.array([0.999, 0.5, 2.0]))
    problem = Problem(
        offered,
        needed,
        ("stock",) * 3,
        np.zeros(200),
        rng.uniform(1, 9e4, 200),
        np.zeros(200, bool),
    )
    given = solve(problem, "earliest").given
    assert given.sum(axis=0).tolist() == np.minimum(offered.sum(axis=0), needed).tolist()
    assert (given <= offered).all()
