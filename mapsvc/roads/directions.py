"""A journey in words: 出发, 左转, 进入环岛 and so on, with road names and metres."""

from dataclasses import dataclass
from math import atan2, cos, degrees, radians
from typing import TYPE_CHECKING

from mapsvc.roads.drawing import Stretch, Stretches, part_of
from mapsvc.roads.graph import Floats, Piece

if TYPE_CHECKING:
    from mapsvc.roads.state import Roads

_NAMELESS = {
    "motorway": "高速公路",
    "trunk": "干线公路",
    "primary": "主要公路",
    "secondary": "次要公路",
    "tertiary": "三级道路",
    "unclassified": "乡村道路",
    "residential": "街道",
    "living_street": "街道",
    "service": "内部道路",
    "track": "机耕道",
}
_SLIGHT, _TURN, _BACK = 25.0, 50.0, 170.0
"""Degrees from which one bears, turns, goes back."""
_WORTH_A_LINE_M = 30.0
"""Metres off the road that are worth a line of their own."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the turn list; metres, and seconds under the conditions asked for."""

    text: str
    name: str
    distance_m: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Walk:
    """The way between a place and the road."""

    metres: float
    seconds: float


@dataclass(frozen=True, slots=True)
class _At:
    """A piece of the journey with its name and its points in the order of travel."""

    piece: Piece
    stretch: Stretch
    line: Floats


@dataclass(slots=True)
class _Leg:
    """Pieces that belong to one step."""

    how: str
    name: str
    roundabout: bool
    metres: float = 0.0
    seconds: float = 0.0
    bridges: int = 0
    tunnels: int = 0
    on: tuple[bool, bool] = (False, False)

    def take(self, stretch: Stretch, metres: float, seconds: float) -> None:
        self.metres += metres
        self.seconds += seconds
        self.bridges += stretch.bridge and not self.on[0]
        self.tunnels += stretch.tunnel and not self.on[1]
        self.on = (stretch.bridge, stretch.tunnel)

    def step(self) -> Step:
        far = _far(self.metres)
        if self.roundabout:
            text = f"{self.how}，绕行 {far}"
        else:
            crossed = [f"桥 {self.bridges} 座"] if self.bridges else []
            crossed += [f"隧道 {self.tunnels} 座"] if self.tunnels else []
            comma = "" if self.how.startswith("出发") else "，"
            text = f"{self.how}{comma}行驶 {far}" + (
                f"（经{'、'.join(crossed)}）" if crossed else ""
            )
        return Step(text, self.name, round(self.metres, 1), round(self.seconds, 1))


def steps_of(
    trail: list[Piece], seen: Stretches, roads: "Roads", start: Walk, end: Walk
) -> list[Step]:
    """The turn list, pieces of the same road merged."""
    legs: list[_Leg] = []
    graph = roads.graph
    before: _At | None = None
    for piece in trail:
        stretch = seen[piece.edge]
        metres = piece.share * float(graph.length_m[piece.edge])
        if metres == 0 and len(trail) > 1:
            continue
        here = _At(piece, stretch, part_of(piece, stretch.line))
        if before is None:
            legs.append(_Leg(f"出发，沿{_called(stretch)}", _called(stretch), stretch.roundabout))
        else:
            how = _manoeuvre(before, here, forks=graph.forks_after(before.piece))
            if how:
                legs.append(_Leg(how, _called(stretch), stretch.roundabout))
        seconds = graph.along(piece.edge, piece.start, piece.end, roads.profile) * roads.factor
        legs[-1].take(stretch, metres, seconds)
        before = here
    if trail and not legs:  # both ends of one junction
        legs.append(_Leg("出发", "", roundabout=False))
    if legs and start.metres < _WORTH_A_LINE_M:
        legs[0].metres += start.metres
        legs[0].seconds += start.seconds
    out = [leg.step() for leg in legs]
    if not trail:
        out = [Step("不经道路，直接前往", "", 0.0, 0.0)]
    if start.metres >= _WORTH_A_LINE_M:
        words = f"起点离道路 {_far(start.metres)}，先到路边"
        out.insert(0, Step(words, "", round(start.metres, 1), round(start.seconds, 1)))
    off = "步行" if not trail else "离开道路再走"
    last = f"，{off} {_far(end.metres)}" if end.metres >= _WORTH_A_LINE_M or not trail else ""
    out.append(Step(f"到达{last}", "", round(end.metres, 1), round(end.seconds, 1)))
    return out


def _manoeuvre(before: _At, after: _At, *, forks: bool) -> str:
    """What the driver does between two pieces; empty where the road just goes on."""
    old, new = before.stretch, after.stretch
    if new.roundabout:
        return "" if old.roundabout else "进入环岛"
    if old.roundabout:
        return f"驶出环岛，进入{_called(new)}"
    same = _called(old) == _called(new)
    back = before.piece.edge == after.piece.edge
    if same and not forks and not back:
        return ""
    angle = 180.0 if back else _turned(before.line, after.line)
    if same and abs(angle) < _TURN:
        return ""
    onto = "上桥，" if new.bridge and not old.bridge else ""
    return f"{_turn(angle)}{onto}进入{_called(new)}"


def _turn(angle: float) -> str:
    if abs(angle) >= _BACK:
        return "掉头"
    if abs(angle) < _SLIGHT:
        return "直行"
    if abs(angle) < _TURN:
        return "向右前方" if angle > 0 else "向左前方"
    return "右转" if angle > 0 else "左转"


def _called(stretch: Stretch) -> str:
    usual = "匝道" if stretch.class_.endswith("_link") else _NAMELESS.get(stretch.class_, "道路")
    return stretch.name or usual


def _turned(old: Floats, new: Floats) -> float:
    """Degrees to the right (negative: left) from the end of one line to the start of the other."""
    if len(old) < 2 or len(new) < 2:
        return 0.0
    return (_heading(new[0], new[1]) - _heading(old[-2], old[-1]) + 180) % 360 - 180


def _heading(a: Floats, b: Floats) -> float:
    east = (float(b[0]) - float(a[0])) * cos(radians(float(a[1])))
    return degrees(atan2(east, float(b[1]) - float(a[1])))


def _far(metres: float) -> str:
    return f"{metres / 1000:.1f} 公里" if metres >= 1000 else f"{max(1, round(metres)):d} 米"
