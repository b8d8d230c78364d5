"""A backup restored into an empty cluster holds everything, and a bad one changes nothing."""

import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from mapsvc import backup
from mapsvc.backup import census, restoring
from mapsvc.catalog import Catalog
from mapsvc.cluster import running
from mapsvc.settings import PROJECT

LAYERS = PROJECT / "layers"
EDIT = (
    'update feature set attrs = attrs || \'{"remark": "改过"}\', version = version + 1,'
    " updated_at = clock_timestamp() where layer = 'depots'"
)


def counted(conninfo: str) -> census.Census:
    with psycopg.connect(conninfo, options=census.PLAIN) as db:
        return census.take(db)


@pytest.fixture(scope="module")
def made(
    demo_source: str,
    make_database: Callable[[str | None], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, census.Census]:
    """A backup of the demo county with an upload, a history and a symbol of its own."""
    conninfo = make_database(demo_source)
    with psycopg.connect(conninfo, autocommit=True) as db:
        db.execute(EDIT)
        db.execute("delete from feature where layer = 'forces' and id % 7 = 0")
        db.execute(
            "insert into upload (id, layer, filename, sha256, original, status, declared_crs,"
            " layer_version, created_by) values (gen_random_uuid(), 'depots', '台账.xlsx', 'x',"
            " decode('00ff504b', 'hex'), 'staged', 'auto', 1, 'town')"
        )
    folder = tmp_path_factory.mktemp("backup")
    file, _ = backup.make(conninfo, LAYERS, folder)
    return file, counted(conninfo)


@pytest.fixture(scope="module")
def empty_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("empty"), durable=False) as cluster:
        yield cluster.dsn


def test_it_comes_back_whole_in_an_empty_cluster(
    made: tuple[Path, census.Census], empty_cluster: str, catalog: Catalog
) -> None:
    file, before = made
    restored = backup.restore(empty_cluster, catalog, file)
    after = counted(empty_cluster)
    assert before.differences(after) == []
    assert after.tables["feature_history"].rows == before.tables["feature_history"].rows > 350
    assert after.tables["upload"].rows == 1
    assert restored.previous is None, "an empty database is not worth keeping"
    with psycopg.connect(empty_cluster) as db:
        assert db.execute("select original from upload").fetchone() == (b"\x00\xffPK",)
        # The triggers are back: history goes on where it stopped.
        version = db.execute("select version from layer where id = 'depots'").fetchone()
        db.execute(EDIT.replace("改过", "又改"))
        again = db.execute("select version from layer where id = 'depots'").fetchone()
        assert version
        assert again
        assert again[0] == version[0] + 1


def test_nobody_stays_signed_in(
    made: tuple[Path, census.Census], conninfo: str, catalog: Catalog
) -> None:
    backup.restore(conninfo, catalog, made[0])
    assert counted(conninfo).tables["session"].rows == 0


def test_what_stood_here_is_kept_aside(
    made: tuple[Path, census.Census], demo_copy: str, catalog: Catalog
) -> None:
    with psycopg.connect(demo_copy, autocommit=True) as db:
        db.execute(EDIT.replace("改过", "后来"))
    before = counted(demo_copy)
    restored = backup.restore(demo_copy, catalog, made[0])
    assert restored.previous
    kept = psycopg.conninfo.make_conninfo(demo_copy, dbname=restored.previous)
    try:
        assert counted(kept) == before
        assert made[1].differences(counted(demo_copy)) == []
    finally:
        with psycopg.connect(demo_copy, autocommit=True) as db:
            db.execute(
                sql.SQL("drop database {} with (force)").format(sql.Identifier(restored.previous))
            )


def databases(conninfo: str) -> set[str]:
    with psycopg.connect(conninfo) as db:
        found = db.execute("select datname from pg_database where datname like 'mapsvc_restore%'")
        return {row[0] for row in found.fetchall()}


def test_a_drill_touches_nothing(
    made: tuple[Path, census.Census], demo_copy: str, other_owner: str
) -> None:
    """Nor does it need the owner under whom the backup was made."""
    before = counted(demo_copy)
    with psycopg.connect(demo_copy):
        elsewhere = psycopg.conninfo.make_conninfo(demo_copy, user=other_owner)
        assert backup.drill(elsewhere, made[0]).census.rows > 1_000
    assert counted(demo_copy) == before
    assert databases(demo_copy) == set()


@pytest.fixture
def other_owner(server_conninfo: str) -> Iterator[str]:
    name = f"t_restorer_{os.getpid()}"
    superuser = psycopg.conninfo.make_conninfo(server_conninfo, user="postgres")
    with psycopg.connect(superuser, autocommit=True) as dba:
        dba.execute(f"create role {name} login createdb in role mapsvc_service, mapsvc_door")
        yield name
        dba.execute(f"drop role {name}")


def test_what_would_be_seen_in_part_is_not_backed_up(demo_copy: str, tmp_path: Path) -> None:
    with psycopg.connect(demo_copy, autocommit=True) as db:
        db.execute("alter policy owner_works on upload using (region_code is null)")
    with pytest.raises(backup.BackupError, match=r"一部分：upload。"):
        backup.make(demo_copy, LAYERS, tmp_path / "part.backup")


def test_it_waits_until_the_service_has_stopped(
    made: tuple[Path, census.Census],
    demo_copy: str,
    catalog: Catalog,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(restoring, "LEAVING_S", 0.5)
    with psycopg.connect(demo_copy), pytest.raises(backup.BackupError, match="停止服务"):
        backup.restore(demo_copy, catalog, made[0])


def test_who_is_just_leaving_does_not_stop_it(
    made: tuple[Path, census.Census], demo_copy: str, catalog: Catalog
) -> None:
    leaving = psycopg.connect(demo_copy)
    timer = threading.Timer(0.5, leaving.close)
    timer.start()
    backup.restore(demo_copy, catalog, made[0], keep=False)
    timer.join()


def test_a_superusers_process_in_it_does_not_stop_it(
    make_database: Callable[[str | None], str], template: str
) -> None:
    """As autovacuum is one, and comes to what was just filled; it goes when it is asked to."""
    beside = psycopg.conninfo.conninfo_to_dict(make_database(template))
    inside = psycopg.connect(psycopg.conninfo.make_conninfo(**{**beside, "user": "postgres"}))
    timer = threading.Timer(0.5, inside.close)
    timer.start()
    with restoring._elsewhere(template) as server:
        restoring._drop(server, str(beside["dbname"]))
        known = "select from pg_database where datname = %s"
        assert not server.execute(known, [beside["dbname"]]).rowcount
    timer.join()


def changed(file: Path, to: Path, **members: bytes | None) -> Path:
    """A copy with members replaced, or left out (None)."""
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            content = members.get(name.partition(".")[0], old.read(name))
            if content is not None:
                new.writestr(name, content)
    return to


def flipped(file: Path, to: Path) -> Path:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    to.write_bytes(content)
    return to


def manifest_with(file: Path, **values: object) -> bytes:
    with zipfile.ZipFile(file) as archive:
        return json.dumps(json.loads(archive.read("manifest.json")) | values).encode()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (flipped, "已损坏"),
        (lambda f, t: changed(f, t, database=b"PGDMP nonsense"), "已损坏"),
        (lambda f, t: changed(f, t, database=None), "缺少或多出"),
        (lambda f, t: changed(f, t, manifest=None), "不是 mapsvc 的备份"),
        (lambda f, t: changed(f, t, manifest=manifest_with(f, format=99)), "更新版本"),
        (lambda f, t: changed(f, t, manifest=manifest_with(f, revision="9999")), "更新版本"),
        (lambda f, t: changed(f, t, manifest=manifest_with(f, postgresql=99)), "较旧"),
        (lambda _, t: t.write_bytes(b"PK nonsense") and t, "不是 mapsvc 的备份"),
    ],
)
def test_a_bad_file_changes_nothing(
    made: tuple[Path, census.Census],
    demo_copy: str,
    catalog: Catalog,
    tmp_path: Path,
    damage: Callable[[Path, Path], Path],
    words: str,
) -> None:
    before = counted(demo_copy)
    bad = damage(made[0], tmp_path / "bad.backup")
    with pytest.raises(backup.BackupError, match=words):
        backup.restore(demo_copy, catalog, bad)
    assert counted(demo_copy) == before


def test_a_dump_that_lost_rows_is_not_taken(
    made: tuple[Path, census.Census], demo_copy: str, catalog: Catalog, tmp_path: Path
) -> None:
    """Checksums in order, yet the census does not agree with what comes out."""
    with zipfile.ZipFile(made[0]) as archive:
        told = json.loads(archive.read("manifest.json"))["census"]
    told["tables"]["feature"]["rows"] += 1
    content = manifest_with(made[0], census=told)
    bad = changed(made[0], tmp_path / "bad.backup", manifest=content)
    before = counted(demo_copy)
    with pytest.raises(backup.BackupError, match=r"不一致：feature。没有改动"):
        backup.restore(demo_copy, catalog, bad)
    assert counted(demo_copy) == before
    assert databases(demo_copy) == set()


def test_it_is_of_one_moment_while_others_write(demo_copy: str, tmp_path: Path) -> None:
    script = (
        "import itertools, psycopg, sys\n"
        "with psycopg.connect(sys.argv[1], autocommit=True) as db:\n"
        "    for n in itertools.count():\n"
        f"        db.execute({EDIT!r}.replace('改过', str(n)))\n"
        "        n == 0 and print('writing', flush=True)\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", script, demo_copy], stdout=subprocess.PIPE, text=True
    )
    try:
        assert writer.stdout
        writer.stdout.readline()
        file, manifest = backup.make(demo_copy, LAYERS, tmp_path / "busy.backup")
        assert writer.poll() is None, "the writer must outlast the backup"
    finally:
        writer.kill()
        writer.communicate()
    assert backup.drill(demo_copy, file) == manifest


def test_only_its_owner_reads_it_and_nothing_is_overwritten(
    made: tuple[Path, census.Census], demo_copy: str
) -> None:
    file, _ = made
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(backup.BackupError, match="已经存在"):
        backup.make(demo_copy, LAYERS, file)
    assert [p.name for p in file.parent.iterdir()] == [file.name], "no half-written parts"


def test_the_layer_files_come_along(made: tuple[Path, census.Census], tmp_path: Path) -> None:
    written = backup.unpack_layers(made[0], tmp_path / "layers")
    assert len(written) > 40
    for path in written:
        assert path.read_bytes() == (LAYERS / path.relative_to(tmp_path / "layers")).read_bytes()
    with pytest.raises(backup.BackupError, match="不是空的"):
        backup.unpack_layers(made[0], tmp_path / "layers")


def test_a_file_name_cannot_lead_outside(made: tuple[Path, census.Census], tmp_path: Path) -> None:
    members = {"layers/../../evil.toml": "0" * 64}
    bad = changed(
        made[0], tmp_path / "bad.backup", manifest=manifest_with(made[0], members=members)
    )
    with pytest.raises(backup.BackupError, match="不安全"):
        backup.unpack_layers(bad, tmp_path / "deep" / "layers")
    assert not (tmp_path / "evil.toml").exists()


def test_retention_knows_only_its_own_files(tmp_path: Path) -> None:
    names = [f"mapsvc-2026010{day}-020000.backup" for day in range(1, 6)]
    for name in [*names, "mapsvc-重要.backup", "年报.xlsx"]:
        (tmp_path / name).touch()
    assert [p.name for p in backup.retire(tmp_path, 2)] == names[:3]
    assert {p.name for p in tmp_path.iterdir()} == {*names[3:], "mapsvc-重要.backup", "年报.xlsx"}


def test_commands(demo_copy: str, tmp_path: Path) -> None:
    def command(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "mapsvc.cli", *arguments],
            env={**os.environ, "MAPSVC_DATABASE_URL": demo_copy},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    assert "已核对" in command("backup", str(tmp_path))
    (file,) = tmp_path.iterdir()
    with psycopg.connect(demo_copy, autocommit=True) as db:
        db.execute("delete from feature")
    told = command("restore", str(file), "--discard")
    assert "全部一致" in told
    assert "保留在数据库" not in told
    assert counted(demo_copy).tables["feature"].rows > 800
    with psycopg.connect(demo_copy) as db:
        noted = db.execute("select subject from audit where action = 'backup.restored'")
        assert noted.fetchall() == [(file.name,)]
