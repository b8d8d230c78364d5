"""What tags, layers and restrictions make of a network, on maps small enough to see."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import psycopg
import pytest

from mapsvc import demo, roads
from mapsvc.catalog import Catalog
from mapsvc.database import Db
from mapsvc.errors import BadInput
from mapsvc.roads import Place, closures, loading, osm, rules
from mapsvc_demo import County, RoadNetwork, Way
from tests.road_sketch import EAST, LAT, LON, NORTH, Sketch

pytestmark = pytest.mark.anyio
Load = Callable[[Sketch], Awaitable[dict[str, Any]]]


@pytest.fixture
def load(db: Db, tmp_path: Path) -> Load:
    async def inside(sketch: Sketch) -> dict[str, Any]:
        drawn = osm.read(sketch.write(tmp_path / "sketch.osm"))
        return await loading.load(db, drawn, source="sketch", actor="test")

    return inside


async def trip(db: Db, start: Place, end: Place, **how: Any) -> roads.Journey:
    """One journey, asked for both ways of growing the tree, which must agree."""
    [to] = await roads.journeys(db, [start], end, direction="to", **how)
    [away] = await roads.journeys(db, [end], start, direction="from", **how)
    assert to.by == away.by
    assert to.duration_s == pytest.approx(away.duration_s, abs=1e-6)
    assert to.distance_m == pytest.approx(away.distance_m, abs=1e-6)
    return to


LINE = {"a": (0.0, 0.0), "b": (1000.0, 0.0)}


@pytest.mark.parametrize(
    ("tags", "there", "back"),
    [
        ({}, 60, 60),
        ({"oneway": "yes"}, 60, None),
        ({"oneway": "1"}, 60, None),
        ({"oneway": "-1"}, None, 60),
        ({"oneway": "no"}, 60, 60),
        ({"oneway": "reversible"}, None, None),
        ({"highway": "motorway"}, 100, None),
        ({"highway": "motorway", "oneway": "no"}, 100, 100),
        ({"junction": "roundabout"}, 60, None),
        ({"highway": "tertiary"}, 40, 40),
        ({"maxspeed": "45"}, 45, 45),
        ({"maxspeed": "30 mph"}, 48.28032, 48.28032),
        ({"maxspeed": "none"}, 60, 60),
        ({"maxspeed": "CN:urban"}, 60, 60),
        ({"maxspeed:forward": "20"}, 20, 60),
        ({"access": "private"}, None, None),
        ({"access": "no", "motor_vehicle": "yes"}, 60, 60),
        ({"motorcar": "no"}, None, None),
        ({"access": "private", "emergency": "yes"}, 60, 60),
        ({"access": "destination"}, 60, 60),
        ({"hgv": "no", "maxweight": "3.5"}, 60, 60),
    ],
)
async def test_tags_of_the_light_vehicle(
    db: Db, load: Load, tags: dict[str, str], there: float | None, back: float | None
) -> None:
    sketch = Sketch(LINE | {"c": (0, 900), "d": (100, 900)}, {"ab": tags, "cd": {}})
    await load(sketch)
    for start, end, kmh in (("a", "b", there), ("b", "a", back)):
        found = await trip(db, sketch.at(start), sketch.at(end))
        if kmh is None:
            assert found.access_m > 100 or found.by == "estimate"
        else:
            assert found.by == "road"
            assert found.duration_s == pytest.approx(1000 / (kmh / 3.6), rel=1e-3)


@pytest.mark.parametrize(
    ("tags", "kmh"),
    [
        ({}, 48),
        ({"maxspeed": "120"}, 80),
        ({"maxspeed:hgv": "30"}, 30),
        ({"hgv": "no"}, None),
        ({"maxweight": "3.5"}, None),
        ({"maxweight": "20 t"}, 48),
        ({"maxheight": "2.8"}, None),
        ({"maxheight": "4.5 m"}, 48),
    ],
)
async def test_tags_of_the_truck(
    db: Db, load: Load, tags: dict[str, str], kmh: float | None
) -> None:
    sketch = Sketch(LINE, {"ab": tags})
    await load(sketch)
    found = await trip(db, sketch.at("a"), sketch.at("b"), profile="truck")
    assert (found.by == "road") == (kmh is not None)
    if kmh:
        assert found.duration_s == pytest.approx(1000 / (kmh / 3.6), rel=1e-3)


async def test_the_same_edge_whole_and_in_part(db: Db, load: Load) -> None:
    # A one-way loop of four sides: against its sense one goes all the way round.
    square = {"a": (0.0, 0.0), "b": (200.0, 0.0), "c": (200.0, 200.0), "d": (0.0, 200.0)}
    sketch = Sketch(square, {"abcda": {"oneway": "yes"}})
    await load(sketch)
    low, high = (Place(LON + x / EAST, LAT) for x in (50, 150))
    with_it, against = await trip(db, low, high), await trip(db, high, low)
    assert with_it.distance_m == pytest.approx(100, abs=0.3)
    assert against.distance_m == pytest.approx(700, abs=1)
    assert (await trip(db, low, low)).duration_s == 0
    aside = Place(LON + 50 / EAST, LAT - 40 / NORTH)
    found = await trip(db, aside, high)
    assert found.access_m == pytest.approx(40, abs=0.1)
    assert found.duration_s == pytest.approx(100 / (60 / 3.6) + 40 / (4 / 3.6), rel=2e-3)


async def test_who_is_nearer_than_the_road_goes_straight(db: Db, load: Load) -> None:
    sketch = Sketch(LINE, {"ab": {}})
    await load(sketch)
    event, near, far = (Place(LON + x / EAST, LAT + 500 / NORTH) for x in (400, 700, 950))
    found = await trip(db, near, event)
    assert (found.by, found.distance_m) == ("road", pytest.approx(300, abs=1))
    assert found.access_m == found.distance_m
    assert found.duration_s == pytest.approx(found.distance_m / (4 / 3.6))
    assert (await trip(db, far, event)).access_m == pytest.approx(1000, abs=2)
    route = await roads.route(db, near, event)
    assert route is not None
    assert [s.text for s in route.steps] == ["不经道路，直接前往", "到达，步行 300 米"]
    assert len(route.geometry["coordinates"]) == 2
    for starts, ends in (([event], [near, far]), ([near, far], [event])):
        fastest = await roads.fastest(db, starts, ends)
        assert fastest[0] == pytest.approx(found.duration_s, rel=1e-3)


async def test_a_bridge_does_not_join_what_runs_below(db: Db, load: Load) -> None:
    nodes = {
        "a": (0.0, 0.0),
        "b": (1000.0, 0.0),
        "c": (500.0, -500.0),
        "d": (500.0, 500.0),
        "e": (1000.0, 900.0),
    }
    ways = {"ab": {}, "cd": {"bridge": "yes", "layer": "1"}, "de": {}, "be": {}}
    sketch = Sketch(nodes, ways)
    report = await load(sketch)
    assert (report["islands"], report["bridges"]) == (1, 1)
    found = await trip(db, sketch.at("a"), sketch.at("d"))
    assert found.distance_m == pytest.approx(1000 + 900 + 640.3, rel=2e-3)


@pytest.mark.parametrize(
    ("tags", "passes"),
    [
        ({}, True),
        ({"barrier": "bollard"}, False),
        ({"barrier": "bollard", "motor_vehicle": "yes"}, True),
        ({"barrier": "bollard", "emergency": "yes"}, True),
        ({"barrier": "gate"}, True),
        ({"barrier": "gate", "access": "private"}, False),
    ],
)
async def test_barriers(db: Db, load: Load, tags: dict[str, str], passes: bool) -> None:
    nodes = {"a": (0.0, 0.0), "b": (200.0, 0.0), "c": (400.0, 0.0), "d": (0, 200), "e": (400, 200)}
    sketch = Sketch(nodes, {"abc": {}, "adec": {}}, node_tags={"b": tags})
    report = await load(sketch)
    assert report["barriers"] == (0 if passes else 1)
    found = await trip(db, sketch.at("a"), sketch.at("c"))
    assert found.distance_m == pytest.approx(400 if passes else 800, rel=2e-3)


async def test_islands_are_counted_and_not_joined_by_a_guess(db: Db, load: Load) -> None:
    nodes = LINE | {
        "c": (0.0, 3000.0),
        "d": (400.0, 3000.0),
        "e": (0.0, 5000.0),
        "f": (9.0, 5000.0),
    }
    sketch = Sketch(nodes, {"ab": {}, "cd": {}, "ef": {}})
    report = await load(sketch)
    assert report["islands"] == 3
    assert report["largest_share"] == pytest.approx(1000 / 1409, abs=0.002)
    assert any("3 片" in line and "71.0%" in line for line in loading.told(report))
    found = await trip(db, sketch.at("a"), sketch.at("d"))
    assert found.by == "estimate"
    assert found.distance_m == pytest.approx(float(np.hypot(400, 3000)), rel=1e-3)
    kept = await (await db.execute("select report from road_network")).fetchone()
    assert kept is not None
    assert kept[0]["islands"] == 3


# A long road, and beside the place a scrap of road that no way leads onto or off.
BESIDE = {
    "a": (0.0, 0.0),
    "b": (3000.0, 0.0),
    "c": (1400.0, 40.0),
    "d": (1600.0, 40.0),
}


@pytest.mark.parametrize("direction", ["to", "from"])
@pytest.mark.parametrize(
    ("scrap", "off_m", "access_m"),
    [
        ({"cd": {}}, 60.0, 60.0),  # an island: the road is 40 m farther
        ({"cd": {}}, 240.0, 240.0),
        ({"cd": {}}, 40.0, None),  # it stands on the island
        ({"cd": {}}, 20.0, 20.0),
    ],
)
async def test_a_scrap_of_road_keeps_nobody_off_the_network(
    db: Db,
    load: Load,
    direction: roads.Direction,
    scrap: dict[str, dict[str, str]],
    off_m: float,
    access_m: float | None,
) -> None:
    sketch = Sketch(BESIDE | {"p": (1500.0, off_m)}, {"ab": {}} | scrap)
    await load(sketch)
    (found,) = await roads.journeys(db, [sketch.at("p")], sketch.at("a"), direction=direction)
    if access_m is None:
        assert found.by == "estimate"
        return
    assert found.by == "road"
    assert found.access_m == pytest.approx(access_m, abs=0.2)
    assert found.distance_m == pytest.approx(1500 + access_m, abs=2)
    (back,) = await roads.journeys(db, [sketch.at("a")], sketch.at("p"), direction=direction)
    assert back.by == "road"


async def test_a_street_that_only_leads_away_is_no_way_in(db: Db, load: Load) -> None:
    # f is where a one-way street from e ends: nobody gets away from there.
    nodes = BESIDE | {"e": (1500.0, 0.0), "f": (1500.0, 150.0), "p": (1480.0, 140.0)}
    sketch = Sketch(nodes, {"aeb": {}, "ef": {"oneway": "yes"}})
    await load(sketch)
    place, end = sketch.at("p"), sketch.at("a")
    (to,) = await roads.journeys(db, [place], end)
    assert (to.by, round(to.access_m)) == ("road", 140)
    (into,) = await roads.journeys(db, [place], end, direction="from")
    assert (into.by, round(into.access_m)) == ("road", 20)


async def test_a_long_road_apart_is_a_network_of_its_own(db: Db, load: Load) -> None:
    nodes = BESIDE | {"c": (0.0, 40.0), "d": (2500.0, 40.0), "p": (100.0, 60.0), "q": (2400, 60.0)}
    sketch = Sketch(nodes, {"ab": {}, "cd": {}})
    await load(sketch)
    (found,) = await roads.journeys(db, [sketch.at("p")], sketch.at("q"))
    assert (found.by, round(found.access_m)) == ("road", 40)
    (apart,) = await roads.journeys(db, [sketch.at("p")], sketch.at("a"))
    assert apart.by == "estimate"


# A crossroads b in the middle, and a long way round from every arm to the next.
CROSS = {
    "w": (-300.0, 0.0),
    "b": (0.0, 0.0),
    "e": (300.0, 0.0),
    "n": (0.0, 300.0),
    "s": (0.0, -300.0),
}
ARMS: dict[str, dict[str, str]] = {"wb": {}, "be": {}, "bn": {}, "bs": {}, "en": {}}


@pytest.mark.parametrize(
    ("ban", "metres", "held"),
    [
        (None, 600, (0, 0)),
        (("no_left_turn", "wb", "b", "bn"), 300 + 300 + 424.3, (1, 0)),
        (("only_straight_on", "wb", "b", "be"), 300 + 300 + 424.3, (1, 0)),
        # Out by one road and back through the junction is allowed: the turn from there is another.
        (("only_right_turn", "wb", "b", "bs"), 300 + 300 + 300 + 300, (1, 0)),
        (("no_left_turn", "be", "b", "bs"), 600, (1, 0)),
        (("no_left_turn", "wb", "e", "bn"), 600, (0, 0)),
        (("no_left_turn", "wb", "be", "en"), 600, (0, 1)),
    ],
)
async def test_a_banned_turn_is_driven_round(
    db: Db,
    load: Load,
    ban: tuple[str, str, str, str] | None,
    metres: float,
    held: tuple[int, int],
) -> None:
    sketch = Sketch(CROSS, ARMS, [ban] if ban else [])
    report = await load(sketch)
    assert (report["turn_bans"], report["turn_bans_left_out"]) == held
    found = await trip(db, sketch.at("w"), sketch.at("n"))
    assert found.distance_m == pytest.approx(metres, rel=2e-3)


async def test_bans_for_others_do_not_hold(db: Db, load: Load) -> None:
    ban = ("no_left_turn", "wb", "b", "bn")
    sketch = Sketch(CROSS, ARMS, [ban], {"except": "motorcar;bicycle"})
    report = await load(sketch)
    assert (report["turn_bans"], report["turn_bans_left_out"]) == (0, 1)
    assert (await trip(db, sketch.at("w"), sketch.at("n"))).distance_m == pytest.approx(600, 0.01)


async def test_no_u_turn_and_two_bans_in_a_row(db: Db, load: Load) -> None:
    nodes = CROSS | {"x": (600.0, 0.0)}
    ways = {"wb": {}, "be": {}, "ex": {}, "bn": {"oneway": "yes"}}
    bans = [
        ("no_left_turn", "wb", "b", "bn"),
        ("no_u_turn", "be", "e", "be"),
    ]
    sketch = Sketch(nodes, ways, bans)
    await load(sketch)
    # Straight on, not round at e but at x, and back to turn right into n.
    found = await trip(db, sketch.at("w"), sketch.at("n"))
    assert found.distance_m == pytest.approx(300 + 600 + 600 + 300, rel=2e-3)


@pytest.mark.parametrize("seed", range(6))
async def test_many_random_bans_equal_a_search_over_turns(db: Db, load: Load, seed: int) -> None:
    rng = np.random.default_rng(seed)
    letters = [chr(ord("a") + n) for n in range(16)]
    nodes = {
        c: (float(n % 4 * 200 + rng.uniform(-40, 40)), float(n // 4 * 200 + rng.uniform(-40, 40)))
        for n, c in enumerate(letters)
    }
    ways: dict[str, dict[str, str]] = {}
    for n, c in enumerate(letters):
        for step in ([1] if n % 4 < 3 else []) + ([4] if n < 12 else []):
            ways[c + letters[n + step]] = {
                "oneway": str(rng.choice(["no", "no", "no", "yes", "-1"]))
            }
    bans = []
    for word, via in itertools.product(ways, letters):
        others = [o for o in ways if via in o]
        if via in word and rng.random() < 0.4:
            kind = str(rng.choice(["no_left_turn", "no_left_turn", "only_straight_on"]))
            bans.append((kind, word, via, str(rng.choice(others))))
    sketch = Sketch(nodes, ways, bans)
    await load(sketch)
    turns = _turn_graph(sketch)
    for start in letters[::3]:
        out = {arc for arc in turns if arc[1] == start}
        lengths: dict[Any, float] = {}
        for arc in out:
            first = turns.nodes[arc]["m"]
            for end, metres in nx.single_source_dijkstra_path_length(
                turns, arc, weight="m"
            ).items():
                key = end[2]
                lengths[key] = min(lengths.get(key, np.inf), first + metres)
        others = [c for c in letters if c != start]
        found = await roads.journeys(
            db, [sketch.at(c) for c in others], sketch.at(start), direction="from"
        )
        for c, journey in zip(others, found, strict=True):
            true = lengths.get(c, np.inf)
            assert (journey.by == "road") == np.isfinite(true), (start, c)
            if journey.by == "road":
                assert journey.distance_m == pytest.approx(true, rel=2e-3), (start, c)


def _turn_graph(sketch: Sketch) -> nx.DiGraph:
    """Every drive along a way is a node, every allowed turn an arc."""
    graph = nx.DiGraph()
    for word, tags in sketch.ways.items():
        for a, b in (word, word[::-1]):
            if (tags["oneway"], a == word[0]) not in (("yes", False), ("-1", True)):
                metres = float(np.hypot(*np.subtract(sketch.nodes[a], sketch.nodes[b])))
                graph.add_node((word, a, b), m=metres)
    for one, two in itertools.product(list(graph), repeat=2):
        if one[2] != two[1]:
            continue
        allowed = True
        for kind, from_way, via, to_way in sketch.bans:
            if from_way == one[0] and via == one[2]:
                reachable = any(n[0] == to_way and n[1] == via for n in graph)
                if kind.startswith("only_"):
                    allowed &= two[0] == to_way or not reachable
                else:
                    allowed &= two[0] != to_way
        if allowed:
            graph.add_edge(one, two, m=graph.nodes[two]["m"])
    return graph


@pytest.mark.parametrize("suffix", [".osm", ".osm.gz", ".osm.pbf"])
async def test_every_form_of_file_gives_the_same_network(
    db: Db, tmp_path: Path, suffix: str
) -> None:
    ban = ("no_left_turn", "wb", "b", "bn")
    drawn = osm.read(Sketch(CROSS, ARMS, [ban]).write(tmp_path / f"x{suffix}"))
    report = await loading.load(db, drawn, source="x", actor="test")
    assert (report["ways"], report["edges"], report["turn_bans"]) == (5, 5, 1)


async def test_long_roads_are_cut_so_that_a_closure_shuts_a_part(db: Db, load: Load) -> None:
    nodes = {chr(ord("a") + n): (n * 100.0, 0.0) for n in range(11)}
    await load(Sketch(nodes, {"".join(nodes): {}}))
    rows = await (await db.execute("select round(length_m) from road_edge order by id")).fetchall()
    assert [row[0] for row in rows] == [200] * 5


async def test_what_is_no_road_map_is_refused_and_the_old_network_stays(
    db: Db, load: Load, tmp_path: Path
) -> None:
    await load(Sketch(LINE, {"ab": {}}))
    junk = tmp_path / "junk.osm"
    junk.write_text("<osm", encoding="utf-8")
    with pytest.raises(BadInput, match="无法读取"):
        osm.read(junk)
    with pytest.raises(BadInput, match="没有车辆可以通行"):
        await load(Sketch(LINE, {"ab": {"highway": "footway"}}))
    assert (await (await db.execute("select count(*) from road_edge")).fetchone()) == (1,)


async def test_a_new_load_takes_the_place_of_the_old(db: Db, load: Load) -> None:
    first, second = Sketch(LINE, {"ab": {}}), Sketch(LINE, {"ab": {"maxspeed": "30"}})
    await load(first)
    before = await trip(db, first.at("a"), first.at("b"))
    await load(second)
    after = await trip(db, first.at("a"), first.at("b"))
    assert after.duration_s == pytest.approx(before.duration_s * 2)
    rows = await (await db.execute("select count(*), min(id) from road_edge")).fetchone()
    assert rows == (1, 2)


async def test_a_load_meanwhile_disturbs_no_answer(conninfo: str, db: Db, load: Load) -> None:
    sketch = Sketch(CROSS, ARMS)
    await load(sketch)
    asked = [sketch.at(c) for c in "wens"] * 5
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as other:
        right = await roads.journeys(other, asked, sketch.at("b"))

        async def ask() -> None:
            for _ in range(40):
                assert await roads.journeys(other, asked, sketch.at("b")) == right

        async def reload() -> None:
            for _ in range(8):
                await load(sketch)

        await asyncio.gather(ask(), reload())


async def test_rules_of_the_county(db: Db, load: Load) -> None:
    await rules.change(db, {"primary": 30, "rain": 2, "offroad_most": 100})
    sketch = Sketch(LINE, {"ab": {}})
    await load(sketch)
    a, b = sketch.at("a"), sketch.at("b")
    found = await trip(db, a, b, conditions="rain")
    assert found.duration_s == pytest.approx(2 * 1000 / (30 / 3.6), rel=1e-3)
    far = Place(a.lon, a.lat + 150 / NORTH)
    assert (await trip(db, far, b)).by == "estimate"
    for wrong in ({"rian": 1.5}, {"rain": 0.5}, {"rain": float("nan")}, {"offroad": -1}):
        with pytest.raises(BadInput):
            await rules.change(db, wrong)


async def test_the_turn_list_reads_like_a_road(db: Db, load: Load) -> None:
    nodes = {
        "a": (0.0, 0.0),
        "b": (400.0, 0.0),
        "c": (800.0, 0.0),
        "d": (800.0, 500.0),
        "e": (820.0, 520.0),
        "f": (800.0, 540.0),
        "g": (780.0, 520.0),
        "h": (800.0, 900.0),
        "i": (400.0, -300.0),
        "j": (1200.0, 900.0),
        "k": (1200.0, 1300.0),
    }
    ways = {
        "ab": {"name": "人民路"},
        "bc": {"name": "人民路"},
        "bi": {"name": "支巷"},
        "cd": {"name": "建设路"},
        "defgd": {"junction": "roundabout"},
        "fh": {"name": "建设路"},
        "hj": {"name": "滨江大桥", "bridge": "yes"},
        "jk": {},
    }
    sketch = Sketch(nodes, ways)
    await load(sketch)
    route = await roads.route(db, sketch.at("a"), sketch.at("k"))
    assert route is not None
    assert [s.text for s in route.steps] == [
        "出发，沿人民路行驶 800 米",
        "左转进入建设路，行驶 500 米",
        "进入环岛，绕行 57 米",
        "驶出环岛，进入建设路，行驶 360 米",
        "右转上桥，进入滨江大桥，行驶 400 米（经桥 1 座）",
        "左转进入主要公路，行驶 400 米",
        "到达",
    ]
    assert [s.name for s in route.steps[:2]] == ["人民路", "建设路"]
    assert route.geometry["type"] == "LineString"
    back = await roads.route(db, sketch.at("k"), sketch.at("a"))
    assert back is not None
    assert back.steps[1].text.startswith("右转上桥，进入滨江大桥")


async def test_an_older_demo_county_gets_its_network_and_keeps_its_data(
    demo_copy: str, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    roads_only = RoadNetwork(
        {1: (111.0, 28.0), 2: (111.01, 28.0)}, [Way(1, (1, 2), {"highway": "trunk"})]
    )
    monkeypatch.setattr(demo, "build", lambda **_: County("9", "九", [], {}, roads=roads_only))
    counts = "select (select count(*) from feature), (select count(*) from road_edge)"
    async with await psycopg.AsyncConnection.connect(demo_copy, autocommit=True) as old:
        before = await (await old.execute(counts)).fetchone()
        assert before is not None
        said: list[str] = []
        await demo.load(old, catalog, said.append)
        assert said == []
        await old.execute("truncate road_network, road_node, road_edge, road_arc")
        await demo.load(old, catalog, said.append)
        assert len(said) == 1
        assert await (await old.execute(counts)).fetchone() == (before[0], 1)


async def test_inside_a_large_closure_one_walks_to_the_nearest_open_road(
    db: Db, load: Load
) -> None:
    nodes = {"a": (0.0, 0.0), "b": (300.0, 0.0), "c": (0.0, 900.0), "d": (300.0, 900.0)}
    nodes |= {"e": (0.0, 2000.0), "f": (300.0, 2000.0)}
    sketch = Sketch(nodes, {"ab": {}, "cd": {}, "ef": {}})
    await load(sketch)
    south, north = (Place(LON + 150 / EAST, LAT + y / NORTH) for y in (0, 1000))
    assert (await trip(db, south, sketch.at("b"))).access_m == pytest.approx(0, abs=0.1)
    box = [
        [LON - 0.1, LAT - 0.1],
        [LON + 0.1, LAT - 0.1],
        [LON + 0.1, LAT + 500 / NORTH],
        [LON - 0.1, LAT + 500 / NORTH],
    ]
    wanted = closures.Wanted(
        frozenset(), geometry={"type": "Polygon", "coordinates": [[*box, box[0]]]}, reason="洪水"
    )
    await closures.create(db, wanted, actor="test", scope=None)
    found = await trip(db, south, north)
    assert (found.by, found.access_m) == ("road", pytest.approx(1000, abs=2))
    assert (await trip(db, south, sketch.at("f"))).by == "estimate"
