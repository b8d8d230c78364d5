"""The parser's child process: started, watched, ended; its messages gathered into sheets."""

import asyncio
import hashlib
import logging
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

import mapsvc
from mapsvc.errors import TooLarge, Unreadable
from mapsvc.ingest.messages import file_reason
from mapsvc.ingest.scratch import scratch
from mapsvc.ingest.wire import (
    BETWEEN_CELLS,
    End,
    Failure,
    Limits,
    Message,
    Note,
    Rows,
    SheetStart,
)
from mapsvc.settings import Settings

log = logging.getLogger(__name__)

_TOO_LARGE = {"too_many_rows", "too_many_columns", "too_big_inside", "too_many_entries", "too_slow"}
_BIGGEST_FRAME = 256 * 2**20
_TRIED = 16_000
"""Rows after which a column that seldom repeats itself is no longer searched for equal texts."""


class Sheet(Struct):
    """Cells column by column; `numbers` are the row numbers that the person sees."""

    name: str
    visible: bool
    left: int
    crs: str | None
    has_shapes: bool
    numbers: list[int]
    columns: list[list[str]]
    shapes: list[bytes]

    @property
    def height(self) -> int:
        return len(self.numbers)


class Reading(Struct):
    """A whole file as it was read."""

    format: str
    encoding: str
    sheets: list[Sheet]
    notes: list[Note] = []
    digest: str = ""
    """Of all that was read: the same for two files that say the same in other bytes."""
    called: str = ""
    """The name of the file."""


async def read_file(content: bytes, settings: Settings) -> Reading:
    """The file's sheets; raises Unreadable or TooLarge with a code and what to do next."""
    if len(content) > settings.upload_max_bytes:
        raise refusal("too_many_bytes", limit=settings.upload_max_bytes // 2**20)
    with scratch() as folder:
        path = folder / "upload"
        await asyncio.to_thread(path.write_bytes, content)
        return await _run(path, limits_of(settings))


def limits_of(settings: Settings) -> Limits:
    return Limits(
        rows=settings.upload_max_rows,
        memory=settings.upload_max_memory,
        seconds=settings.upload_max_seconds,
    )


async def spawn(program: str, path: Path, limits: Limits) -> asyncio.subprocess.Process:
    """A child that runs a module of ours on a file; it must confine itself before it opens it."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        # Its modules are compiled once and kept (no -B): that takes longer than to read most files.
        *("-E", "-s", "-m", program),
        str(path),
        msgspec.json.encode(limits).decode(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=Path(mapsvc.__file__).parent.parent,
        env=_environment(path.parent),
        start_new_session=True,
        limit=1 << 20,
    )


async def _run(path: Path, limits: Limits) -> Reading:
    try:
        async with asyncio.timeout(limits.seconds):
            reading, died = await _attempt(path, limits)
            if reading is None and died:
                careful = msgspec.structs.replace(limits, careful=True)
                reading, died = await _attempt(path, careful)
    except TimeoutError:
        raise refusal("too_slow", limit=f"{limits.seconds:g}") from None
    if reading is None:
        raise refusal("too_big_inside" if died else "damaged")
    return reading


async def _attempt(path: Path, limits: Limits) -> tuple[Reading | None, bool]:
    """What a child read, or None and whether it died of it."""
    process = await spawn("mapsvc.ingest.read", path, limits)
    try:
        reading = await _gather(process)
        if reading is None:
            await process.wait()
        return reading, process.returncode != 0
    finally:
        await ended(process, "mapsvc.ingest.read")


async def ended(process: asyncio.subprocess.Process, program: str) -> None:
    """Leave no child behind; one that went by itself and failed is named in the log."""
    if process.returncode is None:
        process.kill()
    elif process.returncode:
        log.warning("%s ended with status %s", program, process.returncode)
    await process.wait()


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of the service's own settings or secrets reaches the parser."""
    return {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "TMPDIR": str(folder),
        "HOME": str(folder),
        "MALLOC_ARENA_MAX": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "GDAL_NUM_THREADS": "1",
        "CPL_TMPDIR": str(folder),
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    }


async def _gather(process: asyncio.subprocess.Process) -> Reading | None:
    """Messages until the end; None when the child died before it."""
    assert process.stdout is not None
    decoder = msgspec.msgpack.Decoder(Message)
    sheets: list[Sheet] = []
    notes: list[Note] = []
    words: list[_Words] = []
    digest = hashlib.sha256()
    try:
        while True:
            size = int.from_bytes(await process.stdout.readexactly(4), "big")
            if size > _BIGGEST_FRAME:
                return None
            frame = await process.stdout.readexactly(size)
            message = decoder.decode(frame)
            if isinstance(message, Failure):
                raise refusal(message.code, **message.values)
            if isinstance(message, End):
                digest.update(message.format.encode())
                told = digest.hexdigest()
                return Reading(message.format, message.encoding, sheets, notes, told)
            digest.update(frame)
            if isinstance(message, Note):
                notes.append(message)
            elif isinstance(message, SheetStart):
                sheets.append(_opened(message))
                words = []
            else:
                _append(sheets[-1], message, words)
    except (asyncio.IncompleteReadError, msgspec.DecodeError, IndexError):
        return None


def _opened(start: SheetStart) -> Sheet:
    return Sheet(start.name, start.visible, start.left, start.crs, start.shapes, [], [], [])


class _Words:
    """The texts of a column that repeats itself: equal ones become one object."""

    def __init__(self) -> None:
        self._known: dict[str, str] | None = {}
        self._seen = 0

    def shared(self, texts: list[str]) -> list[str]:
        if self._known is None:
            return texts
        texts = list(map(self._known.setdefault, texts, texts))
        self._seen += len(texts)
        if self._seen > _TRIED and len(self._known) * 2 > self._seen:
            self._known = None
        return texts


def _append(sheet: Sheet, rows: Rows, words: list[_Words]) -> None:
    while len(sheet.columns) < len(rows.columns):
        sheet.columns.append([""] * len(sheet.numbers))
        words.append(_Words())
    for position, column in enumerate(sheet.columns):
        if position < len(rows.columns):
            texts = rows.columns[position].split(BETWEEN_CELLS)
            if len(texts) != len(rows.numbers):
                raise msgspec.ValidationError("cells are missing")
            column.extend(words[position].shared(texts))
        else:
            column.extend([""] * len(rows.numbers))
    sheet.numbers += rows.numbers
    sheet.shapes += rows.shapes


def refusal(code: str, **values: object) -> Unreadable | TooLarge:
    """The error for a file that is refused as a whole."""
    kind = TooLarge if code in _TOO_LARGE or code == "too_many_bytes" else Unreadable
    return kind(file_reason(code, **values), code=code)
