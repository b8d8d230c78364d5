"""Room on the disks that the service writes to."""

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from mapsvc.settings import Settings


def look(settings: Settings, conninfo: object, backups: str | None) -> list[dict[str, Any]]:
    """Each disk once, with the folders on it: `{titles, path, total, free, share}` in bytes."""
    folders = {"程序数据": settings.home, "数据库": _database(settings, str(conninfo))}
    if backups is not None:
        folders["备份"] = Path(backups)
    disks: dict[int, dict[str, Any]] = {}
    for title, folder in folders.items():
        at = folder and _reachable(folder)
        if at is None:
            continue
        with suppress(OSError):
            usage = shutil.disk_usage(at)
            disk = disks.setdefault(
                at.stat().st_dev,
                {
                    "titles": [],
                    "path": str(folder and folder.absolute()),
                    "total": usage.total,
                    "free": usage.free,
                    "share": round(usage.free / max(usage.total, 1), 4),
                },
            )
            disk["titles"].append(title)
    return list(disks.values())


def _database(settings: Settings, conninfo: str) -> Path | None:
    """The embedded cluster's folder; None for a database that somebody else keeps."""
    base = settings.home / "postgres"
    host = str(conninfo_to_dict(conninfo).get("host") or "")
    return base.resolve() if host.startswith("/") and base.exists() else None


def _reachable(folder: Path) -> Path | None:
    """The folder, or the nearest one above it that this account may look at."""
    for place in (folder.absolute(), *folder.absolute().parents):
        with suppress(OSError):
            place.stat()
            return place
    return None
