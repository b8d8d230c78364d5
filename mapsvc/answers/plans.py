"""A plan to take along."""

from collections.abc import Iterator, Mapping
from typing import Any

from mapsvc.answers.book import BY, Part, minutes, turns_part
from mapsvc.catalog import Catalog

_HEAD = (
    *("序号", "图层", "名称", "所属区域", "物资或能力", "调用数量", "单位", "现有", "用时（分）"),
    *("路程（米）", "依据", "值班电话", "核实天数", "是否超期", "理由", "经度", "纬度"),
)
_WIDTHS = (6, 14, 28, 16, 18, 10, 8, 10, 10, 12, 10, 16, 10, 10, 60, 13, 13)
_Key = tuple[str, int]


def plan_geojson(answer: dict[str, Any]) -> dict[str, Any]:
    """The event, the places that give something in the order of arrival, their routes as lines."""
    event = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": answer["origin"]},
        "properties": {"kind": "event"},
    }
    points, lines = [], []
    for rank, source in enumerate(answer["sources"], 1):
        told = {k: v for k, v in source.items() if k not in ("lon", "lat", "route")}
        at = {"type": "Point", "coordinates": [source["lon"], source["lat"]]}
        properties = told | {"rank": rank, "kind": "source"}
        points.append({"type": "Feature", "geometry": at, "properties": properties})
        if "route" in source:
            route = source["route"]
            of = {key: source[key] for key in ("layer", "feature_id", "name")}
            more = of | {"rank": rank, "kind": "route"}
            lines.append(route | {"properties": route["properties"] | more})
    whole = {k: v for k, v in answer.items() if k != "sources"}
    return {"type": "FeatureCollection", **whole, "features": [event, *points, *lines]}


def plan_parts(answer: dict[str, Any], catalog: Catalog) -> list[Part]:
    """Who gives what, what is missing, what is needed, the turn lists."""
    sources = answer["sources"]
    short = ("物资或能力", "单位", "需要", "已有", "还缺", "原因")
    parts = [
        Part("调用方案", _HEAD, _picked(answer, catalog), _WIDTHS),
        Part("缺口", short, _missing(answer), (24, 8, 10, 10, 10, 70)),
        Part("需求", ("物资或能力", "单位", "需要", "满足"), _needed(answer), (24, 8, 10, 10)),
    ]
    turns = turns_part((n, s["name"], s.get("route")) for n, s in enumerate(sources, 1))
    return [*parts, turns] if turns else parts


def _name(line: Mapping[str, Any]) -> str:
    return str(line.get("item") or line.get("capability") or "")


def _key(one: Mapping[str, Any]) -> _Key:
    return one["layer"], one["feature_id"]


def _picked(answer: dict[str, Any], catalog: Catalog) -> Iterator[tuple[Any, ...]]:
    ranks = {_key(s): (n, s) for n, s in enumerate(answer["sources"], 1)}
    for pick in sorted(answer["picks"], key=lambda p: ranks[_key(p)][0]):
        rank, source = ranks[_key(pick)]
        yield (
            rank,
            catalog.layer(pick["layer"]).title,
            pick["name"],
            pick["region_name"] or "",
            _name(pick),
            pick["quantity"],
            pick["unit"],
            pick["in_stock"],
            minutes(pick["duration_s"]),
            round(pick["distance_m"]),
            BY[pick["by"]],
            source["duty_phone"] or "",
            pick["age_days"],
            "超期" if pick["stale"] else "",
            pick["reason"],
            pick["lon"],
            pick["lat"],
        )


def _missing(answer: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for line in answer["shortfalls"]:
        amounts = (line["needed"], line["found"], line["missing"])
        yield (_name(line), line["unit"], *amounts, line["why"])


def _needed(answer: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for line in answer["needs"]:
        yield _name(line), line["unit"], line["quantity"], line["found"]
