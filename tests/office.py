"""A running office over a demo county, and how its tests ask it to write."""

from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
import psycopg

from tests.conftest import Signed
from tests.test_api import problem

OWN, OTHER = "990101001", "990101002"
OUTSIDE = [110.2, 27.9]


@dataclass
class Office:
    """A copy of the demo county that the tests of a file share; each adds its own features."""

    signed: Signed
    conninfo: str
    masked: bool = False
    """Does the planner read personal values masked, as planners do, or is it a county clerk?"""

    def __post_init__(self) -> None:
        if not self.masked:
            with psycopg.connect(self.conninfo, autocommit=True) as db:
                db.execute("update account set roles = '{county}' where username = 'planner'")
        self.admin, self.planner = self.signed("admin"), self.signed("planner")
        self.town, self.command = self.signed(f"town-{OWN}"), self.signed("command")
        self.own, self.other = self._point(OWN), self._point(OTHER)
        self._made = 0

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.conninfo, autocommit=True) as db:
            return db.execute(query.encode(), values).fetchall()

    def _point(self, town: str) -> list[float]:
        (found,) = self.ask(
            "select ST_X(p), ST_Y(p) from (select ST_PointOnSurface(geom) p from region"
            " where code = (select min(code) from region where parent_code = %s)) x",
            town,
        )
        return [round(found[0], 7), round(found[1], 7)]

    def feature(self, at: list[float] | None = None, **properties: Any) -> dict[str, Any]:
        self._made += 1
        properties = {"code": f"T-{self._made}", "name": f"测试{self._made}"} | properties
        point = {"type": "Point", "coordinates": at or self.own}
        return {"type": "Feature", "geometry": point, "properties": properties}

    def add(self, layer: str = "risk_points", **more: Any) -> dict[str, Any]:
        answer = self.admin.post(f"/api/layers/{layer}/features", json=self.feature(**more))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def layer(self, layer: str) -> tuple[int, int]:
        (row,) = self.ask("select version, feature_count from layer where id = %s", layer)
        return row


def url(feature: dict[str, Any]) -> str:
    return f"/api/layers/{feature['properties']['layer']}/features/{feature['id']}"


def patch(
    client: httpx.Client, feature: dict[str, Any], version: int | None = None, **sent: Any
) -> Any:
    seen = feature["properties"]["version"] if version is None else version
    return client.patch(url(feature), json=sent, headers={"If-Match": f'"{seen}"'})


def faults(answer: Any) -> list[tuple[str, str]]:
    problem(answer, 422, "invalid_feature")
    told = answer.json()["problems"]
    assert all(any("\u4e00" <= ch <= "\u9fff" for ch in p["message"]) for p in told)
    return [(p["field"], p["code"]) for p in told]
