"""Backups: what the record says was made, what lies in the folder, when the next one is due."""

import asyncio
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anyio.to_thread import run_sync

from mapsvc.settings import Settings

TIMER = "mapsvc-backup.timer"
_SYSTEMD = Path("/run/systemd/system")
_ASKING_S = 2.0


async def look(settings: Settings, recorded: dict[str, Any]) -> dict[str, Any]:
    """`{folder, readable, count, bytes, newest, newest_at, age_h, keep, drilled_at, timer}`.

    `newest_at` is the record's or the folder's, whichever is later. A backup is compared with what
    it was made of before it gets its name, so each that has one was verified.
    """
    made = recorded.get("backup.made")
    told = (made and made["new"]) or {}
    folder = settings.backups or (Path(told["folder"]) if told.get("folder") else None)
    found = await run_sync(_lie, folder, made["subject"] if made else None) if folder else None
    times = [datetime.fromisoformat(made["at"])] if made else []
    times += [found[-1][0]] if found else []
    newest = max(times, default=None)
    drilled = recorded.get("backup.drilled")
    return {
        "folder": str(folder.absolute()) if folder else None,
        "readable": found is not None,
        "count": len(found) if found is not None else None,
        "bytes": found[-1][2] if found else told.get("bytes"),
        "newest": found[-1][1] if found else made and made["subject"],
        "newest_at": newest and newest.astimezone().isoformat(timespec="seconds"),
        "age_h": newest and round((datetime.now(UTC) - newest).total_seconds() / 3600, 1),
        "lost": bool(made and found is not None and not found),
        "keep": told.get("keep"),
        "drilled_at": drilled and drilled["at"],
        "timer": await _timer(),
    }


def _lie(folder: Path, last: str | None) -> list[tuple[datetime, str, int]] | None:
    """Time, name and bytes of every backup in the folder, the newest last; None: unreadable.

    `last` is the name of the last that was made, which may have been chosen by hand.
    """
    found = []
    try:
        for path in {*folder.glob("*.backup"), *([folder / last] if last else [])}:
            with suppress(FileNotFoundError):
                seen = path.stat()
                found.append((datetime.fromtimestamp(seen.st_mtime, UTC), path.name, seen.st_size))
        # A glob over a folder that may not be read finds nothing and says nothing.
        next(folder.iterdir(), None)
    except OSError:
        return None
    return sorted(found)


async def _timer() -> dict[str, Any] | None:
    """What systemd knows of the timer of docs/backup.md; None where there is no systemd."""
    if not await run_sync(_SYSTEMD.exists):
        return None
    with suppress(OSError, TimeoutError):
        asked = await asyncio.create_subprocess_exec(
            *("systemctl", "show", TIMER, "--timestamp=unix"),
            "--property=LoadState,ActiveState,NextElapseUSecRealtime",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(_ASKING_S):
                out, _ = await asked.communicate()
        finally:
            if asked.returncode is None:
                asked.kill()
        return schedule(out.decode("utf-8", "replace"))
    return None


def schedule(shown: str) -> dict[str, Any]:
    """`systemctl show` of a timer: is it set up, and when does it go off next?"""
    values = dict(re.findall(r"^(\w+)=(.*)$", shown, re.MULTILINE))
    at = re.fullmatch(r"@(\d+)", values.get("NextElapseUSecRealtime", ""))
    active = values.get("LoadState") == "loaded" and values.get("ActiveState") == "active"
    return {
        "active": active,
        "next_at": datetime.fromtimestamp(int(at[1]), UTC).astimezone().isoformat()
        if active and at
        else None,
    }
