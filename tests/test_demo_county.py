"""The demo county: complete, consistent, connected, and the same on every run."""

import hashlib
import io
import math
import os
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

import numpy as np
import osmium
import pytest
import shapely
from PIL import Image
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mapsvc_demo import DEMO_DAY, County, Region, build, build_province, write_roads
from mapsvc_demo.plane import Plane
from mapsvc_demo.terrain import raise_land
from mapsvc_demo.territory import _inside, _rounded
from mapsvc_demo.water import stems

LAYERS = {"risk_points": 107, "depots": 372, "forces": 351, "command_posts": 351}


def digest(county: County) -> str:
    """One number for all that a county is made of."""
    whole = hashlib.sha256()
    for region in county.regions:
        whole.update(repr((region.code, region.name, region.parent_code)).encode())
        whole.update(region.geometry.wkb)
    for ground in county.ground:
        whole.update(repr((ground.kind, ground.class_, ground.name)).encode())
        whole.update(ground.geometry.wkb)
    for layer in sorted(county.features):
        whole.update(repr(county.features[layer]).encode())
    if county.roads and county.relief:
        whole.update(county.relief.png)
        whole.update(repr(sorted(county.roads.nodes.items())).encode())
        whole.update(
            repr([(w.id, w.nodes, sorted(w.tags.items())) for w in county.roads.ways]).encode()
        )
    return whole.hexdigest()


@pytest.fixture(scope="module")
def county() -> County:
    return build()


@pytest.fixture(scope="module")
def province() -> list[County]:
    return list(build_province(counties=2, points=6000))


def at(county: County, level: str) -> list[Region]:
    return [r for r in county.regions if r.level == level]


def holders(county: County, layer: str) -> list[str]:
    """The code of the village that strictly holds each feature of a layer ('' where none does)."""
    villages = at(county, "village")
    tree = shapely.STRtree([v.geometry for v in villages])
    out = []
    for feature in county.features[layer]:
        found = tree.query(shapely.Point(feature.lon, feature.lat), predicate="within")
        out.append(villages[found[0]].code if len(found) == 1 else "")
    return out


def test_the_county_has_its_regions_and_features(county: County) -> None:
    assert (county.code, county.name) == ("990101", "青岚县")
    assert Counter(r.level for r in county.regions) == {"county": 1, "township": 16, "village": 334}
    assert {layer: len(rows) for layer, rows in county.features.items()} == LAYERS
    levels = Counter(f.attrs["risk_level"] for f in county.features["risk_points"])
    assert levels == {"重大": 8, "较大": 25, "一般": 45, "低": 29}


def test_codes_and_names_are_unique_and_of_the_right_form(county: County) -> None:
    codes = [r.code for r in county.regions]
    assert len(set(codes)) == len(codes)
    for level in ("township", "village"):
        names = [r.name for r in at(county, level)]
        assert len(set(names)) == len(names)
    kinds = {"街道": range(1, 100), "镇": range(100, 200), "乡": range(200, 400)}
    for township in at(county, "township"):
        kind = next(k for k in kinds if township.name.endswith(k))
        assert len(township.code) == 9
        assert int(township.code[6:]) in kinds[kind]
    for village in at(county, "village"):
        urban = village.name.endswith("社区")
        assert len(village.code) == 12
        assert int(village.code[9:]) in (range(1, 200) if urban else range(200, 400))
    for rows in county.features.values():
        assert len({f.code for f in rows}) == len(rows)


def test_villages_make_up_townships_and_these_the_county_without_gap(county: County) -> None:
    villages, townships = at(county, "village"), at(county, "township")
    assert shapely.coverage_is_valid([v.geometry for v in villages])
    assert shapely.coverage_is_valid([t.geometry for t in townships])
    members = defaultdict(list)
    for village in villages:
        assert village.parent_code == village.code[:9]
        members[village.parent_code].append(village.geometry)
    assert set(members) == {t.code for t in townships}
    for township in townships:
        assert township.geometry.geom_type == "Polygon"
        assert shapely.coverage_union_all(members[township.code]).equals(township.geometry)
    whole = at(county, "county")[0].geometry
    assert shapely.coverage_union_all([t.geometry for t in townships]).equals(whole)
    assert isinstance(whole, shapely.Polygon)
    assert len(whole.interiors) == 0


def test_shapes_are_natural_and_of_the_right_size(county: County) -> None:
    plane = Plane(111.2, 27.9, 1, 1, 1)
    km2 = [shapely.transform(v.geometry, plane.metres).area / 1e6 for v in at(county, "village")]
    assert 1500 < sum(km2) < 2100
    assert min(km2) > 0.3
    points = [shapely.get_num_coordinates(v.geometry) for v in at(county, "village")]
    assert 40 < np.median(points) < 200
    # No long straight border: a Voronoi cell would have sides of a kilometre and more.
    for village in at(county, "village"):
        ring = plane.metres(shapely.get_coordinates(village.geometry))
        assert np.hypot(*np.diff(ring, axis=0).T).max() < 1000


def test_every_feature_lies_inside_the_village_it_belongs_to(county: County) -> None:
    names = {r.code: r.name for r in county.regions}
    for layer in ("risk_points", "depots", "forces"):
        for feature, village in zip(county.features[layer], holders(county, layer), strict=True):
            assert village, feature
            address = str(feature.attrs["address"])
            if any(word in address.removeprefix("青岚县") for word in ("村", "社区")):
                assert names[village] in address
            elif address != county.name:
                assert names[village[:9]] in address
    for feature, village in zip(
        county.features["command_posts"], holders(county, "command_posts"), strict=True
    ):
        assert village.startswith(feature.code.removeprefix("ZH-"))


def test_hazards_stand_where_the_land_makes_them(county: County) -> None:
    plane = Plane(111.2, 27.9, 1, 1, 1)
    ground = {
        kind: shapely.union_all(
            [shapely.transform(g.geometry, plane.metres) for g in county.ground if g.kind == kind]
        )
        for kind in ("river", "water", "mine", "forest")
    }
    near = {
        "山洪": ("river", 450),
        "溃坝": ("water", 250),
        "矿山": ("mine", 60),
        "森林火灾": ("forest", 400),
    }
    found: Counter[tuple[str, bool]] = Counter()
    for feature in county.features["risk_points"]:
        kind, most = near.get(str(feature.attrs["hazard_type"]), ("", 0))
        if kind:
            spot = shapely.Point(*plane.metres(np.array([[feature.lon, feature.lat]]))[0])
            found[kind, ground[kind].distance(spot) <= most] += 1
    good = sum(n for (_, fits), n in found.items() if fits)
    assert good >= 0.85 * sum(found.values()), found


def test_the_command_tree_is_complete_and_has_no_circle(county: County) -> None:
    posts = {f.code: f.attrs.get("parent") for f in county.features["command_posts"]}
    assert set(posts) == {f"ZH-{r.code}" for r in county.regions}
    above = {f"ZH-{r.code}": r.parent_code and f"ZH-{r.parent_code}" for r in county.regions}
    assert posts == above
    for code in posts:
        steps, at_ = 0, code
        while (parent := posts[at_]) is not None:
            steps, at_ = steps + 1, str(parent)
            assert steps <= 2
        assert at_ == "ZH-990101"


def test_every_river_runs_downhill_into_another_or_out() -> None:
    terrain = raise_land(Plane(111.2, 27.9, 60_000, 54_000, 250), np.random.default_rng(7))
    found = stems(terrain)
    height = terrain.height.ravel()
    assert len(found) > 30
    for stem in found:
        assert (np.diff(height[stem.cells]) < 0).all()
        if stem.into is not None:
            assert stem.cells[-1] in found[stem.into].cells
            gap = np.hypot(*(found[stem.into].line - stem.line[-1]).T).min()
            assert gap < 1e-6
    assert [n for n, s in enumerate(found) if s.into is None] == [0]
    assert found[0].cells[-1] % terrain.plane.shape[1] == terrain.plane.shape[1] - 1


def test_reservoirs_lie_on_rivers_inside_the_county(county: County) -> None:
    lakes = [g for g in county.ground if g.kind == "water"]
    assert 4 <= len(lakes) <= 8
    rivers = shapely.union_all([g.geometry for g in county.ground if g.kind == "river"])
    for lake in lakes:
        assert lake.geometry.is_valid
        assert lake.geometry.intersects(rivers)
        assert lake.geometry.within(county.regions[0].geometry)


def test_one_can_drive_from_everywhere_to_everywhere(county: County) -> None:
    assert county.roads
    index = {n: i for i, n in enumerate(county.roads.nodes)}
    roads = [w for w in county.roads.ways if "highway" in w.tags]
    pairs = []
    for way in roads:
        steps = list(zip(way.nodes, way.nodes[1:], strict=False))
        pairs += steps
        if way.tags.get("oneway") != "yes":
            pairs += [(b, a) for a, b in steps]
    a, b = np.array([[index[p], index[q]] for p, q in pairs]).T
    graph = coo_matrix((np.ones(a.size), (a, b)), shape=(len(index), len(index)))
    _, part = connected_components(graph, connection="strong")
    assert len({part[index[n]] for w in roads for n in w.nodes}) == 1
    assert sum(w.tags.get("oneway") == "yes" for w in roads) >= 2
    assert {w.tags["highway"] for w in roads} >= {"trunk", "primary", "secondary", "tertiary"}


def test_roads_that_meet_on_the_ground_share_a_node(county: County) -> None:
    assert county.roads
    nodes = county.roads.nodes
    ways = [w for w in county.roads.ways if "highway" in w.tags and "tunnel" not in w.tags]
    lines = [shapely.LineString([nodes[n] for n in w.nodes]) for w in ways]
    pairs = shapely.STRtree(lines).query(lines, predicate="intersects").T
    assert len(pairs) > 1000
    for i, j in pairs.tolist():
        assert set(ways[i].nodes) & set(ways[j].nodes), (ways[i], ways[j])


def test_every_village_is_on_a_road(county: County) -> None:
    plane = Plane(111.2, 27.9, 1, 1, 1)
    lines = [shapely.transform(g.geometry, plane.metres) for g in county.ground if g.kind == "road"]
    tree = shapely.STRtree(lines)
    posts = plane.metres(np.array([[f.lon, f.lat] for f in county.features["command_posts"]]))
    _, far = tree.query_nearest(shapely.points(posts), return_distance=True, all_matches=False)
    assert far.max() < 400


@pytest.mark.parametrize("suffix", [".osm.pbf", ".osm"])
def test_the_roads_file_reads_back_and_bridges_stand_free(
    county: County, tmp_path: Path, suffix: str
) -> None:
    assert county.roads
    path = tmp_path / f"roads{suffix}"
    write_roads(county, path)
    write_roads(county, path)  # replaces the first
    places, ways = {}, {}
    for thing in osmium.FileProcessor(str(path)):
        if isinstance(thing, osmium.osm.Node):
            places[thing.id] = (thing.location.lon, thing.location.lat)
        elif isinstance(thing, osmium.osm.Way):
            ways[thing.id] = (tuple(n.ref for n in thing.nodes), dict(thing.tags))
    assert sorted(places) == sorted(county.roads.nodes)
    moved = [np.subtract(places[n], county.roads.nodes[n]) for n in places]
    assert np.abs(moved).max() < 1e-7
    assert ways == {w.id: (w.nodes, dict(w.tags)) for w in county.roads.ways}

    water = {n for nodes, tags in ways.values() if "waterway" in tags for n in nodes}
    rivers = [
        shapely.LineString([places[n] for n in nodes])
        for nodes, tags in ways.values()
        if "waterway" in tags
    ]
    tree = shapely.STRtree(rivers)
    used = Counter(n for nodes, tags in ways.values() if "highway" in tags for n in set(nodes))
    bridges = 0
    for nodes, tags in ways.values():
        if "highway" not in tags:
            continue
        assert not water & set(nodes)
        crosses = len(tree.query(shapely.LineString([places[n] for n in nodes]), "intersects"))
        if tags.get("bridge") == "yes":
            bridges += 1
            assert tags["layer"] == "1"
            assert crosses
            assert all(used[n] == 1 for n in nodes[1:-1])
        elif "tunnel" not in tags:
            assert not crosses, tags
    assert bridges > 50


def test_roads_need_scenery(province: list[County], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without roads"):
        write_roads(province[0], tmp_path / "roads.osm")


def test_the_relief_is_small_and_covers_the_county(county: County) -> None:
    relief = county.relief
    assert relief
    west, south, east, north = county.regions[0].geometry.bounds
    assert relief.west < west < east < relief.east
    assert relief.south < south < north < relief.north
    assert len(relief.png) < 1_000_000
    picture = Image.open(io.BytesIO(relief.png)).convert("RGBA")
    alpha = np.asarray(picture)[..., 3]

    def mercator(lat: float) -> float:
        return math.log(math.tan(math.pi / 4 + math.radians(lat) / 2))

    span = mercator(relief.north) - mercator(relief.south)
    wide = math.radians(relief.east - relief.west)
    assert picture.height / picture.width == pytest.approx(span / wide, rel=2e-3)
    for feature in county.features["command_posts"]:
        x = (feature.lon - relief.west) / (relief.east - relief.west) * picture.width
        y = (mercator(relief.north) - mercator(feature.lat)) / span * picture.height
        assert alpha[int(y), int(x)] == 255
    assert alpha[0, 0] == 0


def test_stocks_phones_and_dates_have_the_declared_form(county: County) -> None:
    for rows in county.features.values():
        for feature in rows:
            assert feature.verified_on <= DEMO_DAY
            for key, value in feature.attrs.items():
                assert value not in (None, "")
                if key.endswith("_phone"):
                    assert str(value).startswith("1990000")
                    assert len(str(value)) == 11
    for depot in county.features["depots"]:
        items = depot.attrs["items"]
        assert isinstance(items, list)
        assert items
        for item in items:
            assert set(item) - {"expires"} == {"item", "quantity", "unit"}
            assert item["quantity"] > 0
            date.fromisoformat(item.get("expires", "2026-01-01"))
    for risk in county.features["risk_points"]:
        assert date.fromisoformat(str(risk.attrs["found_on"])) < DEMO_DAY
        assert ("scale" in risk.attrs) == (risk.attrs["hazard_type"] in ("滑坡", "崩塌", "泥石流"))


def test_the_same_seed_gives_the_same_bytes_in_another_process(county: County) -> None:
    code = (
        "from test_demo_county import digest\nfrom mapsvc_demo import build\nprint(digest(build()))"
    )
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), *sys.path])
    other = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == digest(county)


def test_a_province_is_many_different_counties(province: list[County]) -> None:
    assert [c.code for c in province] == ["990101", "990102"]
    assert sum(len(rows) for c in province for rows in c.features.values()) == 6000
    assert digest(province[0]) != digest(province[1])
    codes = [f.code for c in province for rows in c.features.values() for f in rows]
    assert len(set(codes)) == len(codes)
    for county in province:
        assert len(at(county, "village")) == 334
        assert shapely.coverage_is_valid([v.geometry for v in at(county, "village")])
        assert all(holders(county, layer) for layer in county.features)
        assert "" not in holders(county, "risk_points") + holders(county, "depots")
    first, second = (c.regions[0].geometry for c in province)
    assert not first.intersects(second)


def test_a_village_on_a_spur_of_the_border_keeps_its_land() -> None:
    """Rounding off the border once cut a village's seat from the county, and lost the village."""
    labels = np.full((40, 60), -1, dtype=np.int64)
    labels[10:30, 5:30] = 0
    labels[19:21, 30:50] = 1  # two cells wide: too thin to survive the rounding
    labels[18:22, 47:50] = 1
    seat = np.array([20 * 60 + 15, 20 * 60 + 48])
    plane = Plane(111.2, 27.9, 60 * 250, 40 * 250, 250)
    kept = _rounded(labels, plane, np.random.default_rng(1), seat)
    assert kept.flat[seat].tolist() == [0, 1]
    assert ndimage.label(kept >= 0)[1] == 1


def test_villages_are_chosen_over_shared_borders() -> None:
    """The nearest centres alone may hold one that touches none of the others."""
    plane = Plane(111.2, 27.9, 60 * 250, 60 * 250, 250)
    owner = np.zeros((60, 60), dtype=np.int64)  # 0 is the rim
    owner[28:32, 28:32], owner[28:32, 32:36] = 1, 2
    owner[34:37, 28:31] = 3  # nearer than 4, but apart
    owner[28:32, 36:56] = 4
    seeds = np.array([0, 30 * 60 + 30, 30 * 60 + 34, 35 * 60 + 29, 30 * 60 + 46])
    chosen = _inside(plane, np.random.default_rng(1), seeds, owner.ravel(), 3)
    assert chosen.tolist() == [1, 2, 4]


def test_another_seed_gives_another_sound_county() -> None:
    small = build(seed=5, townships=4, villages=60, risk_points=20, depots=40, forces=30)
    assert [len(small.features[layer]) for layer in LAYERS] == [20, 40, 30, 65]
    assert shapely.coverage_is_valid([v.geometry for v in at(small, "village")])
    assert all("" not in holders(small, layer) for layer in LAYERS)
