"""The live feed of one process: one listening connection, one encoded frame for all who follow.

Every follower has a bounded queue of its own. One that does not read loses its queue and is told
to load everything anew (`resync`), and is cut off when even that does not reach it; the others
notice nothing. A database that goes away is looked for until it is back, and what was committed
meanwhile is read from the log.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec
import psycopg
from psycopg import AsyncConnection

from mapsvc import access, changes, features
from mapsvc.database import AS_SERVICE, Db, Pool, connection
from mapsvc.errors import MapsvcError, Unavailable

log = logging.getLogger(__name__)

TICK_S = 4.0
"""Between two signs of life; also the longest that a lost notification could go unnoticed."""
MOST_QUEUED = 1000
MOST_REPLAYED = 1000
"""Who is further behind loads everything anew, which is less work."""
MOST_FOLLOWERS = 5000
_REMEMBERED = 256
_AT_ONCE = 200
_STUCK_S = 30.0
_TICKETS_S = 12.0
_TRIM_S = 3600.0
_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Frame:
    """An event as it goes over the wire, and its place in the log (0: it has none)."""

    position: int
    body: bytes


def encoded(event: str, data: bytes, *, event_id: int | None = None) -> bytes:
    """One server-sent event; `data` is JSON on one line."""
    head = f"event: {event}\n" if event_id is None else f"id: {event_id}\nevent: {event}\n"
    return head.encode() + b"data: " + data + b"\n\n"


class Listener(Protocol):
    """Somebody in this process who keeps what a change makes wrong."""

    def hearing(self, versions: dict[str, int]) -> None: ...
    def deaf(self) -> None: ...
    def heard(
        self, layer_id: str, version: int, places: Iterable[tuple[float, float]] | None
    ) -> None: ...


class Follower:
    """The reading end of one stream; `over` is done when it must end whatever is on its way."""

    def __init__(self, ticket: bytes) -> None:
        self.ticket = ticket
        self.reached = 0
        self._loop = asyncio.get_running_loop()
        self.over: asyncio.Future[None] = self._loop.create_future()
        self._queue: deque[Frame] = deque()
        self._waiting: asyncio.Future[None] | None = None
        self._ended = False
        self._sending_since: float | None = None

    def push(self, item: Frame) -> bool:
        """Queue a frame; False when there is no room left for it. After the end, nothing is."""
        if self._ended:
            return True
        if len(self._queue) >= MOST_QUEUED:
            return False
        self._queue.append(item)
        self._wake()
        return True

    def restart(self, item: Frame) -> None:
        """Drop what is queued: only this and what follows it counts."""
        if self._ended:
            return
        self._queue.clear()
        self.reached = 0
        self._queue.append(item)
        self._wake()

    def finish(self, item: Frame | None = None) -> None:
        """Nothing more comes; what is queued is still read."""
        if self._ended:
            return
        if item is not None:
            self._queue.append(item)
        self._ended = True
        self._wake()

    def cut(self) -> None:
        self._ended = True
        if not self.over.done():
            self.over.set_result(None)

    @property
    def idle(self) -> bool:
        return not self._queue

    def stuck(self, now: float) -> bool:
        """Has what was read last not left for so long?"""
        return self._sending_since is not None and now - self._sending_since > _STUCK_S

    async def read(self) -> bytes:
        """All that has come since the last call, joined; waits for it; b"" at the end."""
        self._sending_since = None
        queue = self._queue
        while True:
            body = b""
            while queue:
                item = queue.popleft()
                if item.position > self.reached:
                    self.reached = item.position
                elif item.position:
                    continue
                # Nearly always there is one, and it goes out as it is, uncopied.
                body = body + item.body if body else item.body
            if body:
                self._sending_since = time.monotonic()
                return body
            if self._ended:
                return b""
            self._waiting = self._loop.create_future()
            await self._waiting

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


class Feed:
    """The process's feed: `running` keeps it going, `follow` and `opening` are one reader."""

    def __init__(
        self,
        conninfo: str,
        pool: Pool,
        listeners: Sequence[Listener] = (),
        *,
        idle: timedelta | None = None,
    ) -> None:
        """`idle`: a session that asked for nothing in this time loses its streams too."""
        self._conninfo = conninfo
        self._idle = idle
        self._pool = pool
        self._listeners = listeners
        self._followers: set[Follower] = set()
        self._recent: deque[Frame] = deque()
        self._recent_from = 0
        self._ready = asyncio.Event()
        self._closing = False
        self._heard_at = datetime.now(UTC)
        self._position = 0
        self._live = False
        self._versions: dict[str, int] = {}
        self._unsettled = True
        """May search texts of many features wait for their index?"""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        work = [asyncio.create_task(w()) for w in (self._listen, self._beat, self._upkeep)]
        try:
            yield
        finally:
            self.close()
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    @property
    def followers(self) -> int:
        return len(self._followers)

    @property
    def live(self) -> bool:
        """Is the database heard of at this moment?"""
        return self._live

    def close(self) -> None:
        """End every stream, now and from now on: the process is about to stop."""
        self._closing = True
        for follower in self._followers:
            follower.finish()

    @contextlib.contextmanager
    def follow(self, ticket: bytes) -> Iterator[Follower]:
        """A follower for as long as the block runs; `ticket` is its session's digest.

        Raises Unavailable when there are too many.
        """
        if len(self._followers) >= MOST_FOLLOWERS:
            raise Unavailable("实时连接已满，请稍候再试。", code="too_many_streams")
        follower = Follower(ticket)
        self._followers.add(follower)
        try:
            yield follower
        finally:
            self._followers.discard(follower)

    async def opening(self, follower: Follower, after: int | None) -> AsyncIterator[bytes]:
        """What a follower is sent before it reads: all that it missed after a position of the log.

        None: it starts now. What can no longer be told from there becomes one `resync`.
        """
        while not (self._ready.is_set() or self._closing):
            yield self._tick()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._ready.wait()
        if self._closing:
            return
        missed = await self._missed(after) if after is not None else []
        if missed is None:
            follower.reached = self._position
            yield self._resync("too_old")
        else:
            follower.reached = missed[-1].position if missed else self._reach(after)
            yield self._hello(after) + b"".join(f.body for f in missed)

    def _reach(self, after: int | None) -> int:
        return self._position if after is None else after

    async def _missed(self, after: int) -> list[Frame] | None:
        """The frames after a position; None when they cannot all be told."""
        if self._recent_from <= after <= self._position:
            return [f for f in self._recent if f.position > after]
        try:
            async with connection(self._pool) as db:
                newest, trimmed = await changes.bounds(db)
                found = await changes.following(db, after, MOST_REPLAYED + 1)
        except MapsvcError:
            return None
        if not trimmed <= after <= newest or len(found) > MOST_REPLAYED:
            return None
        return [_frame(c) for c in found]

    async def _listen(self) -> None:
        """Hear of commits for as long as the process lives, whatever becomes of the database."""
        pause = 0.0
        while True:
            await asyncio.sleep(pause)
            try:
                async with await self._connect() as db:
                    await db.execute(f"listen {changes.CHANNEL}")
                    await self._resume(db)
                    pause = 0.0
                    while True:
                        async for _ in db.notifies(timeout=TICK_S, stop_after=1):
                            pass
                        await self._catch_up(db)
            except (psycopg.Error, OSError, TimeoutError) as lost:
                if self._live:
                    log.warning("live feed lost its database: %s", lost)
                    self._live = False
                    for listener in self._listeners:
                        listener.deaf()
                    self._broadcast(Frame(0, self._tick()))
            pause = min(2.0, pause * 2 or 0.25)

    async def _connect(self) -> AsyncConnection[Any]:
        return await AsyncConnection.connect(
            self._conninfo,
            autocommit=True,
            connect_timeout=5,
            application_name="mapsvc live",
            options=f"-c timezone=Asia/Shanghai -c jit=off -c statement_timeout=10s{AS_SERVICE}",
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=2,
        )

    async def _resume(self, db: Db) -> None:
        """Take up where we were; a log that is not ours any more starts everybody anew."""
        newest, trimmed = await changes.bounds(db)
        heard = await changes.versions(db)
        known = self._ready.is_set() and trimmed <= self._position <= newest
        if not known:
            self._position = self._recent_from = max(newest - _REMEMBERED, trimmed)
            self._recent.clear()
            self._versions = {}
        for layer_id, version in heard.items():
            self._versions[layer_id] = max(version, self._versions.get(layer_id, 0))
        if not known and self._ready.is_set():
            await self._catch_up(db, tell=False)
            for follower in self._followers:
                follower.restart(Frame(0, self._resync("log_replaced")))
        else:
            await self._catch_up(db)
        self._live = True
        for listener in self._listeners:
            listener.hearing(self._versions)
        self._ready.set()
        self._broadcast(Frame(0, self._tick()))

    async def _catch_up(self, db: Db, *, tell: bool = True) -> None:
        while True:
            async with asyncio.timeout(_PATIENCE_S):
                found = await changes.following(db, self._position, _AT_ONCE)
            self._heard_at = datetime.now(UTC)
            for change in found:
                self._take(change, tell=tell)
            if len(found) < _AT_ONCE:
                return

    def _take(self, change: changes.Change, *, tell: bool) -> None:
        item = _frame(change)
        self._position = change.position
        if change.layer is not None and change.version is not None:
            known = self._versions.get(change.layer, 0)
            self._versions[change.layer] = max(known, change.version)
            places = changes.places(change)
            self._unsettled |= places is None
            for listener in self._listeners:
                listener.heard(change.layer, change.version, places)
        self._recent.append(item)
        if len(self._recent) > _REMEMBERED:
            self._recent_from = self._recent.popleft().position
        if tell:
            self._broadcast(item)

    def _broadcast(self, item: Frame) -> None:
        for follower in self._followers:
            if not follower.push(item):
                follower.restart(Frame(0, self._resync("too_slow")))

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            tick, now = Frame(0, self._tick()), time.monotonic()
            for follower in self._followers:
                if follower.idle:
                    follower.push(tick)
                elif follower.stuck(now):
                    follower.cut()

    async def _upkeep(self) -> None:
        """End the streams of sessions that have ended; keep the log from growing for ever; settle
        what a large upload left to be done."""
        trimmed_at = float("-inf")
        while True:
            await asyncio.sleep(_TICKETS_S)
            try:
                async with connection(self._pool) as db:
                    await self._expel(db)
                    if time.monotonic() - trimmed_at > _TRIM_S:
                        await changes.trim(db)
                        trimmed_at = time.monotonic()
                    if self._unsettled:
                        self._unsettled = False
                        await features.settle_search(db)
            except MapsvcError:
                pass  # away or busy; who asks for something is told
            except psycopg.Error as refused:
                log.warning("live feed: upkeep was refused: %s", refused.sqlstate)

    async def _expel(self, db: Db) -> None:
        tickets = {f.ticket for f in self._followers}
        if not tickets:
            return
        valid = await access.still_open(db, tickets, self._idle)
        ended = Frame(0, encoded("session.ended", b"{}"))
        for follower in self._followers:
            if follower.ticket in tickets - valid:
                follower.finish(ended)

    def _tick(self) -> bytes:
        return encoded("tick", self._state())

    def _hello(self, after: int | None) -> bytes:
        """With an id for who starts here; who resumes keeps the one it has."""
        data = self._state(versions=self._versions, resumed=after is not None)
        return b"retry: 2000\n" + encoded(
            "hello", data, event_id=self._position if after is None else None
        )

    def _resync(self, reason: str) -> bytes:
        data = self._state(versions=self._versions, reason=reason)
        return b"retry: 2000\n" + encoded("resync", data, event_id=self._position)

    def _state(self, **more: Any) -> bytes:
        return msgspec.json.encode(
            {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "position": self._position,
                "live": self._live,
                "heard_at": self._heard_at.isoformat(timespec="milliseconds"),
                **more,
            }
        )


def _frame(change: changes.Change) -> Frame:
    body = encoded(change.event, change.data.encode(), event_id=change.position)
    return Frame(change.position, body)
