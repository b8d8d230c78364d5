"""Whom nobody reaches in time, to take along."""

from collections.abc import Iterator, Mapping
from typing import Any

from mapsvc.answers.book import Part, fields_part, minutes, point_of
from mapsvc.catalog import Layer

_HEAD = (
    "序号",
    "名称",
    "编号",
    "所属区域",
    "最快（分）",
    "受威胁人数",
    "增设后能到",
    "经度",
    "纬度",
)
_TIMES = ("时限（分）", "能到个数", "能到的受威胁人数", "增设后能到个数", "增设后人数")
_TIME_WIDTHS = (12, 12, 18, 16, 14)
_WIDTHS = (6, 28, 20, 16, 12, 12, 12, 13, 13)


def coverage_geojson(answer: dict[str, Any]) -> dict[str, Any]:
    """Targets not reached, then areas by time, then what one more would add; told by `kind`."""
    gained = answer.get("gained") or {}
    also = [_feature({"type": "Point", "coordinates": at}, "also") for at in gained.get("also", [])]
    features = [
        *(_marked(f, "unreached") for f in answer["targets"]["unreached"]),
        *(_marked(f, "area") for f in answer.get("area", {}).get("features", [])),
        *(_marked(f, "gained_area") for f in gained.get("area", {}).get("features", [])),
        *also,
    ]
    whole = {k: v for k, v in answer.items() if k not in ("area", "gained", "targets")}
    whole["targets"] = {k: v for k, v in answer["targets"].items() if k != "unreached"}
    if gained:
        whole["gained"] = {k: v for k, v in gained.items() if k != "area"}
    return {"type": "FeatureCollection", **whole, "features": features}


def sites_geojson(answer: dict[str, Any]) -> dict[str, Any]:
    """The proposed sites, what they would reach, and those taken for granted; told by `kind`."""
    sites = [
        _feature(
            {"type": "Point", "coordinates": [site["lon"], site["lat"]]},
            "site",
            **{k: v for k, v in site.items() if k not in ("lon", "lat")},
        )
        for site in answer["sites"]
    ]
    features = [
        *sites,
        *(_marked(f, "area") for f in answer["area"]["features"]),
        *(_feature({"type": "Point", "coordinates": at}, "also") for at in answer["also"]),
    ]
    whole = {k: v for k, v in answer.items() if k not in ("area", "sites", "also")}
    return {"type": "FeatureCollection", **whole, "features": features}


def sites_parts(answer: dict[str, Any]) -> list[Part]:
    """The proposed sites with what each adds, and figures before and after."""
    head = (
        *("序号", "名称", "区域代码", "依次多到个数", "依次多到人数"),
        *("单设能多到个数", "单设能多到人数", "经度", "纬度"),
    )
    rows = (
        (
            *(site["rank"], site["name"], site["region_code"]),
            *(site["gains"]["targets"], site["gains"]["people"]),
            *(site["alone"]["targets"], site["alone"]["people"], site["lon"], site["lat"]),
        )
        for site in answer["sites"]
    )
    return [
        Part("增设位置", head, rows, (6, 28, 16, 14, 14, 16, 16, 13, 13)),
        Part("各时限", _TIMES, _bands(answer["before"], answer["after"]), _TIME_WIDTHS),
    ]


def _feature(geometry: dict[str, Any], kind: str, **told: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": {"kind": kind, **told}}


def _marked(feature: dict[str, Any], kind: str) -> dict[str, Any]:
    return feature | {"properties": feature["properties"] | {"kind": kind}}


def coverage_parts(answer: dict[str, Any], targets: Layer | None) -> list[Part]:
    """Targets not reached, figures by time band, the targets' declared fields (of a layer)."""
    missed = answer["targets"]["unreached"]
    gained = answer.get("gained") or {}
    parts = [
        Part("到不了的", _HEAD, _missed(missed, set(gained.get("ids", ()))), _WIDTHS),
        Part(
            "各时限",
            _TIMES,
            _bands(answer["targets"], gained.get("after")),
            _TIME_WIDTHS,
        ),
    ]
    if targets is not None and missed:
        parts.append(fields_part(targets, list(enumerate(missed, 1))))
    return parts


def _missed(features: list[dict[str, Any]], then: set[Any]) -> Iterator[tuple[Any, ...]]:
    for rank, feature in enumerate(features, 1):
        told = feature["properties"]
        seconds = told["fastest_s"]
        yield (
            rank,
            told["name"],
            told.get("code") or "",
            told.get("region_name") or "",
            "没有路" if seconds is None else minutes(seconds),
            told["people"],
            "是" if feature["id"] in then else "",
            *point_of(feature["geometry"]),
        )


def _bands(sums: Mapping[str, Any], after: Mapping[str, Any] | None) -> Iterator[tuple[Any, ...]]:
    for n, band in enumerate(sums["bands"]):
        then = after["bands"][n] if after else {}
        yield (
            minutes(band["seconds"]),
            band["reached"],
            band["people"],
            then.get("reached", ""),
            then.get("people", ""),
        )
    yield "全部", sums["total"], sums["people"], "", ""
