"""What every request can reach: settings, catalog, pool, sign-in sessions, pages."""

import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, cast

from fastapi import Depends, Request

from mapsvc import record, walls
from mapsvc.access import Identity, Sessions, SingleSignOn
from mapsvc.api import doors
from mapsvc.api.throttle import Throttle
from mapsvc.catalog import Catalog
from mapsvc.database import Db, Pool, connection
from mapsvc.errors import Forbidden, NotSignedIn
from mapsvc.live import Feed
from mapsvc.maps.assets import Assets
from mapsvc.maps.guides import Guide
from mapsvc.maps.pages import Pages
from mapsvc.maps.shells import Shells
from mapsvc.overview import Overview
from mapsvc.planning import NeedBook
from mapsvc.settings import Settings
from mapsvc.tiles import TileCache

COOKIE = "mapsvc_session"
_SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Service:
    settings: Settings
    catalog: Catalog
    pool: Pool
    sessions: Sessions
    single: SingleSignOn
    throttle: Throttle
    asset: Assets
    pages: Pages
    shells: Shells
    guides: dict[str, Guide]
    symbols: dict[str, Any]
    feed: Feed
    overview: Overview
    tiles: TileCache
    needs: NeedBook


def service(request: Request) -> Service:
    if walls.standing() is walls.MACHINE:
        walls.stands(walls.NOBODY)  # until the request says whose it is
    return cast("Service", request.app.state.service)


async def _serves(request: Request) -> Service:
    # Async although it awaits nothing: FastAPI sends plain functions through a thread.
    return service(request)


async def database(request: Request) -> AsyncIterator[Db]:
    """A connection that works as whoever asks, whether or not the door wants to know it."""
    try:
        await visitor(request)
    except Forbidden:
        walls.stands(walls.NOBODY)
    async with connection(service(request).pool) as db:
        yield db


def token_of(request: Request) -> str | None:
    """The bearer token, from the header (programs) or the cookie (pages)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    token = request.cookies.get(COOKIE, "")
    if token and request.method not in _SAFE:
        doors.require_own_page(request, service(request).settings)
    return token or None


async def visitor(request: Request) -> Identity | None:
    """Who is asking, if signed in; the database is told as well."""
    token = token_of(request)
    person = await _known(request, token) if token else None
    walls.stands(person.standing if person else walls.NOBODY)
    return person


async def _known(request: Request, token: str) -> Identity | None:
    known = service(request)
    used = doors.is_use(request)
    recent = known.sessions.recent(token, used=used)
    if recent is not None:
        return recent
    async with connection(known.pool, walls.MACHINE) as db:
        return await known.sessions.identify(db, token, used=used)


async def identity(request: Request) -> Identity:
    """Who is asking, or NotSignedIn."""
    person = await visitor(request)
    if person is None:
        raise NotSignedIn("尚未登录或登录已过期，请重新登录。")
    asked_by(request, person.username, person.told)
    doors.require_open(request, person)
    await service(request).throttle.check(request, person.username)
    return person


def asked_by(request: Request, username: str, roles: Sequence[str] = ()) -> None:
    """Whatever this request goes on to do is put on record as this person's, from this address."""
    address = address_of(request)
    number = getattr(request.state, "request_id", None) or secrets.token_hex(8)
    record.asking(record.Asker(username, tuple(roles), address, number))


def address_of(request: Request) -> str:
    """Whence it came: what a proxy says, where it is one of `MAPSVC_PROXIES`."""
    return request.client.host if request.client else ""


async def reader(request: Request) -> Identity:
    """Who is asking, if it is somebody who may see the county's data; else Forbidden."""
    person = await identity(request)
    person.require("read")
    return person


Serves = Annotated[Service, Depends(_serves)]
Database = Annotated[Db, Depends(database)]
# Whoever asks for the county's data; the few doors that are for every account say SignedIn.
Who = Annotated[Identity, Depends(reader)]
SignedIn = Annotated[Identity, Depends(identity)]
MaybeWho = Annotated[Identity | None, Depends(visitor)]
