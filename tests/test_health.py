"""The health report: what it knows, what it calls a fault; it opens when all else fails."""

import copy
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from mapsvc.catalog import load_catalog
from mapsvc.health import backups, faults
from mapsvc.settings import PROJECT, Settings
from tests.aside import run
from tests.conftest import Signed, application

Report = dict[str, Any]


def ask(client: Any, *, whole: bool = True) -> Report:
    """The report; asked again where a busy machine let a part of it come too late."""
    for _ in range(30):
        answer = client.get("/api/health")
        assert answer.status_code == 200, answer.text
        found = dict(answer.json())
        if not whole or (
            found["duty"]
            and found["roads"]
            and found["layers"]["files"][-1]["count"]
            and found["work"]["streams"]["live"]
        ):
            return found
        time.sleep(0.2)
    raise AssertionError("the report never came whole")


def ids(report: Report) -> set[str]:
    return {fault["id"] for fault in report["faults"]}


@pytest.fixture(scope="module")
def conninfo(make_database: Any, demo_source: str) -> str:
    return str(make_database(demo_source))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Layer files and a folder of backups that the tests may change."""
    root = tmp_path_factory.mktemp("health")
    shutil.copytree(PROJECT / "layers", root / "layers")
    (root / "backups").mkdir()
    return root


@pytest.fixture(scope="module")
def client(conninfo: str, folder: Path) -> Iterator[Any]:
    layers = folder / "layers"
    settings = {"layers": layers, "backups": folder / "backups"}
    with application(conninfo, load_catalog(layers), **settings) as app:
        yield Signed(app)("admin")


def test_whoever_keeps_it_running_reads_it_and_nobody_else(signed: Signed) -> None:
    for username in ("planner", "auditor", "town-990101001"):
        person = signed(username)
        for path in ("/api/health", "/health"):
            assert person.get(path).status_code == 403, (username, path)
    keeper = signed("admin")
    for path in ("/api/health", "/health"):
        assert keeper.get(path).status_code == 200
        assert signed.client.get(path).status_code == 401


def test_a_sound_installation_says_so_in_one_sentence(client: Any, folder: Path) -> None:
    (folder / "backups" / "mapsvc-20261126-020000.backup").write_bytes(b"x" * 10)
    found = ask(client)
    assert found["ok"], found["faults"]
    assert found["headline"] == "一切正常，另有 1 项提醒"
    assert ids(found) == {"backup_drill"}
    assert found["database"]["schema"] == found["database"]["schema_expected"]
    assert found["regions"]["levels"]["township"] == len(found["duty"]["townships"]) == 16
    assert [f["state"] for f in found["layers"]["files"]] == ["in_use"] * 4
    assert all(f["looked_at"] == f["count"] > 0 for f in found["layers"]["files"])
    assert found["record"]["entries"] > 0
    assert {"程序数据", "备份"} <= {t for d in found["storage"] for t in d["titles"]}
    stale = [t["stale"] for t in found["duty"]["townships"]]
    assert stale == sorted(stale, reverse=True)
    assert sum(stale) == sum(x["stale"] for x in found["duty"]["layers"])


def test_stored_values_that_no_longer_fit_their_layer_file_are_told(
    client: Any, conninfo: str
) -> None:
    with psycopg.connect(conninfo, autocommit=True) as db:
        for patch in ('{"risk_level": "特大"}', '{"old_field": 1}'):
            db.execute(
                "update feature set attrs = attrs || %s::jsonb, version = version + 1 where id ="
                " (select min(id) from feature where layer = 'risk_points')",
                [patch],
            )
    found = ask(client)
    assert "layer_drift" in ids(found)
    (file,) = [f for f in found["layers"]["files"] if f["id"] == "risk_points"]
    assert file["unknown"] == {"old_field": 1}
    assert file["outside"] == {"风险等级": 1}


def test_files_that_change_under_a_running_service_are_told(client: Any, folder: Path) -> None:
    layers = folder / "layers"
    kept = {path: path.read_text(encoding="utf-8") for path in layers.glob("*.toml")}
    broken, changed, gone = (layers / f"{x}.toml" for x in ("depots", "forces", "command_posts"))
    broken.write_text(kept[broken].replace("[symbol]", "[symbl]"), encoding="utf-8")
    changed.write_text(kept[changed].replace("days = 90", "days = 91"), encoding="utf-8")
    gone.unlink()
    try:
        found = ask(client)
    finally:
        for path, text in kept.items():
            path.write_text(text, encoding="utf-8")
    assert {"layer_broken", "layer_changed", "layer_gone"} <= ids(found)
    (fault,) = [f for f in found["faults"] if f["id"] == "layer_broken"]
    assert "depots.toml" in fault["what"]
    assert "symbl" in fault["what"]
    assert not ids(ask(client)) & {"layer_broken", "layer_changed", "layer_gone"}


def test_files_that_nobody_confirmed_or_nobody_could_read_are_counted(
    client: Any, conninfo: str
) -> None:
    sent = client.post("/api/uploads", files={"file": ("坏.xlsx", b"PK\3\4 broken")})
    assert sent.status_code == 422
    with psycopg.connect(conninfo, autocommit=True) as db:
        db.execute(
            "insert into upload (id, layer, filename, sha256, original, status, declared_crs,"
            " layer_version, created_at, created_by) values (gen_random_uuid(), 'depots',"
            " 'a.xlsx', '', '', 'staged', 'auto', 1, now() - interval '2 days', 'x')"
        )
    found = ask(client)
    assert found["work"]["uploads"]["refused"] == 1
    assert found["work"]["uploads"]["waiting"] == 1
    assert "uploads_waiting" in ids(found)


def test_it_asks_the_same_number_of_questions_whatever_there_is(
    client: Any, conninfo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    execute = psycopg.AsyncConnection.execute

    async def counted(self: Any, query: Any, *more: Any, **named: Any) -> Any:
        if self.info.get_parameters().get("application_name") == "mapsvc health":
            asked.append(str(query))
        return await execute(self, query, *more, **named)

    monkeypatch.setattr(psycopg.AsyncConnection, "execute", counted)

    def count() -> int:
        for _ in range(30):
            asked.clear()
            found = ask(client, whole=False)
            if found["duty"] and found["roads"]:
                return len(asked)
        raise AssertionError("the report never came whole")

    assert count() == 12
    with psycopg.connect(conninfo, autocommit=True) as db:
        db.execute(
            "insert into upload (id, layer, filename, sha256, original, status, declared_crs,"
            " layer_version, created_by, region_code, applied_at) select gen_random_uuid(),"
            " 'depots', 'a.xlsx', '', '', 'applied', 'auto', 1, 'x', '990101001', now()"
            " from generate_series(1, 100)"
        )
    assert count() == 12
    found = ask(client)
    (town,) = [t for t in found["duty"]["townships"] if t["code"] == "990101001"]
    assert town["layers"]["depots"]["sent_at"] == town["sent_at"]
    assert found["work"]["uploads"]["applied"] == 100


def test_what_is_sent_for_support_names_nobody(client: Any, conninfo: str) -> None:
    text = ask(client)["support"]
    with psycopg.connect(conninfo) as db:
        rows = db.execute(
            "select username from account where region_code is not null union select filename"
            " from upload union select e.value #>> '{}' from feature, jsonb_each(attrs) e"
            " where e.key like '%phone%' or e.key in ('keeper', 'owner', 'monitor', 'leader')"
        ).fetchall()
    assert len(rows) > 100
    assert [word for (word,) in rows if word in text] == []
    assert "layer_drift" in text
    assert "特大" not in text


@pytest.mark.parametrize(
    ("where", "value", "fault", "level"),
    [
        ("database.schema", "0001", "schema", "now"),
        ("database.read_only", True, "read_only", "now"),
        ("database.connections", 290, "connections", "soon"),
        ("database.oldest_s", 900, "long_query", "soon"),
        ("database.unswept", [{"table": "upload_row", "dead": 90000}], "unswept", "soon"),
        ("database.archiving", {"on": True, "failing": True}, "archiving", "now"),
        ("record.holds", False, "record_broken", "now"),
        ("record.since", "2001-01-01T00:00:00+08:00", "record_unverified", "soon"),
        ("storage.0.share", 0.08, "disk", "soon"),
        ("storage.0.share", 0.01, "disk", "now"),
        ("backups.age_h", None, "backup_none", "now"),
        ("backups.age_h", 30, "backup_late", "soon"),
        ("backups.age_h", 50, "backup_late", "now"),
        ("backups.lost", True, "backup_lost", "now"),
        ("backups.timer", {"active": False, "next_at": None}, "backup_timer", "soon"),
        ("layers.files.0.missing", True, "layer_missing", "now"),
        ("layers.beside", ["needs/x.toml：id：缺少"], "layer_beside", "now"),
        ("layers.orphans", [{"id": "wells", "count": 3}], "layer_orphan", "note"),
        ("regions.levels", {}, "regions_none", "soon"),
        ("regions.without_villages", ["青岚县"], "regions_villages", "note"),
        ("roads", {}, "roads_none", "soon"),
        ("roads.largest_share", 0.5, "roads_islands", "note"),
        ("roads.age_days", 800, "roads_old", "note"),
        ("work.pool.waiting", 3, "pool", "soon"),
        ("work.streams.live", False, "feed", "soon"),
        ("duty.townships.0.overdue", 1, "duty_late", "note"),
        ("duty.townships.0.count", 0, "townships_bare", "note"),
    ],
)
def test_each_fault_is_told_with_what_to_do(
    found: Report, where: str, value: Any, fault: str, level: str
) -> None:
    report = copy.deepcopy(found)
    *path, last = where.split(".")
    part: Any = report
    for step in path:
        part = part[int(step) if step.isdigit() else step]
    part[last] = value
    assert fault not in ids(found)
    (one,) = [f for f in faults.told(report) if f.id == fault]
    assert one.level == level
    assert one.todo.endswith("。")
    assert one.section in {
        "database",
        "storage",
        "backups",
        "layers",
        "duty",
        "regions",
        "roads",
    } | {"work"}


@pytest.fixture(scope="module")
def found(client: Any) -> Report:
    """A report without the faults of the tests above."""
    report = ask(client)
    report["storage"][0]["share"] = 0.5
    return report


def test_systemd_says_when_the_next_backup_is_due() -> None:
    shown = "LoadState=loaded\nActiveState=active\nNextElapseUSecRealtime=@1795629600\n"
    told = backups.schedule(shown)
    assert told["active"] is True
    assert str(told["next_at"]).startswith("2026-11-2")
    assert backups.schedule("LoadState=not-found\nActiveState=inactive\n")["active"] is False


def test_a_backup_whose_name_was_chosen_by_hand_is_not_lost(tmp_path: Path) -> None:
    new = {"folder": str(tmp_path), "keep": None, "bytes": 7}
    made = {"at": "2026-11-26T02:00:00+08:00", "subject": "出差前", "new": new}

    def looked() -> dict[str, Any]:
        return run(backups.look(Settings(), {"backup.made": made}))

    assert looked()["lost"] is True
    (tmp_path / "出差前").write_bytes(b"x" * 7)
    found = looked()
    assert (found["lost"], found["count"], found["newest"]) == (False, 1, "出差前")


def test_with_the_database_gone_the_page_opens_and_says_so(
    make_app: Callable[..., TestClient], demo_copy: str, server_conninfo: str, tmp_path: Path
) -> None:
    old = tmp_path / "mapsvc-20261101-020000.backup"
    old.write_bytes(b"")
    then = time.time() - 60 * 3600
    os.utime(old, (then, then))
    app = make_app(demo_copy, backups=tmp_path)
    known = Signed(app)
    keeper, planner = known("admin"), known("planner")
    assert ask(keeper)["database"] is not None
    planner.get("/api/layers")
    app.app.state.service.pool.timeout = 0.3
    name = psycopg.conninfo.conninfo_to_dict(demo_copy)["dbname"]
    with psycopg.connect(server_conninfo, autocommit=True) as db:
        db.execute(f'drop database "{name}" with (force)'.encode())
    app.app.state.service.sessions._seen = {  # as if the last look were some minutes ago
        key: seen._replace(at=seen.at - 300)
        for key, seen in app.app.state.service.sessions._seen.items()
    }
    page = keeper.get("/health")
    assert page.status_code == 200
    found = ask(keeper, whole=False)
    assert found["database"] is None
    assert {"database_away", "backup_late"} <= ids(found)
    assert found["faults"][0]["id"] == "database_away"
    assert "连不上" in found["support"]
    assert planner.get("/api/health").status_code == 403
    stranger = TestClient(app.app, headers={"Authorization": "Bearer nobody"})
    assert stranger.get("/api/health").status_code == 503
