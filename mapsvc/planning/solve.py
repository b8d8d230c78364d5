"""Who gives how much: the choice itself, as numbers, solved to the optimum by HiGHS.

In this order, each only among the answers that are best by those before it: the least is missing;
the fewest places that no road leads to; then the fewest places and the earliest completion
(`fewest`), or the other way round (`earliest`); the least time on the way in all.

Stock of a line is that line's alone. People are not: a team with two skills may send some for each,
but nobody twice; and who is counted as a whole team is counted once.
"""

import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

Objective = Literal["fewest", "earliest"]
Kind = Literal["stock", "people", "teams"]
Floats = NDArray[np.float64]
_SECONDS = 8.0
"""For all stages together; then the best so far stands and is said not to be proved."""
_LEAST_SECONDS = 0.3
_SLACK = 1e-7


@dataclass(frozen=True, slots=True)
class Problem:
    """Places in order of preference among equals; lines of need in the order they were given.

    `offered[place, line]`: stock, or people with the skill, or 1 for a team with it.
    """

    offered: Floats
    needed: Floats
    kinds: tuple[Kind, ...]
    people: Floats
    """All people of a place, whatever their skills."""
    duration_s: Floats
    guessed: NDArray[np.bool_]
    """No road is known to lead from there: used only where others do not suffice."""


@dataclass(frozen=True, slots=True)
class Solution:
    given: Floats
    """[place, line]"""
    proved: bool
    """False where time ran out before a stage was proved to be best."""

    @property
    def chosen(self) -> list[int]:
        return [int(n) for n in np.flatnonzero(self.given.sum(axis=1) > 0)]


def solve(problem: Problem, objective: Objective) -> Solution:
    """The best choice; an empty one where nobody has anything."""
    useful = np.minimum(problem.offered, problem.needed).sum(axis=1) > 0
    if not useful.any():
        return Solution(np.zeros_like(problem.offered), proved=True)
    work = _Stages(problem, useful)
    chosen = work.chosen(objective)
    return Solution(_given(problem, work, chosen), work.proved)


class _Stages:
    """One mixed-integer model, narrowed from stage to stage.

    Variables: each place used or not; then the people (or team) that each place sends to each line
    of skill. Stock needs none: a place that is used gives what it has.
    """

    def __init__(self, problem: Problem, useful: NDArray[np.bool_]) -> None:
        self.problem = problem
        self.allowed = useful
        self.proved = True
        self.deadline = time.monotonic() + _SECONDS
        self.places = len(problem.offered)
        self.every = np.arange(self.places)
        self.stock = [n for n, kind in enumerate(problem.kinds) if kind == "stock"]
        self.skills = [n for n, kind in enumerate(problem.kinds) if kind != "stock"]
        self.size = self.places * (1 + len(self.skills))
        self.limits: list[tuple[csr_array, float, float]] = []
        self._stock_limits()
        if self.skills:
            self._people_limits()

    def at(self, skill: int) -> NDArray[np.int64]:
        """The variables of a line of skill, place by place."""
        return self.places * (1 + skill) + self.every

    def _limit(self, row: Floats, low: float, high: float) -> None:
        self.limits.append((csr_array(row[None, :]), low, high))

    def _row(self, values: Floats, offset: int = 0) -> Floats:
        row = np.zeros(self.size)
        row[offset : offset + len(values)] = values
        return row

    def _at_most_nothing(self, parts: list[tuple[NDArray[np.int64], Floats]]) -> None:
        """For every place: its variables in these columns, weighed, come to 0 at most."""
        columns = np.concatenate([column for column, _ in parts])
        weights = np.concatenate([weight for _, weight in parts])
        rows = np.tile(self.every, len(parts))
        shape = (self.places, self.size)
        self.limits.append((csr_array((weights, (rows, columns)), shape=shape), -np.inf, 0.0))

    def _stock_limits(self) -> None:
        """Together the places used give what can be given at all."""
        for line in self.stock:
            share = np.minimum(self.problem.offered[:, line] / self.problem.needed[line], 1.0)
            share[~self.allowed] = 0.0
            if share.any():
                self._limit(self._row(share), min(1.0, float(share.sum())) - _SLACK, np.inf)

    def _people_limits(self) -> None:
        problem, ones = self.problem, np.ones(self.places)
        spent = [(self.every, -problem.people)]
        for skill, line in enumerate(self.skills):
            own = self.at(skill)
            spent.append((own, problem.people if problem.kinds[line] == "teams" else ones))
            self._at_most_nothing([(own, ones), (self.every, -problem.offered[:, line])])
            self._limit(self._row(ones, int(own[0])), 0.0, float(problem.needed[line]))
        self._at_most_nothing(spent)
        self._limit(self._met(), self._most() - _SLACK, np.inf)

    def _met(self) -> Floats:
        """The shares of the skills' needs that are met, summed."""
        row = np.zeros(self.size)
        for skill, line in enumerate(self.skills):
            row[self.at(skill)] = 1.0 / self.problem.needed[line]
        return row

    def _most(self) -> float:
        if len(self.skills) == 1:
            line = self.skills[0]
            total = float(self.problem.offered[self.allowed, line].sum())
            return min(1.0, total / float(self.problem.needed[line]))
        return -self._best(-self._met())[0]

    def chosen(self, objective: Objective) -> NDArray[np.bool_]:
        used = np.ones(self.places)
        if (self.problem.guessed & self.allowed).any() and not self.problem.guessed.all():
            guessed = self.problem.guessed.astype(np.float64)
            self._hold(guessed, round(self._best(self._row(guessed))[0]))
        if objective == "fewest":
            self._hold(used, round(self._best(self._row(used))[0]))
            self._soonest()
        else:
            self._soonest()
            self._hold(used, round(self._best(self._row(used))[0]))
        seconds = self.problem.duration_s
        _, best = self._best(self._row(seconds / max(1.0, float(seconds.max()))))
        return self._settled(best)

    def _settled(self, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Among places that are alike in everything the first ones."""
        problem, out = self.problem, chosen.copy()
        alike = np.column_stack(
            [problem.offered, problem.people, problem.duration_s, problem.guessed, self.allowed]
        )
        for n in np.flatnonzero(chosen).tolist():
            same = np.flatnonzero((alike[:n] == alike[n]).all(axis=1) & ~out[:n])
            if len(same):
                out[n], out[same[0]] = False, True
        return out

    def _hold(self, values: Floats, most: float) -> None:
        self._limit(self._row(values), -np.inf, most + _SLACK)

    def _soonest(self) -> None:
        """Let nobody be used who comes later than is needed: the least such time, by halving."""
        times = np.unique(self.problem.duration_s[self.allowed])
        low, high = 0, len(times) - 1
        known = self.allowed
        while low < high:
            middle = (low + high) // 2
            self.allowed = known & (self.problem.duration_s <= times[middle])
            if self._can():
                high = middle
            else:
                low = middle + 1
        self.allowed = known & (self.problem.duration_s <= times[high])

    def _can(self) -> bool:
        return self.solved(np.zeros(self.size)) is not None

    def _best(self, cost: Floats) -> tuple[float, NDArray[np.bool_]]:
        found = self.solved(cost)
        assert found is not None, "what was possible a stage ago is possible"
        return float(cost @ found), found[: self.places] > 0.5

    def _left(self) -> float:
        return max(_LEAST_SECONDS, self.deadline - time.monotonic())

    def solved(self, cost: Floats) -> Floats | None:
        high = np.ones(self.size)
        high[: self.places] = self.allowed
        for skill, line in enumerate(self.skills):
            most = np.minimum(self.problem.offered[:, line], self.problem.needed[line])
            high[self.at(skill)] = np.where(self.allowed, most, 0.0)
        found = milp(
            cost,
            constraints=[LinearConstraint(*limit) for limit in self.limits],
            integrality=np.ones(self.size),
            bounds=Bounds(0.0, high),
            options={"time_limit": self._left(), "mip_rel_gap": 0.0},
        )
        if found.status == 1:
            self.proved = False
        if found.x is None:
            return None
        return np.asarray(found.x, np.float64).round()


def _given(problem: Problem, work: _Stages, chosen: NDArray[np.bool_]) -> Floats:
    """What each chosen place gives: the earliest first, whole numbers of people."""
    given = np.zeros_like(problem.offered)
    # The others stand behind: what the solver's tolerance left out of a huge amount is theirs.
    seconds = problem.duration_s
    order = sorted(range(work.places), key=lambda n: (not chosen[n], seconds[n], n))
    for line in work.stock:
        missing = float(problem.needed[line])
        for n in order:
            given[n, line] = min(float(problem.offered[n, line]), missing)
            missing -= given[n, line]
    if work.skills:
        _send(problem, work, chosen, order[: int(chosen.sum())], given)
    return given


def _send(
    problem: Problem,
    work: _Stages,
    chosen: NDArray[np.bool_],
    order: list[int],
    given: Floats,
) -> None:
    """People to lines of skill: as many as can be, the earliest first."""
    if len(work.skills) == 1 and problem.kinds[work.skills[0]] == "people":
        line = work.skills[0]
        missing = float(problem.needed[line])
        for n in order:
            given[n, line] = min(float(problem.offered[n, line]), missing)
            missing -= given[n, line]
        return
    work.allowed = chosen
    late = np.zeros(work.size)
    for rank, n in enumerate(order, 1):
        for skill in range(len(work.skills)):
            late[work.at(skill)[n]] = rank / len(order)
    found = work.solved(late)
    assert found is not None
    for skill, line in enumerate(work.skills):
        given[:, line] = found[work.at(skill)]
