"""What lies within a place, to take along."""

from collections.abc import Iterator, Mapping
from typing import Any

from mapsvc.answers.book import Part, fields_part, point_of
from mapsvc.catalog import GRADES, Catalog

_HEAD = (
    *("序号", "图层", "名称", "编号", "所属区域", "等级", "距离（米）"),
    *("核实天数", "是否超期", "经度", "纬度"),
)
_WIDTHS = (6, 14, 28, 20, 16, 10, 12, 10, 10, 13, 13)


def within_geojson(answer: dict[str, Any], area: Mapping[str, Any]) -> dict[str, Any]:
    """The answer, after its features the place that was asked about (`kind`: area)."""
    features = [
        f | {"properties": f["properties"] | {"kind": "feature"}} for f in answer["features"]
    ]
    return answer | {"features": [*features, area]}


def within_parts(answer: dict[str, Any], catalog: Catalog) -> list[Part]:
    """The features, figures by layer and grade, the chains of command, declared fields."""
    features = answer["features"]
    parts = [
        Part("范围内", _HEAD, _listed(features, catalog), _WIDTHS),
        Part(
            "数量",
            ("图层", "合计", *GRADES.values(), "未分级", "超期"),
            _counted(answer["counts"], catalog),
            (16, 10, *[10] * len(GRADES), 10, 10),
        ),
    ]
    if answer["threatened"] is not None:
        rows = list(_threatened(answer["threatened"]))
        parts.append(Part("受威胁", ("项目", "数量"), rows, (28, 14)))
    if answer["chain"]:
        head = ("区域", "层级", "指挥机构", "职务", "姓名", "电话", "值班电话")
        parts.append(Part("责任链", head, _chained(answer["chain"]), (18, 14, 28, 14, 12, 16, 16)))
    for layer in catalog:
        found = [(n, f) for n, f in enumerate(features, 1) if f["properties"]["layer"] == layer.id]
        if found:
            parts.append(fields_part(layer, found))
    return parts


def _listed(features: list[dict[str, Any]], catalog: Catalog) -> Iterator[tuple[Any, ...]]:
    for rank, feature in enumerate(features, 1):
        told = feature["properties"]
        layer = catalog.layer(told["layer"])
        yield (
            rank,
            layer.title,
            told["name"],
            told.get("code") or "",
            told.get("region_name") or "",
            told.get(layer.grade or "") or "",
            round(told["distance_m"]),
            told["age_days"],
            "超期" if told["stale"] else "",
            *point_of(feature["geometry"]),
        )


def _counted(counts: Mapping[str, Any], catalog: Catalog) -> Iterator[tuple[Any, ...]]:
    for name, count in counts.items():
        grades = count.get("grades", {})
        yield (
            catalog.layer(name).title,
            count["total"],
            *(grades.get(title, "") for title in GRADES.values()),
            count.get("ungraded", ""),
            count["stale"],
        )


_THREATENED = {
    "people": "受威胁人数",
    "households": "受威胁户数",
    "property": "受威胁财产（万元）",
    "points": "风险点",
    "points_without_figure": "其中没有登记人数的",
    "closed_points": "其中已销号的",
    "closed_people": "已销号的所登记人数",
}


def _threatened(sums: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, title in _THREATENED.items():
        yield title, sums.get(name) or 0


def _chained(chain: list[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    for one in chain:
        for post in one["posts"]:
            yield (
                one["region"]["name"],
                post.get("level_title") or "",
                "没有登记指挥岗位" if post.get("missing") else post.get("name") or "",
                post.get("post") or "",
                post.get("holder") or "",
                post.get("phone") or "",
                post.get("duty_phone") or "",
            )
