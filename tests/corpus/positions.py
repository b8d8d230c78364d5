"""Coordinates in every form and system, right and wrong."""

from collections.abc import Callable
from typing import Any

from mapsvc.coordinates import from_wgs84
from tests.corpus.case import HEAD, Case, good, place, row
from tests.corpus.write import csv_of

Write = Callable[[float, float], tuple[Any, Any]]


def dms(value: float, marks: str = "°′″", decimals: int = 3) -> str:
    total = round(value * 3600 * 10**decimals)
    minutes, seconds = divmod(total, 60 * 10**decimals)
    degrees, minutes = divmod(minutes, 60)
    width = decimals + 3 if decimals else 2
    text = f"{seconds / 10**decimals:0{width}.{decimals}f}"
    return f"{degrees}{marks[0]}{minutes:02d}{marks[1]}{text}{marks[2:]}"


def _rows(write: Write, count: int = 6, head: list[str] = HEAD) -> list[list[Any]]:
    return [head, *(row(i, *write(*place(i))) for i in range(1, count + 1))]


def _form(name: str, write: Write, tolerance: float = 0.5, **more: Any) -> Case:
    head = more.pop("head", HEAD)
    content = csv_of(_rows(write, head=head))
    return good(f"place-{name}", content, count=6, tolerance=tolerance, **more)


def cases() -> list[Case]:
    return [*_forms(), *_single(), *_systems(), *_row_systems(), *_wrong()]


def _forms() -> list[Case]:
    full = str.maketrans("0123456789.", "０１２３４５６７８９．")
    packed = {"decimals": 0, "marks": "  "}

    def pack(value: float) -> str:
        return dms(value, **packed).replace(" ", "")  # type: ignore[arg-type]

    return [
        _form("decimal", lambda x, y: (x, y), 0.02),
        _form("full-width", lambda x, y: (str(x).translate(full), str(y).translate(full)), 0.02),
        _form("spaces", lambda x, y: (f" {x} ", f"\t{y}\u3000"), 0.02),
        _form("degree-sign", lambda x, y: (f"{x}°", f"{y}°"), 0.02),
        _form("dms", lambda x, y: (dms(x), dms(y))),
        _form("dms-words", lambda x, y: (dms(x, "度分秒"), dms(y, "度分秒"))),
        _form("dms-quotes", lambda x, y: (dms(x, "°'\""), dms(y, "°'\""))),
        _form("dms-curly", lambda x, y: (dms(x, "°’”"), dms(y, "°’”"))),
        _form("dms-dashes", lambda x, y: (dms(x, "--"), dms(y, "--"))),
        _form("dms-colons", lambda x, y: (dms(x, "::"), dms(y, "::"))),
        _form("dms-letters", lambda x, y: (f"E{dms(x)}", f"N{dms(y)}")),
        _form("dms-letters-after", lambda x, y: (f"{dms(x)}E", f"{dms(y)}N")),
        _form("dms-chinese", lambda x, y: (f"东经{dms(x)}", f"北纬{dms(y)}")),
        _form("dm", lambda x, y: (_dm(x), _dm(y))),
        _form("packed", lambda x, y: (pack(x), pack(y)), 25),
        _form("micro", lambda x, y: (round(x * 1e6), round(y * 1e6)), 0.2),
        good(
            "place-mixed-rows",
            csv_of(
                [
                    HEAD,
                    row(1),
                    row(2, dms(place(2)[0]), dms(place(2)[1])),
                    row(3, f"东经{place(3)[0]}", f"北纬{place(3)[1]}"),
                ]
            ),
            tolerance=0.5,
        ),
        _form("swapped", lambda x, y: (y, x), 0.02, also=frozenset({"axes_swapped"})),
        _form("weidu-typo", lambda x, y: (x, y), 0.02, head=[*HEAD[:3], "经度", "维度"]),
        _form("xy-degrees", lambda x, y: (x, y), 0.02, head=[*HEAD[:3], "X", "Y"]),
    ]


def _dm(value: float) -> str:
    return f"{int(value)}°{value % 1 * 60:.5f}′"


def _one(name: str, write: Callable[[float, float], str], heading: str = "经纬度") -> Case:
    rows = [[*HEAD[:3], heading], *([*row(i)[:3], write(*place(i))] for i in range(1, 4))]
    return good(f"place-{name}", csv_of(rows), tolerance=0.5)


def _single() -> list[Case]:
    return [
        _one("one-cell", lambda x, y: f"{x},{y}"),
        _one("one-cell-wide-comma", lambda x, y: f"{x}，{y}"),
        _one("one-cell-space", lambda x, y: f"{x} {y}", "坐标"),
        _one("one-cell-lat-first", lambda x, y: f"{y},{x}"),
        _one("one-cell-chinese", lambda x, y: f"东经{dms(x)}，北纬{dms(y)}"),
        _one("one-cell-north-first", lambda x, y: f"北纬{dms(y)} 东经{dms(x)}"),
        _one("one-cell-brackets", lambda x, y: f"({x}, {y})"),
    ]


def _system(name: str, system: str, tolerance: float, head: list[str] = HEAD, **more: Any) -> Case:
    def write(x: float, y: float) -> tuple[Any, Any]:
        east, north = from_wgs84(x, y, system)
        digits = 9 if east < 360 else 4
        pair = round(float(east), digits), round(float(north), digits)
        return (pair[1], pair[0]) if more.get("surveying") else pair

    content = csv_of(_rows(write, head=head))
    more.pop("surveying", None)
    more.setdefault("crs", system)
    return good(f"crs-{name}", content, count=6, tolerance=tolerance, **more)


def _systems() -> list[Case]:
    metres = [*HEAD[:3], "X坐标", "Y坐标"]
    return [
        _system("gcj02", "gcj02", 0.1),
        _system("bd09", "bd09", 0.1),
        _system("cgcs2000", "cgcs2000", 0.05),
        _system(
            "gcj02-heading", "gcj02", 0.1, [*HEAD[:3], "经度（高德）", "纬度（高德）"], crs="auto"
        ),
        _system("bd09-heading", "bd09", 0.1, [*HEAD[:3], "百度经度", "百度纬度"], crs="auto"),
        _system("wgs84-heading", "wgs84", 0.05, [*HEAD[:3], "经度_84", "纬度_84"], crs="auto"),
        _system("gk3-prefix", "EPSG:4525", 0.05, metres),
        _system("gk3-prefix-surveying", "EPSG:4525", 0.05, metres, surveying=True),
        _system("gk3-bare", "EPSG:4546", 0.05, metres),
        _system("gk3-bare-surveying", "EPSG:4546", 0.05, metres, surveying=True),
        _system("gk6-prefix", "EPSG:4497", 0.05, metres),
        _system("gk3-prefix-auto", "EPSG:4525", 0.05, metres, crs="auto", surveying=True),
        _system("mercator", "EPSG:3857", 0.05, metres),
    ]


def _row_systems() -> list[Case]:
    systems = ["WGS84", "GCJ-02", "百度坐标系", "CGCS2000", "高德", ""]
    rows: list[list[Any]] = [[*HEAD, "坐标系"]]
    for i, (word, crs) in enumerate(
        zip(systems, ["wgs84", "gcj02", "bd09", "cgcs2000", "gcj02", "wgs84"], strict=True), 1
    ):
        rows.append([*row(i, *from_wgs84(*place(i), crs)), word])
    named = good("crs-row-by-row", csv_of(rows[:-1]), count=5, crs="auto", tolerance=0.1)
    odd = [[*HEAD, "坐标系"], [*row(1), "WGS84"], [*row(2), "地方坐标系"], [*row(3), "GCJ02"]]
    return [
        named,
        good(
            "crs-row-contradicts",
            csv_of(odd),
            count=1,
            rows={3: "crs_of_row_unknown", 4: "crs_of_row_differs"},
        ),
    ]


def _wrong() -> list[Case]:
    bad: list[tuple[str, Any, Any, str]] = [
        ("minutes", "110°61′3″", "30°3′8″", "coordinates_minutes_over_59"),
        ("seconds", "110°3′75″", "30°3′8″", "coordinates_seconds_over_59"),
        ("exponent", "1.1E+02", "30.05", "coordinates_exponent"),
        ("missing", "", "", "coordinates_missing"),
        ("one-missing", "110.05", "", "coordinates_one_missing"),
        ("outside", 111.5, 31.2, "outside_county"),
        ("dots", "110.3.4.5.6", "30.05", "coordinates_unreadable"),
        ("words", "见附图", "30.05", "coordinates_unreadable"),
        ("twice-lon", "110.05", "110.06", "coordinates_out_of_range"),
        ("dash", "--", "--", "coordinates_missing"),
        ("conflict", "北纬110.05", "东经30.05", "coordinates_axis_conflict"),
        ("formula", "=1+1", "30.05", "coordinates_unreadable"),
    ]
    found = [
        good(f"place-bad-{name}", csv_of([HEAD, row(1), row(2, x, y)]), count=1, rows={3: code})
        for name, x, y, code in bad
    ]
    found.append(
        good(
            "place-zero",
            csv_of([HEAD, row(1), row(2, 0, 0)]),
            count=1,
            rows={3: "coordinates_zero"},
        )
    )
    found.append(
        good(
            "place-abroad",
            csv_of([HEAD, row(1), row(2, 2.35, 48.85)]),
            count=1,
            rows={3: "not_a_place"},
        )
    )
    return found
