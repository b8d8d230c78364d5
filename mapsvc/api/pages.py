"""The pages; each carries a nonce, and no stored data but the signed-in person's name."""

import asyncio
import secrets
from contextlib import suppress
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from mapsvc import access, county, record, regions
from mapsvc.access import Identity
from mapsvc.api import doors
from mapsvc.api.health import Keeper
from mapsvc.api.service import Database, MaybeWho, Serves, SignedIn, Who
from mapsvc.database import Db, connection
from mapsvc.errors import NotFound, Unavailable
from mapsvc.maps.shell import csp

router = APIRouter(include_in_schema=False)
_PATIENCE_S = 2.0


@router.get("/login")
async def login(
    serves: Serves,
    db: Database,
    person: MaybeWho,
    go_on: Annotated[str, Query(alias="next", max_length=500)] = "/",
) -> Response:
    target = go_on if go_on.startswith("/") and not go_on.startswith(("//", "/\\")) else "/"
    # At a wall's desk somebody may want to sign in as himself.
    if person is not None and not (person.is_wall and urlsplit(target).path != "/screen"):
        return RedirectResponse(target, 303)
    if serves.settings.first_code and not await access.any_account(db):
        return RedirectResponse("/setup", 303)
    return await _page(serves, db, "login.html", next=target, single=serves.single.name)


@router.get("/")
async def home(serves: Serves, db: Database, person: SignedIn) -> Response:
    if not person.may("read") and person.may("reads_record"):
        return RedirectResponse("/record", 303)
    return await _page(serves, db, "home.html", user=await _user(db, person))


@router.get("/uploads")
async def uploads(serves: Serves, db: Database, person: Who) -> Response:
    return await _page(serves, db, "uploads.html", user=await _user(db, person))


@router.get("/record")
async def audit(serves: Serves, db: Database, person: SignedIn) -> Response:
    person.require("reads_record")
    user = await _user(db, person)
    return await _page(
        serves, db, "record.html", user=user, actions=record.ACTIONS, layers=list(serves.catalog)
    )


@router.get("/accounts")
async def accounts(serves: Serves, db: Database, person: SignedIn) -> Response:
    person.require("manages_accounts")
    return await _page(serves, db, "accounts.html", user=await _user(db, person))


@router.get("/me")
async def own_account(serves: Serves, db: Database, person: SignedIn) -> Response:
    known = serves.settings
    owes = doors.DEBTS[person.owes] if person.owes else None
    return await _page(
        serves,
        db,
        "me.html",
        user=await _user(db, person),
        owes=owes,
        owed=person.owes,
        totp=await access.totp.is_on(db, person.username),
        length=known.password_length,
        days=known.password_days,
    )


@router.get("/setup")
async def setup(serves: Serves, db: Database) -> Response:
    if not serves.settings.first_code or await access.any_account(db):
        return RedirectResponse("/login", 303)
    return await _page(serves, db, "setup.html", length=serves.settings.password_length)


@router.get("/health")
async def condition(serves: Serves, person: Keeper) -> Response:
    return await _page_without_database(serves, "health.html", user=_known(person))


@router.get("/guide")
async def guides(person: SignedIn) -> Response:
    mine = {"township": "township", "command": "command"}.get(person.role, "planner")
    return RedirectResponse(f"/guide/{mine}", 303)


@router.get("/guide/{name}")
async def guide(name: str, serves: Serves, db: Database, person: SignedIn) -> Response:
    found = serves.guides.get(name)
    if found is None:
        raise NotFound("没有这份指南。")
    user = await _user(db, person)
    return await _page(
        serves, db, "guide.html", user=user, guide=found, guides=serves.guides.values()
    )


@router.get("/api/docs")
async def api_docs(serves: Serves, db: Database, person: SignedIn) -> Response:
    return await _page(serves, db, "api.html", user=await _user(db, person))


@router.get("/map")
async def chart(serves: Serves, _: Who) -> Response:
    nonce = secrets.token_urlsafe(16)
    return _html(serves.shells.map(nonce), nonce, serves)


@router.get("/sheet")
async def sheet(serves: Serves, _: Who) -> Response:
    nonce = secrets.token_urlsafe(16)
    return _html(serves.shells.sheet(nonce), nonce, serves)


@router.get("/screen")
async def screen(serves: Serves, _: Who) -> Response:
    nonce = secrets.token_urlsafe(16)
    return _html(serves.shells.screen(nonce), nonce, serves)


async def _page(serves: Serves, db: Db, name: str, **context: Any) -> Response:
    nonce = secrets.token_urlsafe(16)
    demo = await county.is_demo(db)
    return _html(serves.pages.render(name, nonce, demo=demo, **context), nonce, serves)


async def _page_without_database(serves: Serves, name: str, **context: Any) -> Response:
    """For the page that has to open when the database does not: it then asks for the rest."""
    demo = False
    with suppress(TimeoutError, Unavailable):
        async with asyncio.timeout(_PATIENCE_S), connection(serves.pool) as db:
            demo = await county.is_demo(db)
    nonce = secrets.token_urlsafe(16)
    return _html(serves.pages.render(name, nonce, demo=demo, **context), nonce, serves)


def _html(html: str, nonce: str, serves: Serves) -> Response:
    return HTMLResponse(
        html,
        headers={
            "Content-Security-Policy": csp(nonce, serves.settings),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
        },
    )


async def _user(db: Db, person: Identity) -> dict[str, Any]:
    region = await regions.require(db, person.region_code) if person.region_code else None
    return _known(person) | {"region_name": region}


def _known(person: Identity) -> dict[str, Any]:
    """What a page says of a person without asking the database."""
    return {
        "username": person.username,
        "role": person.role,
        "role_title": person.title,
        "rights": person.rights,
        "region_name": None,
    }
