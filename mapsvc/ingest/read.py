"""Bytes → sheets of text cells. Runs in a child process of its own: see `sandbox`.

The format is decided by the first bytes, never by the name; the encoding by the bytes, never by a
declaration. Whatever cannot be read is refused with a code of the message catalogue.
"""

import ctypes
import os
import re
import resource
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from mapsvc.ingest.foreign import OLE, document_kind, refuse_documents, refuse_foreign, unread
from mapsvc.ingest.wire import End, Failure, Limits, Message, Refused

_PAGES = ("html", "table", "head", "body", "meta", "style", "div", "center")


def main() -> None:
    """Child's entry: limits first, then the file named on the command line."""
    limits = msgspec.json.decode(sys.argv[2], type=Limits)
    confine(limits)
    # A thread that calamine worked for waits 5 ms for the interpreter otherwise, at every slice.
    sys.setswitchinterval(0.0005)
    try:
        for message in read(Path(sys.argv[1]), limits):
            _send(message)
    except Refused as refused:
        _send(refused.failure)
    except (MemoryError, RecursionError):
        _send(Failure("too_big_inside", {}))
    except Exception:  # noqa: BLE001 - whatever a parser throws, the file is to blame
        _send(Failure("damaged", {}))
    sys.stdout.buffer.flush()


def read(path: Path, limits: Limits) -> Iterator[Message]:
    """Everything in the file, sheet by sheet; raises Refused."""
    with path.open("rb") as file:
        head = file.read(4096)
    if not head.strip(b"\x00 \t\r\n"):
        raise Refused("empty_file")
    if head.startswith(b"PK"):
        yield from _archive(path, limits)
        return
    if head.startswith(OLE):
        yield from _compound(path, limits)
        return
    if head.startswith(b"SQLite format 3\x00"):
        from mapsvc.ingest.geopackage import geopackage  # noqa: PLC0415

        yield from _of_map(geopackage(path, limits))
        yield End(format="gpkg")
        return
    refuse_foreign(head)
    yield from _text(path, limits)


def _of_map(messages: Iterator[Message]) -> Iterator[Message]:
    """A damaged map is exported again, not saved as a workbook."""
    try:
        yield from messages
    except Refused as refused:
        code = refused.failure.code
        raise (Refused("damaged_map") if code == "damaged" else refused) from None


def _archive(path: Path, limits: Limits) -> Iterator[Message]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > limits.entries:
                raise Refused("too_many_entries", limit=limits.entries)
            lower = [entry.filename.lower() for entry in entries]
            refuse_documents(archive, lower)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
        raise Refused("damaged") from None
    if any(n.startswith("xl/workbook.") for n in lower):
        from mapsvc.ingest.workbook import workbook  # noqa: PLC0415

        yield from workbook(path, limits, zipped=True)
        yield End(format="xlsx")
    elif any(n.endswith(".shp") for n in lower):
        from mapsvc.ingest.shapefile import entry_name, shapefiles  # noqa: PLC0415

        yield from _of_map(shapefiles(path, limits))
        if note := unread([entry_name(entry) for entry in entries], ".shp"):
            yield note
        yield End(format="shapefile")
    elif any(n.endswith(".kml") for n in lower):
        from mapsvc.ingest.kml import kmz  # noqa: PLC0415

        yield from _of_map(kmz(path, limits))
        if note := unread([entry.filename for entry in entries], ".kml"):
            yield note
        yield End(format="kml")
    else:
        raise Refused("archive_without_table")


def _compound(path: Path, limits: Limits) -> Iterator[Message]:
    content = path.read_bytes()
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise Refused("password")
    if not any(n.encode("utf-16-le") in content for n in ("Workbook", "Book", "WORKBOOK", "BOOK")):
        raise Refused("not_a_table", kind=document_kind(content))
    if _is_locked(content):
        raise Refused("password")
    del content
    from mapsvc.ingest.workbook import workbook  # noqa: PLC0415

    yield from workbook(path, limits, zipped=False)
    yield End(format="xls")


def _is_locked(content: bytes) -> bool:
    """A FILEPASS record among the first of a BIFF8 workbook; calamine overlooks its oldest kind."""
    at = content.find(b"\x09\x08\x10\x00\x00\x06\x05\x00")
    for _ in range(10):
        if at < 0 or at + 4 > len(content):
            return False
        kind, size = int.from_bytes(content[at : at + 2], "little"), content[at + 2 : at + 4]
        if kind == 0x2F:
            return True
        at += 4 + int.from_bytes(size, "little")
    return False


def _text(path: Path, limits: Limits) -> Iterator[Message]:
    content = path.read_bytes()
    stripped = content.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\x1e")[:2000]
    if stripped.startswith((b"{", b"[")) and b"\x00" not in stripped:
        yield from _json(content, limits)
        return
    # Each reader is imported when its format is met: start-up is paid by every upload.
    from mapsvc.ingest.delimited import decoded, delimited  # noqa: PLC0415

    text, encoding = decoded(content)
    del content
    start = text.lstrip("\ufeff \t\r\n\x00\x1e")[:4000].lower()
    if start.startswith(("{", "[")):
        yield from _json(text.encode(), limits)
    elif start.startswith("<"):
        yield from _markup(text, start, encoding, limits)
    else:
        yield from delimited(text, limits)
        yield End(format="csv", encoding=encoding)


def _json(content: bytes, limits: Limits) -> Iterator[Message]:
    from mapsvc.ingest.geojson import geojson  # noqa: PLC0415

    try:
        content.decode()
    except UnicodeDecodeError:
        from mapsvc.ingest.delimited import decoded  # noqa: PLC0415

        content = decoded(content)[0].encode()
    yield from geojson(content, limits)
    yield End(format="geojson", encoding="utf-8")


def _markup(text: str, start: str, encoding: str, limits: Limits) -> Iterator[Message]:
    """The first element decides: whatever else stands in the file is only its contents."""
    root = re.sub(
        r"<\?.*?\?>|<!--.*?-->|<!doctype[^>\[]*(?:\[.*?\]\s*)?>", "", start, flags=re.DOTALL
    )
    first = re.match(r"\s*<(?:\w+:)?(\w+)", root)
    kind = first[1] if first else ""
    if kind in ("kml", "folder", "document", "placemark"):
        from mapsvc.ingest.kml import kml  # noqa: PLC0415

        yield from _of_map(kml(text, limits))
        yield End(format="kml", encoding=encoding)
    elif kind == "gpx":
        from mapsvc.ingest.gpx import gpx  # noqa: PLC0415

        yield from _of_map(gpx(text, limits))
        yield End(format="gpx", encoding=encoding)
    elif kind in _PAGES and "<frameset" not in start:
        from mapsvc.ingest.webpage import webpage  # noqa: PLC0415

        yield from webpage(text, limits)
        yield End(format="html", encoding=encoding)
    else:
        raise Refused("html_frames" if kind in _PAGES else "xml_file")


def confine(limits: Limits) -> None:
    """No network where the kernel permits it, no core dump, an end to memory, time and disk."""
    libc = ctypes.CDLL(None, use_errno=True)
    new_net, new_user, die_with_parent, sigkill = 0x40000000, 0x10000000, 1, 9
    libc.prctl(die_with_parent, sigkill)
    libc.unshare(new_net if os.geteuid() == 0 else new_net | new_user)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.memory, limits.memory))
    seconds = int(limits.seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + limits.memory, used + limits.memory))


_encoder = msgspec.msgpack.Encoder()


def _send(message: Message) -> None:
    frame = _encoder.encode(message)
    sys.stdout.buffer.write(len(frame).to_bytes(4, "big"))
    sys.stdout.buffer.write(frame)


if __name__ == "__main__":
    main()
