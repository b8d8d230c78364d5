"""Every door of the application: which right opens it, and a question that changes nothing.

A new route stands here or the matrix turns red. What the rights are to whom says
`mapsvc.access.GRANTS`, and nothing else.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.routing import Mount

from mapsvc.access import Right

Opens = Right | Literal["anyone", "signed"]
Kind = Literal["feature", "upload", "applied", "closure", "ended"]

AT = {"lon": 111.2, "lat": 27.9}
CIRCLE = {"circle": {**AT, "radius_m": 500}, "limit": 1}
NEEDS = [{"item": "编织袋", "quantity": 1, "unit": "条"}]
NOTHING: dict[str, Any] = {}


@dataclass(frozen=True)
class Door:
    opens: Opens
    status: int = 200
    """What who may pass is answered where the thing asked for is there."""
    thing: Kind | None = None
    """Whose id stands in the address."""
    of_region: bool = False
    """A township passes with its own region's things only; others are to it as if not there."""
    besides: Right | None = None
    """A second right, without which what is there is refused in words."""
    query: dict[str, Any] = field(default_factory=dict)
    sends: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    leaves: bool = False
    """A stream: it is left once it has begun."""
    leads_on: bool = False
    """Sends some on to another page."""

    @property
    def body(self) -> tuple[bytes, dict[str, str]]:
        if isinstance(self.sends, bytes):
            kind = "multipart/form-data; boundary=x"
            return self.sends, {"content-type": kind, **self.headers}
        if self.sends is None:
            return b"", dict(self.headers)
        return json.dumps(self.sends).encode(), {
            "content-type": "application/json",
            **self.headers,
        }


def _upload(**more: Any) -> Door:
    return Door("read", thing="upload", of_region=True, **more)


def _file() -> Door:
    return Door("read", thing="upload", of_region=True, besides="reads_personal")


EMPTY_FORM = b"--x--\r\n"
VALUES = {"layer": "depots", "z": "9", "x": "414", "y": "214", "name": "planner", "path": "x.js"}
VALUES |= {"number": str(2**40), "username": "no-such-account"}

DOORS: dict[str, Door] = {
    # the map and every question about it
    "GET /api/nearest": Door("read", query={**AT, "k": 1, "mode": "line"}),
    "POST /api/within": Door("read", sends=CIRCLE),
    "POST /api/plans": Door("read", sends={**AT, "needs": NEEDS, "mode": "line"}),
    "GET /api/needs": Door("read"),
    "GET /api/coverage": Door("read", 422, query={"seconds": "x"}),
    "GET /api/coverage/sites": Door("read", 422, query={"seconds": "x"}),
    "GET /api/coverage/rings": Door("read", 422, query={**AT, "seconds": "x"}),
    "GET /api/roads": Door("read"),
    "GET /api/command/tree": Door("read"),
    "GET /api/command/chain": Door("read", query=AT),
    "GET /api/coordinates": Door("read", query={"text": "111.2, 27.9"}),
    "GET /api/layers": Door("read"),
    "GET /api/layers/{layer}/features": Door("read", query={"limit": 1}),
    "GET /api/layers/{layer}/features/{feature_id}": Door("read", thing="feature"),
    "GET /api/layers/{layer}/features/{feature_id}/history": Door("read", thing="feature"),
    "GET /api/layers/{layer}/template.xlsx": Door("read"),
    "GET /api/symbols": Door("read"),
    "GET /api/search": Door("read", query={"q": "村"}),
    "GET /api/map": Door("read"),
    "GET /api/regions": Door("read", query={"level": "county"}),
    "GET /api/relief.png": Door("read"),
    "GET /api/overview": Door("read"),
    "GET /api/changes": Door("read", query={"limit": 1}),
    "GET /api/events": Door("read", leaves=True),
    "GET /tiles/base/{z}/{x}/{y}.mvt": Door("read"),
    "GET /tiles/base/{z}.mvts": Door("read", query={"at": "414.214"}),
    "GET /tiles/{layer}/{z}.mvts": Door("read", query={"at": "414.214"}),
    "GET /tiles/{layer}/{z}/{x}/{y}.mvt": Door("read"),
    # writing
    "POST /api/layers/{layer}/features": Door("edit", 422, sends=NOTHING),
    "PATCH /api/layers/{layer}/features/{feature_id}": Door(
        "edit", 412, "feature", of_region=True, sends=NOTHING, headers={"if-match": '"999"'}
    ),
    "DELETE /api/layers/{layer}/features/{feature_id}": Door(
        "edit", 412, "feature", of_region=True, headers={"if-match": '"999"'}
    ),
    "POST /api/reveal": Door(
        "reveals", 404, sends={"layer": "depots", "id": 2**40, "field": "manager_phone"}
    ),
    "GET /api/closures": Door("read"),
    "POST /api/closures": Door("close_roads", 422, sends=NOTHING),
    "PATCH /api/closures/{number}": Door(
        "close_roads", 200, "closure", of_region=True, sends=NOTHING
    ),
    "DELETE /api/closures/{number}": Door("close_roads", 200, "ended", of_region=True),
    # files
    "POST /api/uploads": Door("upload", 422, sends=EMPTY_FORM),
    "GET /api/uploads": Door("read"),
    "GET /api/uploads/{upload_id}": _upload(),
    "DELETE /api/uploads/{upload_id}": Door("upload", 409, "applied", of_region=True),
    "GET /api/uploads/{upload_id}/rows": _upload(),
    "GET /api/uploads/{upload_id}/problems": _upload(),
    "GET /api/uploads/{upload_id}/missing": _upload(),
    "GET /api/uploads/{upload_id}/preview": _upload(),
    "GET /api/uploads/{upload_id}/original": _file(),
    "GET /api/uploads/{upload_id}/report.xlsx": _file(),
    "POST /api/uploads/{upload_id}/apply": Door(
        "upload", 200, "applied", of_region=True, sends=NOTHING
    ),
    "POST /api/uploads/{upload_id}/rollback": Door("upload", 409, "upload", of_region=True),
    # the record
    "GET /api/record": Door("reads_record", query={"limit": 1}),
    "GET /api/record.xlsx": Door("reads_record", query={"username": "nobody"}),
    # people
    "POST /api/session": Door("anyone", 422, sends=NOTHING),
    "GET /api/session": Door("signed"),
    "DELETE /api/session": Door("signed", 204),
    "POST /api/kiosk": Door("anyone", 422, sends=NOTHING),
    "POST /api/setup": Door("anyone", 422, sends=NOTHING),
    "POST /api/me/password": Door("signed", 422, sends=NOTHING),
    "GET /api/me/sessions": Door("signed"),
    "DELETE /api/me/sessions": Door("signed"),
    "DELETE /api/me/sessions/{number}": Door("signed", 404),
    "POST /api/me/totp": Door("signed"),
    "PUT /api/me/totp": Door("signed", 422, sends=NOTHING),
    "POST /api/me/totp/off": Door("signed", 422, sends=NOTHING),
    "DELETE /api/accounts/{username}/totp": Door("manages_accounts", 204),
    "GET /api/accounts": Door("manages_accounts"),
    "POST /api/accounts": Door("manages_accounts", 422, sends=NOTHING),
    "PATCH /api/accounts/{username}": Door("manages_accounts", 404, sends=NOTHING),
    "POST /api/accounts/{username}/reset": Door("manages_accounts", 404),
    "POST /api/accounts/{username}/sign-out": Door("manages_accounts"),
    "GET /api/kiosks": Door("manages_accounts"),
    "POST /api/kiosks": Door("manages_accounts", 422, sends=NOTHING),
    "DELETE /api/kiosks/{number}": Door("manages_accounts", 404),
    # pages
    "GET /": Door("signed", leads_on=True),
    "GET /login": Door("anyone", leads_on=True),
    "GET /oidc/start": Door("anyone", 404),
    "GET /oidc/back": Door("anyone", 404),
    "GET /setup": Door("anyone", leads_on=True),
    "GET /me": Door("signed"),
    "GET /accounts": Door("manages_accounts"),
    "GET /guide": Door("signed", 303),
    "GET /guide/{name}": Door("signed"),
    "GET /api/docs": Door("signed"),
    "GET /map": Door("read"),
    "GET /sheet": Door("read"),
    "GET /screen": Door("read"),
    "GET /uploads": Door("read"),
    "GET /record": Door("reads_record"),
    "GET /health": Door("reads_health"),
    # the machine
    "GET /metrics": Door("manages_accounts"),
    "GET /api/health": Door("reads_health"),
    "GET /healthz": Door("anyone"),
    "GET /readyz": Door("anyone"),
    "GET /api/openapi.json": Door("anyone"),
    "GET /static/{path}": Door("anyone", 404),
}


def routes(found: Iterable[Any]) -> Iterator[str]:
    """`METHOD /path` of every route, those of included routers too; a mount by its folder."""
    for route in found:
        if isinstance(route, Mount):
            yield f"GET {route.path}/{{path}}"
        elif hasattr(route, "path"):
            yield from (f"{m} {route.path}" for m in sorted(route.methods - {"HEAD"}))
        else:
            yield from routes(route.original_router.routes)
