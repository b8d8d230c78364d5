"""The live stream over a real server and a real PostGIS: in order, without a gap, whatever dies."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import psycopg
import pytest

from mapsvc import changes, features, live
from mapsvc.database import Db, make_pool
from mapsvc.settings import Settings
from tests.conftest import PASSWORD, Make, soon

INSERT = """insert into feature (layer, name, geom, updated_by)
    select %s, %s || i, ST_Point(111 + i * 0.001, 27.9, 4326), 'me' from generate_series(1, %s) i"""


@dataclass(frozen=True)
class Event:
    event: str
    id: int | None
    data: dict[str, Any]


class Stream:
    """A wall: a raw connection that reads events one by one."""

    def __init__(self, url: str, token: str, last: int | None = None, query: str = "") -> None:
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname or "", parts.port or 0), 60)
        resume = f"Last-Event-ID: {last}\r\n" if last is not None else ""
        self.socket.sendall(
            f"GET /api/events{query} HTTP/1.1\r\nHost: x\r\n{resume}"
            f"Authorization: Bearer {token}\r\n\r\n".encode()
        )
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = dict(
            line.decode().strip().lower().split(": ", 1)
            for line in iter(self.file.readline, b"\r\n")
        )

    def next(self, *wanted: str) -> Event:
        """The next event, or the next of those names."""
        while True:
            found = self._read()
            if not wanted or found.event in wanted:
                return found

    def _read(self) -> Event:
        fields: dict[str, str] = {}
        while line := self._line():
            name, _, value = line.partition(": ")
            fields[name] = value
        place = int(fields["id"]) if "id" in fields else None
        return Event(fields["event"], place, json.loads(fields["data"]))

    def _line(self) -> str:
        """One line of the body; the frames of the transfer are skipped over."""
        while not (text := getattr(self, "_rest", b"")).count(b"\n"):
            size = int(self.file.readline(), 16)
            if size == 0:
                raise EOFError
            self._rest = text + self.file.read(size)
            self.file.readline()
        line, _, self._rest = text.partition(b"\n")
        return line.decode()

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@dataclass
class Wall:
    url: str
    conninfo: str
    token: str

    @contextmanager
    def stream(self, last: int | None = None, query: str = "") -> Iterator[Stream]:
        opened = Stream(self.url, self.token, last, query)
        try:
            yield opened
        finally:
            opened.close()

    def run(self, query: str, *values: Any) -> None:
        with psycopg.connect(self.conninfo, autocommit=True) as db:
            db.execute(query.encode(), values)


@pytest.fixture(scope="module")
def wall(serve: Callable[..., str], make_database: Make, demo_source: str) -> Wall:
    conninfo = make_database(demo_source)
    url = serve(conninfo)
    token = httpx.post(
        f"{url}/api/session", json={"username": "command", "password": PASSWORD}, timeout=60
    ).json()["token"]
    return Wall(url, conninfo, token)


@asynccontextmanager
async def feed_of(conninfo: str) -> AsyncIterator[live.Feed]:
    pool = make_pool(conninfo, Settings(pool_size=2))
    await pool.open()
    feed = live.Feed(conninfo, pool)
    async with feed.running():
        yield feed
    await pool.close()


async def stream_of(
    feed: live.Feed, follower: live.Follower, after: int | None
) -> AsyncIterator[bytes]:
    async for chunk in feed.opening(follower, after):
        yield chunk
    while chunk := await follower.read():
        yield chunk


def test_every_commit_is_told_with_its_place_in_the_log(wall: Wall) -> None:
    with wall.stream() as stream:
        assert stream.status == 200
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        hello = stream.next("hello")
        assert hello.id == hello.data["position"]
        assert hello.data["live"] is True
        assert set(hello.data["versions"]) >= {"risk_points", "depots"}
        wall.run(INSERT, "forces", "新队伍", 2)
        told = stream.next("feature.changed")
        assert told.id is not None
        assert told.id > hello.data["position"]
        assert told.data["layer"] == "forces"
        assert told.data["version"] == hello.data["versions"]["forces"] + 1
        assert len(told.data["ids"]) == 2
        assert told.data["deleted"] == []
        first = told.data["summary"][0]
        assert (first["name"], first["op"], first["by"]) == ("新队伍1", "insert", "me")
        assert first["region_name"] is None
        assert (first["lon"], first["lat"]) == (111.001, 27.9)
        wall.run(
            "update feature set geom = ST_Point(111.5, 28, 4326), version = version + 1,"
            " grade = 2, updated_at = clock_timestamp() where name = '新队伍1'"
        )
        moved = stream.next("feature.changed").data["summary"][0]
        assert (moved["op"], moved["moved"], moved["grade"]) == ("update", True, 2)
        assert moved["old_grade"] is None
        wall.run("delete from feature where name like '新队伍%%'")
        gone = stream.next("feature.changed")
        assert sorted(gone.data["deleted"]) == sorted(told.data["ids"])


def test_a_commit_is_told_at_once(wall: Wall) -> None:
    with wall.stream() as stream:
        stream.next("hello")

        def heard() -> None:
            wall.run(INSERT, "forces", "立即", 1)
            stream.next("feature.changed")

        soon(1, heard)


def test_many_at_once_are_counted_and_not_named(wall: Wall) -> None:
    with wall.stream() as stream:
        stream.next("hello")
        wall.run(INSERT, "forces", "批量", 201)
        told = stream.next("feature.changed").data
        assert told["many"] is True
        assert (told["count"], told["ids"]) == (201, [])
        assert "summary" not in told
        wall.run("delete from feature where name like '批量%%'")
        stream.next("feature.changed")


def test_resuming_leaves_no_gap_and_repeats_nothing(wall: Wall) -> None:
    with wall.stream() as stream:
        last = stream.next("hello").id
    for number in range(5):
        wall.run(INSERT, "forces", f"断开期间{number}-", 1)
    with wall.stream(last) as stream:
        hello = stream.next("hello")
        assert hello.data["resumed"] is True
        assert hello.id is None
        names = [stream.next("feature.changed").data["summary"][0]["name"] for _ in range(5)]
        assert names == [f"断开期间{n}-1" for n in range(5)]
        wall.run(INSERT, "forces", "之后", 1)
        assert stream.next("feature.changed").data["summary"][0]["name"] == "之后1"
    with wall.stream(query=f"?after={last}") as stream:
        stream.next("hello")
        assert stream.next("feature.changed").data["summary"][0]["name"] == "断开期间0-1"
    with wall.stream(last + 10_000) as stream:
        assert stream.next("resync", "hello").event == "resync"


@pytest.mark.anyio
async def test_what_was_trimmed_away_is_loaded_anew(
    conninfo: str, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_REMEMBERED", 1)
    await db.execute("insert into change (event, at) values ('note', now() - interval '1 year')")
    await changes.trim(db)
    assert await changes.bounds(db) == (1, 1)
    for _ in range(4):
        await db.execute(INSERT.encode(), ["forces", "新", 1])
    async with feed_of(conninfo) as feed:
        for after, answer in ((0, b"event: resync"), (1, b"event: hello"), (9, b"event: resync")):
            with feed.follow(b"") as follower:
                said = b""
                async for chunk in stream_of(feed, follower, after):
                    said += chunk
                    if answer in said:
                        break
            assert (said.count(b"feature.changed") == 4) is (after == 1), said


def test_the_log_is_in_the_order_of_commits(wall: Wall) -> None:
    with (
        wall.stream() as stream,
        psycopg.connect(wall.conninfo) as early,
        psycopg.connect(wall.conninfo) as late,
    ):
        stream.next("hello")
        early.execute(INSERT.encode(), ["forces", "先写后提交", 1])
        late.execute(INSERT.encode(), ["depots", "后写先提交", 1])
        late.commit()
        first = stream.next("feature.changed")
        early.commit()
        second = stream.next("feature.changed")
    assert [e.data["layer"] for e in (first, second)] == ["depots", "forces"]
    assert first.id is not None
    assert second.id is not None
    assert first.id < second.id
    with wall.stream(first.id) as stream:
        assert stream.next("feature.changed").id == second.id


def test_uploads_and_closures_are_told(wall: Wall) -> None:
    api = httpx.Client(base_url=wall.url, timeout=60)
    token = api.post("/api/session", json={"username": "planner", "password": PASSWORD}).json()
    api.headers["Authorization"] = f"Bearer {token['token']}"
    with wall.stream() as stream:
        stream.next("hello")
        closed = api.post(
            "/api/closures",
            json={"geometry": {"type": "Point", "coordinates": [111.2, 27.9]}, "reason": "滑坡"},
        ).json()
        told = stream.next("closure.changed").data
        assert (told["id"], told["active"], told["by"]) == (closed["id"], True, "planner")
        api.delete(f"/api/closures/{closed['id']}")
        assert stream.next("closure.changed").data["active"] is False
        sheet = "名称,经度,纬度\n上报队伍,111.2,27.9\n".encode()
        staged = api.post(
            "/api/uploads",
            files={"file": ("队伍.csv", sheet)},
            data={"layer": "forces", "crs": "wgs84"},
        ).json()
        assert api.post(f"/api/uploads/{staged['id']}/apply", json={}).status_code == 200
        assert stream.next("feature.changed").data["count"] == 1
        applied = stream.next("upload.applied").data
        assert (applied["id"], applied["layer"], applied["by"]) == (
            staged["id"],
            "forces",
            "planner",
        )
        assert applied["counts"]["new"] == 1
        api.post(f"/api/uploads/{staged['id']}/rollback")
        assert stream.next("upload.rolled_back").data["by"] == "planner"


def test_the_last_hours_can_be_read_backwards(wall: Wall) -> None:
    wall.run(INSERT, "forces", "<b>昨夜</b>", 1)
    headers = {"Authorization": f"Bearer {wall.token}"}
    found = httpx.get(f"{wall.url}/api/changes?limit=2", headers=headers, timeout=60).json()
    newest = found["changes"][0]
    assert newest["event"] == "feature.changed"
    assert newest["summary"][0]["name"] == "<b>昨夜</b>1"
    assert newest["position"] == found["position"]
    assert newest["position"] > found["changes"][1]["position"]
    assert found["more"] is True
    none = httpx.get(
        f"{wall.url}/api/changes?since=2999-01-01T00:00:00Z", headers=headers, timeout=60
    ).json()
    assert none["changes"] == []


def test_a_lost_listener_comes_back_and_catches_up(wall: Wall) -> None:
    with wall.stream() as stream:
        stream.next("hello")
        with psycopg.connect(wall.conninfo) as db:
            db.execute(
                "select pg_terminate_backend(pid, 60000) from pg_stat_activity"
                " where application_name = 'mapsvc live' and datname = current_database()"
            )
            db.execute(INSERT.encode(), ["forces", "失联期间", 1])
        told = stream.next("feature.changed").data
        assert told["summary"][0]["name"] == "失联期间1"


def test_all_of_five_hundred_walls_hear_it(wall: Wall) -> None:
    with ExitStack() as opened:
        streams = [opened.enter_context(wall.stream()) for _ in range(500)]
        for stream in streams:
            stream.next("hello")

        def heard() -> None:
            wall.run(INSERT, "forces", "众所周知", 1)
            for stream in streams:
                told = stream.next("feature.changed").data
                assert told["summary"][0]["name"] == "众所周知1"

        soon(5, heard)


def test_nobody_listens_without_a_session_and_the_stream_ends_with_it(wall: Wall) -> None:
    assert httpx.get(f"{wall.url}/api/events", timeout=60).status_code == 401
    bad = {"Authorization": f"Bearer {wall.token}", "Last-Event-ID": "x"}
    assert httpx.get(f"{wall.url}/api/events", headers=bad, timeout=60).status_code == 422


@pytest.mark.anyio
async def test_an_ended_session_ends_its_stream(
    conninfo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_TICKETS_S", 0.05)
    async with feed_of(conninfo) as feed:
        with feed.follow(b"no such session") as follower:
            said = b"".join([chunk async for chunk in stream_of(feed, follower, None)])
    assert said.endswith(b"event: session.ended\ndata: {}\n\n")
    assert said.count(b"session.ended") == 1


@pytest.mark.anyio
async def test_search_texts_of_a_large_upload_are_settled_after_it(
    conninfo: str, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle, pages = features.settle_search, asyncio.Queue[int]()

    async def counted(db: Db) -> int:
        pages.put_nowait(await settle(db))
        return 0

    monkeypatch.setattr(live, "_TICKETS_S", 0.05)
    monkeypatch.setattr(features, "settle_search", counted)
    # Autovacuum would do the same, and leave nothing to be done.
    await db.execute("alter table feature_depots set (autovacuum_enabled = off)")
    async with feed_of(conninfo), asyncio.timeout(60):
        await pages.get()  # at the start, whatever was there
        await db.execute(INSERT, ["depots", "青山水库", 300])
        while await pages.get() == 0:
            pass
    assert await settle(db) == 0


@pytest.mark.anyio
async def test_nothing_is_said_to_a_session_that_has_ended() -> None:
    follower = live.Follower(b"ended")
    follower.finish(live.Frame(0, b"the end"))
    follower.finish(live.Frame(0, b"the end, again"))
    assert follower.push(live.Frame(7, b"a change"))
    follower.restart(live.Frame(0, b"anew"))
    assert [await follower.read(), await follower.read()] == [b"the end", b""]


@pytest.mark.anyio
async def test_a_slow_reader_starts_anew_and_delays_nobody(
    conninfo: str, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_QUEUED", 5)
    async with feed_of(conninfo) as feed:
        with feed.follow(b"slow") as slow, feed.follow(b"quick") as quick:
            idle, busy = stream_of(feed, slow, None), stream_of(feed, quick, None)
            async for said in idle:
                if b"event: hello" in said:
                    break
            seen = 0
            async for said in busy:
                seen += said.count(b"event: feature.changed")
                if seen >= 20:
                    break
                await db.execute(INSERT.encode(), ["forces", "快", 1])
            late = await anext(idle)
    assert late.count(b"event: resync") == 1
    assert b'"reason":"too_slow"' in late
