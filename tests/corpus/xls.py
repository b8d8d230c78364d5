"""A minimal .xls: one BIFF8 stream in an OLE container, as [MS-XLS] and [MS-CFB] have it."""

import struct
from collections.abc import Sequence
from typing import Any

_SECTOR = 512
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


def xls_of(
    rows: Sequence[Sequence[Any]], name: str = "台账", extra: bytes = b"", more: bytes = b""
) -> bytes:
    """Texts and numbers only; `extra` are records put before the sheets' names, `more` behind the
    cells."""
    sheet = record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 6))
    for at, row in enumerate(rows):
        for column, value in enumerate(row):
            if isinstance(value, int | float):
                sheet += record(0x203, struct.pack("<HHHd", at, column, 0, value))
            elif value is not None:
                text = str(value).encode("utf-16-le")
                head = struct.pack("<HHHHB", at, column, 0, len(text) // 2, 1)
                sheet += record(0x204, head + text)
    sheet += more + record(0x0A, b"")
    start = record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 6)) + extra
    start += record(0x42, struct.pack("<H", 1200))
    title = name.encode("utf-16-le")
    size = len(start) + 4 + 8 + len(title) + 4
    bound = struct.pack("<IBBBB", size, 0, 0, len(title) // 2, 1) + title
    return _container(start + record(0x85, bound) + record(0x0A, b"") + sheet)


def styled(at: int, column: int, number: float) -> bytes:
    """A number in style 1."""
    return record(0x203, struct.pack("<HHHd", at, column, 1, number))


def formula(at: int, column: int, result: bytes, tokens: bytes = b"\x17\x01\x00a") -> bytes:
    """A formula and the eight bytes of its result."""
    head = struct.pack("<HHH8sHIH", at, column, 0, result, 0, 0, len(tokens))
    return record(0x06, head + tokens)


def number_format(code: str) -> bytes:
    """Style 1 shows numbers by this format."""
    text = code.encode("utf-16-le")
    given = record(0x41E, struct.pack("<HHB", 170, len(code), 1) + text)
    styles = (record(0xE0, struct.pack("<HH16x", 0, kind)) for kind in (0, 170))
    return given + b"".join(styles)


def record(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def _container(stream: bytes) -> bytes:
    stream = stream.ljust(max(4096, -(-len(stream) // _SECTOR) * _SECTOR), b"\0")
    count = len(stream) // _SECTOR
    assert count < 120
    fat = [_FAT, _END, *range(3, 2 + count), _END]
    fat += [_FREE] * (128 - len(fat))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack("<HHHHH6xIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1)
    head += struct.pack("<IIIIII", 0, 4096, _END, 0, _END, 0)
    head += struct.pack("<109I", 0, *[_FREE] * 108)
    folder = _entry("Root Entry", 5, 1, _END, 0) + _entry("Workbook", 2, _FREE, 2, len(stream))
    folder += (bytes(68) + struct.pack("<III", _FREE, _FREE, _FREE) + bytes(48)) * 2
    return head + struct.pack("<128I", *fat) + folder + stream


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    text = name.encode("utf-16-le").ljust(64, b"\0")
    head = struct.pack("<HBBIII", len(name) * 2 + 2, kind, 1, _FREE, _FREE, child)
    return text + head + bytes(36) + struct.pack("<IQ", start, size)
