"""A statement that reaches fewer rows than planned is taken back whole, and told in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.conftest import PASSWORD, Signed
from tests.office import Office, patch, url
from tests.test_api import problem

CSV = "名称,编号,经度,纬度\n计划,PL-1,{},{}\n"
STATE = """select (select md5(string_agg(f::text, '' order by id)) from feature f),
    (select md5(string_agg(c::text, '' order by id)) from closure c),
    (select md5(string_agg(u::text, '' order by id)) from upload u),
    (select md5(string_agg(r::text, '' order by r.upload_id, r.seq)) from upload_row r),
    (select md5(string_agg(to_jsonb(a)::text, '' order by username)) from account a),
    (select last_id from audit_head)"""


@pytest.fixture(scope="module")
def office(make_app: Any, make_database: Any, demo_source: str) -> Office:
    conninfo = make_database(demo_source)
    with psycopg.connect(conninfo, autocommit=True) as db:
        db.execute(
            "create function passed_over() returns trigger language plpgsql as"
            " 'begin return null; end'"
        )
    return Office(Signed(make_app(conninfo)), conninfo)


@contextmanager
def passed_over(office: Office, event: str, table: str) -> Iterator[None]:
    """Rows of the table are passed over in silence, as row security passes over others'."""
    with psycopg.connect(office.conninfo, autocommit=True) as db:
        db.execute(
            f"create trigger a before {event} on {table} for each row"
            " execute function passed_over()".encode()
        )
        try:
            yield
        finally:
            db.execute(f"drop trigger a on {table}".encode())


def test_what_reaches_fewer_rows_than_planned_is_taken_back(office: Office) -> None:
    admin, place = office.admin, {"type": "Point", "coordinates": office.own}
    closure = admin.post("/api/closures", json={"geometry": place, "reason": "试"}).json()["id"]
    road, feature = f"/api/closures/{closure}", office.add("depots")
    form = {"layer": "depots", "crs": "wgs84"}
    file = {"file": ("p.csv", CSV.format(*office.own).encode())}
    upload = admin.post("/api/uploads", files=file, data=form).json()["id"]
    edit = admin.get("/api/uploads?kind=edit").json()["uploads"][0]["id"]
    seen = {"If-Match": f'"{feature["properties"]["version"]}"'}
    new = {"old": PASSWORD, "new": "nine-lives-of-a-river-7"}
    tries: list[tuple[str, str, Any]] = [
        (
            "update",
            "closure",
            lambda: admin.patch(f"/api/closures/{closure}", json={"reason": "改"}),
        ),
        ("update", "closure", lambda: admin.delete(road)),
        ("update", "account", lambda: admin.patch("/api/accounts/command", json={"locked": True})),
        ("update", "account", lambda: admin.post("/api/accounts/command/reset")),
        ("update", "account", lambda: office.command.post("/api/me/password", json=new)),
        ("insert", "upload", lambda: patch(admin, feature, properties={"name": "改"})),
        ("insert", "upload_row", lambda: patch(admin, feature, properties={"name": "改"})),
        ("delete", "feature", lambda: admin.delete(url(feature), headers=seen)),
        ("insert", "feature", lambda: admin.post(f"/api/uploads/{upload}/apply", json={})),
        ("update", "upload", lambda: admin.post(f"/api/uploads/{upload}/apply", json={})),
        ("delete", "upload", lambda: admin.delete(f"/api/uploads/{upload}")),
        ("delete", "feature", lambda: admin.post(f"/api/uploads/{edit}/rollback")),
    ]
    before = office.ask(STATE)
    for event, table, ask in tries:
        with passed_over(office, event, table):
            answer = ask()
        problem(answer, 409, "not_as_planned")
        assert "没有任何改动" in answer.json()["detail"], (event, table)
        assert office.ask(STATE) == before, (event, table)
    # As if it had gone meanwhile: an edit of what is not there says that, and stays undone as well.
    with passed_over(office, "update", "feature"):
        problem(patch(admin, feature, properties={"name": "改"}), 404, "unknown_feature")
    assert office.ask(STATE) == before
    assert admin.delete(f"/api/uploads/{upload}").status_code == 204
