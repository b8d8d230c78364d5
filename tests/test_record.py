"""The record: every deed is on it, none can be changed unseen, old ones go only by the law."""

import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import psycopg
import pytest
from typer.testing import CliRunner

from mapsvc.catalog import Catalog
from mapsvc.cli import app as commands
from mapsvc.database import Db
from mapsvc.errors import BadInput
from mapsvc.record import ACTIONS, Asker, asking, export, prune, verify, verify_file, write
from tests.conftest import Signed

TOWN = "990101001"


def entries(conninfo: str, action: str | None = None) -> list[dict[str, Any]]:
    """What is on record, oldest first, as it is stored."""
    with psycopg.connect(conninfo) as db:
        cursor = db.execute(
            "select id, username, roles, ip, request_id, action, layer, subject, region_code, old,"
            " new, upload_id, sha256 from audit where action = coalesce(%s, action) order by id",
            [action],
        )
        names = [c.name for c in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def last(conninfo: str) -> dict[str, Any]:
    return entries(conninfo)[-1]


async def fill(db: Db, many: int) -> None:
    asking(Asker("zhang", ("county",), "10.0.0.7", "r1"))
    for number in range(many):
        await write(db, "closure.created", subject=number, new={"reason": f"第 {number} 处"})


@pytest.mark.anyio
async def test_entries_are_numbered_and_chained_in_the_order_of_commits(
    db: Db, conninfo: str
) -> None:
    await fill(db, 1)
    async with await psycopg.AsyncConnection.connect(conninfo) as slow:
        await write(slow, "closure.created", subject="slow")
        await fill(db, 2)
        await slow.commit()
    async with await psycopg.AsyncConnection.connect(conninfo) as undone:
        await write(undone, "closure.created", subject="undone")
        await undone.rollback()
    found = entries(conninfo)
    assert [e["subject"] for e in found] == ["0", "0", "1", "slow"]
    assert [e["id"] for e in found] == [1, 2, 3, 4]
    assert found[0]["roles"] == ["county"]
    assert found[0]["ip"] == "10.0.0.7"
    verdict = await verify(db)
    assert verdict.holds
    assert verdict.entries == 4


TAMPERINGS = {
    "a flipped byte": ("update audit set subject = 'x' where id = 3", 3),
    "a value in the new": ('update audit set new = \'{"reason": "别的"}\' where id = 2', 2),
    "somebody else's name": ("update audit set username = 'li' where id = 5", 5),
    "a row gone": ("delete from audit where id = 4", 4),
    "the first row gone": ("delete from audit where id = 1", 1),
    "the last row gone": ("delete from audit where id = 6", 6),
    "everything gone": ("delete from audit", 1),
    "two rows swapped": (
        """update audit set id = case id when 3 then -4 else -3 end where id in (3, 4);
        update audit set id = -id where id < 0""",
        3,
    ),
    "a hash made to fit": (
        """update audit a set subject = 'x' where id = 3;
        update audit a set hash = audit_hash(a) where id = 3""",
        4,
    ),
    "a row put in": (
        """insert into audit select 7, at, username, roles, ip, request_id, action, layer, subject,
        region_code, old, new, upload_id, sha256, hash, hash from audit where id = 6""",
        7,
    ),
}


@pytest.mark.anyio
@pytest.mark.parametrize("deed", TAMPERINGS)
async def test_verify_names_the_first_row_that_was_tampered_with(db: Db, deed: str) -> None:
    statement, broken = TAMPERINGS[deed]
    await fill(db, 6)
    await db.execute("alter table audit disable trigger all")
    for part in statement.split(";"):
        await db.execute(part.encode())
    verdict = await verify(db)
    assert verdict.broken == broken
    assert verdict.reason


@pytest.mark.anyio
@pytest.mark.parametrize(
    "statement",
    [
        "update audit set subject = 'x'",
        "delete from audit",
        "truncate audit",
        "delete from audit_head",
        "truncate audit_head",
        "set mapsvc.audit_prune = 'on'; delete from audit",
    ],
)
async def test_the_database_refuses_to_change_it(db: Db, statement: str) -> None:
    await fill(db, 2)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await db.execute(statement.encode())
    assert (await verify(db)).entries == 2


@pytest.mark.anyio
async def test_it_is_pruned_by_months_and_still_verifies(db: Db) -> None:
    await fill(db, 6)
    with pytest.raises(BadInput):
        await prune(db, 5)
    assert await prune(db, 6) == 0
    await _age(db, 3, months=8)
    assert (await verify(db)).holds
    assert await prune(db, 12) == 0
    assert await prune(db, 6) == 3
    verdict = await verify(db)
    assert (verdict.broken, verdict.entries) == (None, 4)
    await db.execute("alter table audit disable trigger all")
    await db.execute("delete from audit where id = 4")
    assert (await verify(db)).broken == 4


async def _age(db: Db, up_to: int, *, months: int) -> None:
    """The first entries as if they had been written so long ago, chained anew."""
    await db.execute("alter table audit disable trigger all")
    await db.execute(
        "update audit set at = at - make_interval(months => %s) where id <= %s", [months, up_to]
    )
    await db.execute(
        """do $$ declare entry audit; prev bytea := sha256('mapsvc'); begin
        for entry in select * from audit order by id loop
            entry.prev_hash := prev; entry.hash := audit_hash(entry); prev := entry.hash;
            update audit set prev_hash = entry.prev_hash, hash = prev where id = entry.id;
        end loop;
        update audit_head set last_hash = prev; end $$"""
    )
    await db.execute("alter table audit enable trigger all")


@pytest.mark.anyio
async def test_a_file_taken_out_verifies_by_itself(db: Db, tmp_path: Path) -> None:
    await fill(db, 4)
    file = tmp_path / "record.jsonl"
    assert await export(db, file) == 4
    assert file.stat().st_mode & 0o077 == 0
    assert verify_file(file).entries == 4
    lines = file.read_text(encoding="utf-8").splitlines()
    (tmp_path / "short").write_text("\n".join(lines[:1] + lines[2:]), encoding="utf-8")
    assert verify_file(tmp_path / "short").broken == 2
    entry = json.loads(lines[2])
    entry["text"] = entry["text"].replace("zhang", "zhong")
    lines[2] = json.dumps(entry)
    (tmp_path / "changed").write_text("\n".join(lines), encoding="utf-8")
    assert verify_file(tmp_path / "changed").broken == 3


def test_the_command_says_what_is_broken(
    conninfo: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MAPSVC_DATABASE_URL", conninfo)
    run = CliRunner().invoke
    assert run(commands, ["user", "add", "zhang", "--role", "county"], input="pass-word-1\n")
    done = run(commands, ["audit", "verify"])
    assert done.exit_code == 0, done.output
    assert run(commands, ["audit", "export", str(tmp_path / "r")]).exit_code == 0
    assert run(commands, ["audit", "verify", str(tmp_path / "r")]).exit_code == 0
    assert run(commands, ["audit", "prune", "--keep-months", "3"]).exit_code == 1
    with psycopg.connect(conninfo, autocommit=True) as db:
        db.execute("alter table audit disable trigger all")
        db.execute("update audit set username = 'li' where action = 'account.saved'")
    done = run(commands, ["audit", "verify"])
    assert done.exit_code == 1
    assert "被改动" in done.output


def test_what_goes_round_the_program_is_on_record_too(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as db:
        db.execute(
            "insert into feature (layer, name, geom) values ('depots', 'n', ST_Point(1, 1, 4326))"
        )
        db.execute("insert into account values ('x', '-', null, now(), '{county}')")
        db.execute("update account set roles = '{admin}'")
    assert [(e["action"], e["subject"]) for e in entries(conninfo)] == [
        ("database.write", "change insert"),
        ("database.write", "account insert"),
        ("database.write", "account update"),
    ]


def test_every_way_to_sign_in_and_out_is_on_record(signed_copy: Signed, demo_copy: str) -> None:
    client = signed_copy.client
    before = len(entries(demo_copy))
    for name, word in (("planner", "wrong"), ("mypassword1", "x")):
        client.post("/api/session", json={"username": name, "password": word})
    planner = signed_copy("planner")
    planner.delete("/api/session")
    found = entries(demo_copy)[before:]
    assert [(e["action"], e["username"]) for e in found] == [
        ("session.refused", "planner"),
        ("session.refused", "m**（没有这个账号）"),
        ("session.opened", "planner"),
        ("session.closed", "planner"),
    ]
    assert found[2]["roles"] == ["planner"]
    assert found[3]["ip"] == "testclient"
    assert found[3]["request_id"]


def test_single_edits_are_on_record_old_beside_new(signed_copy: Signed, demo_copy: str) -> None:
    admin = signed_copy("admin")
    page = admin.get("/api/layers/depots/features?limit=1").json()["features"][0]
    url, version = f"/api/layers/depots/features/{page['id']}", page["properties"]["version"]
    admin.patch(
        url,
        headers={"If-Match": f'"{version}"'},
        json={"properties": {"manager_phone": "13812345678", "level": page["properties"]["level"]}},
    )
    entry = last(demo_copy)
    assert (entry["action"], entry["layer"], entry["subject"]) == (
        "feature.changed",
        "depots",
        str(page["id"]),
    )
    assert entry["username"] == "admin"
    assert entry["old"] == {"manager_phone": page["properties"]["manager_phone"]}
    assert entry["new"] == {"manager_phone": "13812345678"}
    admin.delete(url, headers={"If-Match": f'"{version + 1}"'})
    gone = last(demo_copy)
    assert (gone["action"], gone["new"]) == ("feature.deleted", None)
    assert gone["old"]["name"] == page["properties"]["name"]
    admin.post(f"/api/uploads/{gone['upload_id']}/rollback")
    assert last(demo_copy)["action"] == "upload.rolled_back"
    auditor = signed_copy("auditor")
    told = auditor.get("/api/record", params={"layer": "depots", "feature": page["id"]}).json()
    assert [e["action"] for e in told["entries"]] == [
        "upload.rolled_back",
        "feature.deleted",
        "feature.changed",
    ]
    assert told["entries"][2]["new"] == {"manager_phone": "138****5678"}
    assert "**" in told["entries"][1]["old"]["manager"]
    first = auditor.get("/api/record", params={"limit": 1}).json()
    second = auditor.get("/api/record", params={"limit": 1, "before": first["next"]}).json()
    assert second["entries"][0]["id"] == first["entries"][0]["id"] - 1
    for query, status in (("action=nonsense", 422), ("feature=1", 422), ("q=%25_%5C", 200)):
        assert auditor.get(f"/api/record?{query}").status_code == status, query


def test_an_upload_is_on_record_with_its_file(signed_copy: Signed, demo_copy: str) -> None:
    town = signed_copy(f"town-{TOWN}")
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (
        ("编号", "名称", "类型", "级别", "经度", "纬度"),
        ("A-1", "新库", "防汛抗旱", "村级", "111.2016", "27.8849"),
    ):
        book.active.append(row)
    book.save(out := io.BytesIO())
    staged = town.post(
        "/api/uploads",
        files={"file": ("库.xlsx", out.getvalue())},
        data={"layer": "depots", "crs": "wgs84"},
    ).json()
    assert staged["counts"]["new"] == 1, staged["problems"]
    town.post(f"/api/uploads/{staged['id']}/apply", json={})
    town.post(f"/api/uploads/{staged['id']}/rollback")
    again = town.post(
        "/api/uploads",
        files={"file": ("库2.xlsx", out.getvalue())},
        data={"layer": "depots", "crs": "wgs84"},
    ).json()
    town.delete(f"/api/uploads/{again['id']}")
    found = [e for e in entries(demo_copy) if e["action"].startswith("upload.")]
    assert [(e["action"], e["subject"]) for e in found] == [
        ("upload.staged", "库.xlsx"),
        ("upload.applied", "库.xlsx"),
        ("upload.rolled_back", "库.xlsx"),
        ("upload.staged", "库2.xlsx"),
        ("upload.discarded", "库2.xlsx"),
    ]
    assert {e["region_code"] for e in found} == {TOWN}
    assert len({e["sha256"] for e in found}) == 1
    assert found[1]["new"]["new"] == 1


def test_closures_are_on_record(signed_copy: Signed, demo_copy: str) -> None:
    command = signed_copy("command")
    sent = {"geometry": {"type": "Point", "coordinates": [111.2, 27.9]}, "reason": "滑坡"}
    number = command.post("/api/closures", json=sent).json()["id"]
    command.patch(f"/api/closures/{number}", json={"reason": "塌方"})
    command.delete(f"/api/closures/{number}")
    command.delete(f"/api/closures/{number}")
    found = [e for e in entries(demo_copy) if e["action"].startswith("closure.")]
    assert [e["action"] for e in found] == ["closure.created", "closure.changed", "closure.ended"]
    assert (found[1]["old"]["reason"], found[1]["new"]["reason"]) == ("滑坡", "塌方")


def test_no_route_that_writes_is_left_off_the_record(signed: Signed) -> None:
    """A new route that is not GET stands here, with what it puts on record or why nothing."""
    paths = signed.client.app.openapi()["paths"]  # type: ignore[attr-defined]
    writing = {
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method in methods
        if method != "get"
    }
    assert writing == set(ON_RECORD) | QUESTIONS
    assert set(ON_RECORD.values()) <= set(ACTIONS)


ON_RECORD = {
    "POST /api/session": "session.opened",
    "DELETE /api/session": "session.closed",
    "POST /api/kiosk": "session.opened",
    "POST /api/setup": "account.saved",
    "POST /api/me/password": "account.password",
    "DELETE /api/me/sessions": "session.closed_all",
    "DELETE /api/me/sessions/{number}": "session.closed",
    "PUT /api/me/totp": "totp.enabled",
    "POST /api/me/totp/off": "totp.disabled",
    "DELETE /api/accounts/{username}/totp": "totp.disabled",
    "POST /api/accounts": "account.saved",
    "PATCH /api/accounts/{username}": "account.changed",
    "POST /api/accounts/{username}/reset": "account.reset",
    "POST /api/accounts/{username}/sign-out": "session.closed_all",
    "POST /api/kiosks": "kiosk.issued",
    "DELETE /api/kiosks/{number}": "kiosk.revoked",
    "POST /api/layers/{layer}/features": "feature.created",
    "PATCH /api/layers/{layer}/features/{feature_id}": "feature.changed",
    "DELETE /api/layers/{layer}/features/{feature_id}": "feature.deleted",
    "POST /api/uploads": "upload.staged",
    "DELETE /api/uploads/{upload_id}": "upload.discarded",
    "POST /api/uploads/{upload_id}/apply": "upload.applied",
    "POST /api/uploads/{upload_id}/rollback": "upload.rolled_back",
    "POST /api/reveal": "personal.revealed",
    "POST /api/closures": "closure.created",
    "PATCH /api/closures/{number}": "closure.changed",
    "DELETE /api/closures/{number}": "closure.ended",
}
QUESTIONS = {"POST /api/within", "POST /api/plans", "POST /api/me/totp"}
"""They only read; a body says what to read."""


def test_actions_are_told_in_words(catalog: Catalog) -> None:
    assert all(title for title in ACTIONS.values())
    assert all("." in action for action in ACTIONS)
