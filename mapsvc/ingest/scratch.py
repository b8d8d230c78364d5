"""Folders for the parser and the report writer that outlive nobody, not even a kill -9.

A folder is held by a lock that ends with its process; what a killed one left behind is removed by
the next to need a folder.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

PREFIX = "mapsvc-scratch-"
_SETTLED_S = 60
"""Younger than this a folder may not be locked yet."""


@contextmanager
def scratch() -> Iterator[Path]:
    """A new folder, gone at the end of the block or, after a kill, at the next start."""
    _sweep(tempfile.gettempdir())
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        held = _locked(Path(name))
        try:
            yield Path(name)
        finally:
            if held is not None:
                os.close(held)


def _locked(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock, or None where another process does."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    return fd


@cache
def _sweep(place: str) -> None:
    """Once a process: remove the folders of those that died."""
    for folder in Path(place).glob(f"{PREFIX}*"):
        try:
            young = time.time() - folder.stat().st_mtime < _SETTLED_S
        except OSError:
            continue
        held = None if young else _locked(folder)
        if held is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(held)
