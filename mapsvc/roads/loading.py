"""A network into the database, in the place of the one before."""

from typing import Any

import numpy as np
import shapely
from psycopg.types.json import Jsonb

from mapsvc import ground, record
from mapsvc.database import Db
from mapsvc.roads import network, rules
from mapsvc.roads.network import Network, tagged
from mapsvc.roads.osm import Drawn


async def load(db: Db, drawn: Drawn, *, source: str, actor: str) -> dict[str, Any]:
    """Build and store the network; who is asking meanwhile is answered from the old one.

    Returns the report that is kept with it: ways, edges, length, islands, banned turns. Raises
    BadInput when nothing can be driven on; the old network then stays.
    """
    made = network.build(drawn, await rules.read(db))
    async with db.transaction():
        # One load at a time; readers are not held up.
        await db.execute("lock table road_network in share row exclusive mode")
        first = await _first_edge(db)
        for table in ("road_arc", "road_edge", "road_node"):
            await db.execute(b"delete from " + table.encode())
        await _copy_nodes(db, made)
        await _copy_edges(db, made, first)
        await _copy_arcs(db, made, first)
        await db.execute(
            "insert into road_network (source, loaded_by, nodes, edges, length_m, first_edge,"
            " light_mps, truck_mps, report) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                source,
                actor,
                len(made.spots),
                len(made.edges),
                sum(e.length_m for e in made.edges),
                first,
                max(max(e.traffic.light) for e in made.edges),
                max(max(e.traffic.truck) for e in made.edges),
                Jsonb(made.report),
            ],
        )
        told = {"nodes": len(made.spots), "edges": len(made.edges)}
        await record.write(db, "roads.loaded", subject=source, new=told)
    for table in ("road_arc", "road_edge", "road_node"):
        await db.execute(b"analyze " + table.encode())
    return made.report


def told(report: dict[str, Any]) -> list[str]:
    """The report in words, a line each."""
    r = report
    roads = r["ways"] - r["ways_closed"]
    lines = [
        f"已载入路网：{roads} 条道路，{r['edges']} 个路段，全长 {r['length_km']:g} 公里。",
        f"其中桥 {r['bridges']} 条、隧道 {r['tunnels']} 条，单行路段 {r['oneway_edges']} 个。",
    ]
    if r["ways_closed"]:
        lines.append(f"{r['ways_closed']} 条道路禁止车辆通行，未计入。")
    if r["barriers"]:
        lines.append(f"{r['barriers']} 处路障（隔离桩、关闭的大门等）按不能通过计算。")
    if r["turn_bans"] or r["turn_bans_left_out"]:
        lines.append(
            f"转弯限制 {r['turn_bans']} 条生效，{r['turn_bans_left_out']} 条未采用"
            "（经由道路、分时段或表述不全）。"
        )
    if report["islands"] == 1:
        lines.append("路网连成一片。")
    else:
        lines.append(
            f"路网分成 {report['islands']} 片互不相连，最大的一片占全长"
            f" {report['largest_share']:.1%}；不相连的两片之间只能给出直线估算。"
            "如占比偏低，请检查数据是否完整。"
        )
    return lines


def base_map(drawn: Drawn) -> list[ground.Thing]:
    """The same ways as lines of the base map."""
    things = []
    for way in drawn.ways:
        spots = [spot for spot in way.spots if spot is not None]
        if len(spots) > 1:
            class_ = way.tags["highway"].removesuffix("_link")
            name = way.tags.get("name") or way.tags.get("ref") or ""
            line = shapely.LineString(spots)
            things.append(ground.Thing("road", class_, name, line, tagged(way, "bridge")))
    return things


async def _first_edge(db: Db) -> int:
    row = await (
        await db.execute("select coalesce(max(first_edge + edges), 1) from road_network")
    ).fetchone()
    assert row is not None
    return int(row[0])


async def _copy_nodes(db: Db, made: Network) -> None:
    async with (
        db.cursor() as cursor,
        cursor.copy("copy road_node (id, lon, lat) from stdin (format binary)") as copy,
    ):
        copy.set_types(["int4", "float8", "float8"])
        for number, (lon, lat) in enumerate(made.spots):
            await copy.write_row((number, lon, lat))


async def _copy_edges(db: Db, made: Network, first: int) -> None:
    flat = np.array([spot for e in made.edges for spot in e.spots])
    owner = np.repeat(np.arange(len(made.edges)), [len(e.spots) for e in made.edges])
    lines = shapely.set_srid(shapely.linestrings(flat, indices=owner), 4326)
    shapes = shapely.to_wkb(lines, include_srid=True)
    async with (
        db.cursor() as cursor,
        cursor.copy(
            "copy road_edge (id, way, class, name, ref, bridge, tunnel, roundabout, light, truck,"
            " island, length_m, geom) from stdin (format binary)"
        ) as copy,
    ):
        copy.set_types(
            ["int8", "int8", *["text"] * 3, *["bool"] * 5, "int4", "float8", "bytea"],
        )
        for n, e in enumerate(made.edges):
            tags = e.way.tags
            await copy.write_row(
                (
                    first + n,
                    e.way.id,
                    tags["highway"],
                    tags.get("name", ""),
                    tags.get("ref", ""),
                    tagged(e.way, "bridge"),
                    tagged(e.way, "tunnel"),
                    tags.get("junction") in ("roundabout", "circular"),
                    any(e.traffic.light),
                    any(e.traffic.truck),
                    made.island[n],
                    e.length_m,
                    shapes[n],
                )
            )


async def _copy_arcs(db: Db, made: Network, first: int) -> None:
    async with (
        db.cursor() as cursor,
        cursor.copy(
            "copy road_arc (edge, forward, source, target, light_s, truck_s)"
            " from stdin (format binary)"
        ) as copy,
    ):
        copy.set_types(["int8", "bool", "int4", "int4", "float8", "float8"])
        for a in made.arcs:
            await copy.write_row(
                (first + a.edge, a.forward, a.source, a.target, a.light_s, a.truck_s)
            )
