"""What is going on in this process and on this machine."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import mapsvc
from mapsvc.database import Pool

_PARSER = b"mapsvc.ingest.read"


def parsers() -> int:
    """Child processes that read uploaded files now, of all workers of this installation."""
    ours = Path(mapsvc.__file__).parent.parent
    many = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            called = (process / "cmdline").read_bytes().split(b"\0")
            many += _PARSER in called and (process / "cwd").readlink() == ours
    return many


def pool(watched: Pool) -> dict[str, Any]:
    """The service's own connections: how many there may be, are in use, are waited for."""
    stats = watched.get_stats()
    size = stats.get("pool_size", 0)
    return {
        "most": watched.max_size,
        "used": size - stats.get("pool_available", 0),
        "waiting": stats.get("requests_waiting", 0),
    }
