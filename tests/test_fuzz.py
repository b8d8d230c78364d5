"""The API description exercised by schemathesis as every identity: no answer is a fault of ours.

Seeded, so that it asks the same each time. `FUZZ=50 make fuzz` asks more.
"""

import json
import os
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

import httpx2 as httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from tests.conftest import Signed
from tests.inside import Call, ask_all
from tests.office import Office
from tests.test_matrix import Setting, add_people, people, things

MANY = os.environ.get("FUZZ")
CASES = int(MANY or 1)
"""Right questions and as many wrong ones, an operation each."""
AT_ONCE = 9 if MANY else 3
"""By how many identities each is asked, in turn."""
SLOW = {"POST /api/uploads"}
"""A file is read in a process of its own: twice is enough here."""
NOT_ASKED = {"DELETE /api/session"}
"""It would sign everybody out."""


@pytest.fixture(scope="module")
def setting(make_app: Any, make_database: Any, demo_source: str) -> Setting:
    conninfo = make_database(demo_source)
    add_people(conninfo)
    office = Office(Signed(make_app(conninfo)), conninfo, masked=True)
    return Setting(office, list(people(office)), office.signed.client, things(office))


def described(setting: Setting) -> dict[str, Any]:
    """The description, with ids in it that exist: else nearly every answer is 404."""
    app: Any = setting.office.signed.client.app
    told: dict[str, Any] = json.loads(json.dumps(app.openapi()))
    real = {
        "layer": ["depots", "risk_points", "forces", "x"],
        "feature_id": [setting.things["A"]["feature"], 160, 2**63, -1],
        "upload_id": [setting.things["A"]["upload"], setting.things["B"]["applied"]],
        "number": [setting.things["A"]["closure"], 2**62],
    }
    for methods in told["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path" and parameter["name"] in real:
                    parameter["schema"] = {"enum": real[parameter["name"]]}
    return told


def cases(operation: Any, mode: GenerationMode, many: int) -> list[Any]:
    found: list[Any] = []

    @settings(
        max_examples=many,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def collect(case: Any) -> None:
        found.append(case)

    collect()
    return found


def calls(setting: Setting) -> Iterator[Call]:
    schema = schemathesis.openapi.from_dict(described(setting))
    for result in schema.get_all_operations():
        operation = result.ok()
        name = f"{operation.method.upper()} {operation.path}"
        if name in NOT_ASKED:
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                made = cases(operation, mode, 1 if name in SLOW else CASES)
            except (schemathesis.errors.SchemathesisError, Unsatisfiable):
                continue  # nothing can be asked wrongly of it
            for case in made:
                sent = httpx.Request(**_plain(case.as_transport_kwargs("http://testserver")))
                yield Call(
                    sent.method,
                    sent.url.path,
                    dict(sent.url.params.multi_items()),
                    sent.read(),
                    {k: v for k, v in sent.headers.items() if k != "host"},
                    leaves=name == "GET /api/events",
                )


def _plain(sent: dict[str, Any]) -> dict[str, Any]:
    """What httpx takes of what was made for requests."""
    data = sent.pop("data", None)
    if isinstance(data, dict):
        sent["data"] = data
    elif data is not None:
        sent["content"] = data
    taken = ("method", "url", "params", "headers", "cookies", "json", "data", "content", "files")
    return {k: v for k, v in sent.items() if k in taken and v is not None}


def test_no_question_is_a_fault_of_ours(
    setting: Setting, capsys: pytest.CaptureFixture[str]
) -> None:
    in_turn = cycle(setting.people)
    asked = [
        Call(c.method, c.path, c.query, c.body, _signed(c.headers or {}, who.token), c.leaves)
        for c in calls(setting)
        for who in islice(in_turn, AT_ONCE)
    ]
    answers = ask_all(setting.office.signed.client, asked)
    with capsys.disabled():
        print(f"\n{len(asked)} questions made from the description")
    assert len(asked) > 300
    faults = [
        f"{c.method} {c.path} {c.query} {c.body[:200]!r} {c.headers} -> {a.status} {a.body[:200]!r}"
        for c, a in zip(asked, answers, strict=True)
        if a.status >= 500
    ]
    assert "\n".join(faults[:20]) == ""


def _signed(headers: dict[str, str], token: str | None) -> dict[str, str]:
    plain = {k: v for k, v in headers.items() if k.lower() not in ("authorization", "cookie")}
    return plain | ({"authorization": f"Bearer {token}"} if token else {})
