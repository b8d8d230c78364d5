"""CSV, TSV and TXT: the encoding from the bytes, the delimiter from the lines."""

import csv
import re
from collections import Counter
from collections.abc import Iterator

from mapsvc.ingest.cells import blocks, is_chinese_as
from mapsvc.ingest.wire import LONGER, Limits, Message, Note, Refused, SheetStart

_DELIMITERS = ",\t;，；|"
_BREAKS_IN_CELL = 50
"""A cell with more line breaks is a quotation mark that was never closed."""


def decoded(content: bytes) -> tuple[str, str]:
    """Text and the encoding it was in; raises Refused where no encoding fits."""
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if content.startswith(mark):
            return _strict(content, encoding), encoding.removesuffix("-sig")
    zeros = content[:4000].count(0)
    if zeros * 10 >= min(len(content), 4000):
        return _utf16(content, zeros)
    # A stray zero byte in a text is dirt; many controls make it no text at all.
    if sum(byte < 32 and byte not in b"\t\r\n\f\v" for byte in content[:4000]) > 20:
        raise Refused("unknown_format")
    content = content.replace(b"\x00", b"")
    try:
        text = content.decode("utf-8")
        encoding = "utf-8"
    except UnicodeDecodeError:
        if is_chinese_as(content[:100_000], "utf-8"):
            raise Refused("encoding_unknown") from None
        text, encoding = _strict(content, "gb18030"), "gb18030"
    if "锟斤拷" in text or "\ufffd" in text:
        raise Refused("mojibake")
    return text, encoding


def _strict(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise Refused("encoding_unknown") from None


def _utf16(content: bytes, zeros: int) -> tuple[str, str]:
    odd = content[1:4000:2].count(0)
    encoding = "utf-16-le" if odd * 2 > zeros else "utf-16-be"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise Refused("unknown_format") from None
    if sum(c < " " and c not in "\t\r\n" for c in text[:2000]) > 5:
        raise Refused("unknown_format")
    return text, encoding


def delimited(text: str, limits: Limits) -> Iterator[Message]:
    """One sheet; row numbers are those that a spreadsheet program shows."""
    if sum(c < " " and c not in "\t\r\n\f\v" for c in text[:4000]) > 20:
        raise Refused("unknown_format")
    declared = re.match(r"sep=(.)\r?\n", text)
    if declared:
        text = text[declared.end() :]
    delimiter = declared.group(1) if declared else _delimiter(text)
    lengths: list[int] = []
    yield SheetStart(name="", visible=True)
    yield from blocks(_rows(text, delimiter, lengths), limits)
    usual = max(counts := Counter(lengths), key=counts.__getitem__, default=0)
    longer = {str(n): str(size) for n, size in enumerate(lengths, 1) if size > usual}
    if longer:
        yield Note(LONGER, longer)


def _rows(text: str, delimiter: str, lengths: list[int]) -> Iterator[tuple[int, list[str]]]:
    """Rows with their numbers; `lengths` gathers how many cells each has."""
    csv.field_size_limit(1_000_000)
    reader = csv.reader(
        _lines(text), delimiter=delimiter, strict=True, skipinitialspace=delimiter != "\t"
    )
    number = 0
    try:
        before = 0
        for number, row in enumerate(reader, 1):
            if reader.line_num - before > _BREAKS_IN_CELL:
                raise Refused("csv_quotes", row=number)
            if reader.line_num - before > 1 and _swallows_rows(row, delimiter, lengths):
                raise Refused("csv_quotes", row=number)
            before = reader.line_num
            lengths.append(len(row))
            yield number, row
    except csv.Error:
        raise Refused("csv_quotes", row=number + 1) from None


def _swallows_rows(row: list[str], delimiter: str, lengths: list[int]) -> bool:
    """Does a cell with line breaks hold as many delimiters as a whole row?

    Two quotation marks that have nothing to do with each other, and the rows between them.
    """
    usual = max(lengths, default=0)
    return usual > 2 and any("\n" in c and c.count(delimiter) + 1 >= usual for c in row)


def _lines(text: str) -> Iterator[str]:
    """Lines that end in a line feed, whatever ended them; no second copy of the whole text."""
    # Split at line ends only: str.splitlines would also split at characters inside a cell.
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        line = text[start:end]
        if line.endswith("\r\n"):
            line = line[:-2] + "\n"
        if "\r" in line:
            yield from _lines(line.replace("\r", "\n"))
        else:
            yield line
        start = end


def _delimiter(text: str) -> str:
    """The character that parts the words of a heading, else the one that parts most lines most."""
    lines = [line for line in text[:20_000].splitlines()[:30] if line.strip()]
    best, score = ",", (0, 0)
    for candidate in _DELIMITERS:
        rows = [
            next(csv.reader([line], delimiter=candidate, skipinitialspace=candidate != "\t"))
            for line in lines
        ]
        heading = max((sum(map(_is_heading, row)) for row in rows), default=0)
        counts = sorted(len(row) - 1 for row in rows)
        typical = counts[len(counts) // 2] if counts else 0
        if typical and (heading if heading > 1 else 0, typical) > score:
            best, score = candidate, (heading if heading > 1 else 0, typical)
    return best


_HEADING = re.compile(
    "名称|编号|编码|经度|纬度|维度|坐标|地址|电话|等级|类型|name|code|lon|lng|lat|^[xy]$",
    re.IGNORECASE,
)


def _is_heading(cell: str) -> bool:
    return len(cell) <= 20 and _HEADING.search(cell.strip()) is not None
