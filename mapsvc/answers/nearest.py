"""A nearest answer to take along."""

from collections.abc import Iterator
from typing import Any

from mapsvc.answers.book import BY, Part, fields_part, minutes, point_of, turns_part
from mapsvc.catalog import Catalog

_HEAD = (
    *("序号", "图层", "名称", "编号", "所属区域", "路程或直线（米）", "用时（分）", "依据"),
    *("离路（米）", "直线（米）", "方位（度）", "核实天数", "是否超期", "经度", "纬度"),
)
_WIDTHS = (6, 14, 28, 20, 16, 16, 10, 10, 10, 12, 10, 10, 10, 13, 13)


def nearest_geojson(answer: dict[str, Any]) -> dict[str, Any]:
    """A FeatureCollection: the features in the order of the ranking, then the routes as lines.

    What the answer says as a whole stands beside `features`.
    """
    points, lines = [], []
    for rank, result in enumerate(answer["results"], 1):
        feature = result["feature"]
        found = {k: v for k, v in result.items() if k not in ("feature", "route")}
        points.append(
            feature
            | {"properties": feature["properties"] | found | {"rank": rank, "kind": "feature"}}
        )
        if "route" in result:
            route = result["route"]
            of = {"layer": result["layer"], "feature_id": result["id"], "name": result["name"]}
            more = of | {"rank": rank, "kind": "route"}
            lines.append(route | {"properties": route["properties"] | more})
    whole = {k: v for k, v in answer.items() if k != "results"}
    return {"type": "FeatureCollection", **whole, "features": points + lines}


def nearest_parts(answer: dict[str, Any], catalog: Catalog) -> list[Part]:
    """The ranking, the declared fields of each layer, the turn lists."""
    results = answer["results"]
    parts = [Part("就近查询", _HEAD, _ranking(results, catalog), _WIDTHS)]
    for layer in catalog:
        found = [(n, r["feature"]) for n, r in enumerate(results, 1) if r["layer"] == layer.id]
        if found:
            parts.append(fields_part(layer, found))
    turns = turns_part((n, r["name"], r.get("route")) for n, r in enumerate(results, 1))
    return [*parts, turns] if turns else parts


def _ranking(results: list[dict[str, Any]], catalog: Catalog) -> Iterator[tuple[Any, ...]]:
    for rank, result in enumerate(results, 1):
        told = result["feature"]["properties"]
        yield (
            rank,
            catalog.layer(result["layer"]).title,
            result["name"],
            told.get("code") or "",
            told.get("region_name") or "",
            round(result["distance_m"]),
            minutes(result.get("duration_s")),
            BY.get(result.get("by", ""), "直线距离"),
            round(result["access_m"]) if "access_m" in result else "",
            round(result.get("line_m", result["distance_m"])),
            round(result["bearing_deg"]),
            result["age_days"],
            "超期" if result["stale"] else "",
            *point_of(result["feature"]["geometry"]),
        )
