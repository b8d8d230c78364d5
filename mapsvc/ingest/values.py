"""One cell's text → a typed value, or what is wrong with it.

Nothing is guessed: a value that has two readings, or that a spreadsheet has damaged, is refused
with what to write instead.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from mapsvc.catalog import Column as RecordColumn
from mapsvc.catalog import LayerField
from mapsvc.ingest.mojibake import is_mojibake
from mapsvc.ingest.things import COUNTED, listed, without_parts
from mapsvc.ingest.ticked import by_mark
from mapsvc.ingest.traditional import simplified
from mapsvc.ingest.units import MEASURES, factor
from mapsvc.masking import looks_masked

LONGEST_TEXT = 2000
LONGEST_NAME = 100
LONGEST_CODE = 64


class Wrong(Struct):
    """A message code and what fills its gaps."""

    code: str
    gaps: dict[str, Any] = {}


Parser = Callable[[str], Any]
"""Stripped, non-empty text → value, None for `nothing`, or Wrong."""

_NOTHING = frozenset(
    {"", "-", "--", "---", "—", "——", "/", "\\", "n/a", "null", "none", "nan", "空"}
)
LONGEST_NOTHING = max(map(len, _NOTHING))
_NONE_WORDS = frozenset({"无", "暂无", "没有", "未知", "不详"})
_NO_CODE = _NONE_WORDS | {"待编", "待定", "待补", "未编", "未定", "未编号", "无编号", "没有编号"}
_raised = re.compile("[²³¹⁰-⁹₀-₉①-⑳⓪㉑-㉟㊱-㊿❶-➓]").search
"""Digits that only point to a remark: 12① is 12, not 121."""
_DITTO = frozenset({"同上", "〃", "″", "”", '"', "″″", "同前", "同左", "同上行", "〃〃", "↑"})
ODD_STARTS = frozenset('#同〃″”"↑(（')
"""With what an error, or a sign for the cell above, begins."""
_ERRORS = frozenset({"#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!"})
_scientific = re.compile(r"[+-]?\d(?:\.\d+)?E\+\d{1,3}", re.IGNORECASE).fullmatch


BETWEEN_ITEMS, BETWEEN_PARTS, LEFT_OUT = "\x1e", "\x1f", "\x1a"
"""Between the items, and inside one, of a list made from columns, and what stands for a part that
is not there: no file holds these."""


_UNSEEN = "\u00ad\u200b-\u200f\u2060\ufeff"
"""Characters without width, which come along from web pages and chats."""
_unseen = re.compile(f"[{_UNSEEN}]+")
_blanks = re.compile(rf"[\s{_UNSEEN}]+")


def fold(text: str) -> str:
    """Width and blanks made equal; case kept."""
    if text.isalnum() and (text.isascii() or unicodedata.is_normalized("NFKC", text)):
        return text
    return _blanks.sub("", unicodedata.normalize("NFKC", text))


def blank(text: str) -> bool:
    """Nothing was written, in one of the ways people write it."""
    return text.strip().lower() in _NOTHING


def damaged(text: str) -> Wrong | None:
    """A formula's error, a formula that was never computed, or a sign for the cell above."""
    if "".join(text.split()).strip("()（）。.") in _DITTO:
        return Wrong("ditto")
    if text == "#FORMULA!":
        return Wrong("formula_no_value")
    return Wrong("formula_error") if text in _ERRORS else None


PROTECTS = frozenset("='")
"""Characters that a cell begins with to protect its digits."""
_PROTECTED = re.compile(r"""="([^"]*)"|'([\d.+-]+)""").fullmatch


def unwrapped(text: str) -> str:
    """Stripped, and without the `="…"` or the apostrophe that protect digits from Excel."""
    text = text.strip()
    if text[:1] not in PROTECTS:
        return text
    match = _PROTECTED(text)
    return (match[1] or match[2] or "").strip() if match else text


def parser(field: LayerField | RecordColumn, unit: str = "") -> Parser:
    """The parser of a declared field; `unit` is what the heading says its numbers are in."""
    if isinstance(field, LayerField):
        special: dict[str, Callable[[LayerField], Parser]] = {
            "enum": lambda f: by_mark(_enum(f)),
            "boolean": lambda f: by_mark(_boolean(f)),
            "list": lambda _: by_mark(parse_list),
            "records": _records,
        }
        if field.type in special:
            return special[field.type](field)
    if field.type in ("integer", "number"):
        return _number(field, unit)
    if isinstance(field, LayerField) and field.personal:
        return _or_masked(_plain(field))
    return _plain(field)


def _or_masked(parse: Parser) -> Parser:
    """Masks pass as they are; what they stand for is found once the feature is (`masks`)."""

    def parsed(text: str) -> Any:
        return text.replace("＊", "*") if looks_masked(text) else parse(text)

    return parsed


def _plain(field: LayerField | RecordColumn) -> Parser:
    simple: dict[str, Parser] = {"date": parse_date, "phone": parse_phone, "person": parse_person}
    return simple.get(field.type, parse_text)


def parse_text(text: str) -> Any:
    if len(text) > LONGEST_TEXT:
        return Wrong("too_long", {"limit": LONGEST_TEXT})
    return Wrong("lost_digits") if _scientific(text) else _legible(text)


_lost = re.compile(r"\ufffd|锟斤拷|(?<=[\u4e00-\u9fff])\?{2,}(?=[\u4e00-\u9fff])").search
_lost_in_name = re.compile(r"[\u3400-\u9fff]\?|\?[\u3400-\u9fff]").search
"""A name asks nothing: a rare character became a question mark."""


def _legible(text: str) -> Any:
    """The text, or Wrong where a program before us has lost its characters."""
    if text.isascii():
        return Wrong("garbled") if text[:2] == "??" and not text.strip("?") else text
    return Wrong("garbled") if _lost(text) or is_mojibake(text) else text


def _legible_name(text: str) -> Any:
    return Wrong("garbled") if "?" in text and _lost_in_name(text) else _legible(text)


_DAY_TEXT = re.compile(
    r"\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d)?|\d{1,2}月\d{1,2}日"
    r"|\d{1,2}-(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
    r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)-\d\d",
    re.IGNORECASE,
).fullmatch
"""What a spreadsheet makes of a code like 1-2."""


def parse_name(text: str) -> Any:
    name = text if text.isalnum() else " ".join(_unseen.sub("", text).split())
    if not name:
        return None
    if len(name) > LONGEST_NAME:
        return Wrong("too_long", {"limit": LONGEST_NAME})
    if name in _NONE_WORDS:
        return None
    if name[0].isdigit():
        if _scientific(name):
            return Wrong("lost_digits")
        if _DAY_TEXT(name):
            return Wrong("became_date")
    return _legible_name(name)


_FLOAT = re.compile(r"(\d{5,})\.0+").fullmatch
"""A long number with nothing behind its point: a table was written by a program that counts."""


def parse_code(text: str) -> Any:
    """A code stays text: zeros, letters and dashes as written, full width made plain."""
    code = fold(text) if not _raised(text) else _blanks.sub("", text)
    if not code or code in _NO_CODE:
        return None
    if len(code) > LONGEST_CODE:
        return Wrong("too_long", {"limit": LONGEST_CODE})
    if not code.isdigit():
        if _scientific(code):
            return Wrong("lost_digits")
        if _DAY_TEXT(" ".join(text.split())):
            return Wrong("became_date")
        if whole := _FLOAT(code):
            return whole[1]
    return _legible(code)


_WITH_REMARK = re.compile(r"([^()]+)\(([^()]+)\)").fullmatch


def _enum(field: LayerField) -> Parser:
    known: dict[str, str] = {}
    for value in field.values:
        for spelling in (value.value, *value.synonyms):
            known.setdefault(simplified(fold(spelling).upper()), value.value)
    allowed = "、".join(v.value for v in field.values)

    def parse(text: str) -> Any:
        word = simplified(fold(text).upper())
        found = known.get(word)
        if found is None and (both := _WITH_REMARK(word)):
            # 重大(红): the same said twice.
            found = known.get(both[1]) if known.get(both[1]) == known.get(both[2]) else None
        if found is None and text not in _NONE_WORDS:
            return Wrong("not_in_list", {"allowed": allowed})
        return found

    return parse


def _boolean(field: LayerField) -> Parser:
    title = fold(field.title)
    yes = {
        "是",
        "有",
        "true",
        "1",
        "1.0",
        "y",
        "yes",
        "√",
        "✓",
        "✔",
        "☑",
        "对",
        "在",
        title.lower(),
    }
    no = {
        "否",
        "无",
        "没有",
        "false",
        "0",
        "0.0",
        "n",
        "no",
        "×",
        "x",
        "✗",
        "✘",
        "不是",
        "不在",
        f"不{title}",
        f"未{title}",
    }

    def parse(text: str) -> Any:
        word = fold(text).lower()
        return True if word in yes else False if word in no else Wrong("not_boolean")

    return parse


_PLAIN_NUMBER = re.compile(
    r"([+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|[+-]?\.\d+)(\D*(?:(?<=[mM])[23])?)"
)

_APART = re.compile(r"\d\s+\d").search


def _number(field: LayerField | RecordColumn, heading_unit: str) -> Parser:
    wanted = field.unit if isinstance(field, LayerField) else ""
    by_heading = factor(heading_unit, wanted) if heading_unit and wanted else 1.0
    low = field.minimum if isinstance(field, LayerField) else 0.0
    high = field.maximum if isinstance(field, LayerField) else None
    hint = f"（单位：{wanted}）" if wanted else ""
    whole = field.type == "integer"

    def parse(text: str) -> Any:
        # A blank between digits may part thousands or two numbers: 120 121.
        text = text.replace("m²", "㎡").replace("M²", "㎡").replace("m³", "m3")
        apart = _APART(text) or _raised(text)
        match = None if apart else _PLAIN_NUMBER.fullmatch(fold(text))
        if match is None:
            return None if text in _NONE_WORDS else Wrong("not_a_number", {"unit_hint": hint})
        times = (factor(match[2], wanted) if wanted else None) if match[2] else by_heading
        digits = match[1].replace(",", "").partition(".")[0].lstrip("+-")
        # A computed cell may show seventeen digits, but no whole number of a ledger has sixteen.
        if times is None or len(digits) > 15 or len(match[1]) > 30:
            return Wrong("not_a_number", {"unit_hint": hint})
        value = float(match[1].replace(",", ""))
        # Ten significant digits after a conversion: 300 元 is 0.03 万元, not 0.030000000000000002.
        value = value if times == 1 else float(f"{value * times:.10g}")
        if whole and not value.is_integer():
            return Wrong("not_an_integer")
        if low is not None and value < low:
            return Wrong("too_small", {"title": field.title, "limit": f"{low:g}"})
        if high is not None and value > high:
            return Wrong("too_big", {"title": field.title, "limit": f"{high:g}"})
        return int(value) if value.is_integer() else value

    return parse


_DATE = re.compile(
    r"(\d{4})(?:年|[-/.—])(\d{1,2})(?:月|[-/.—])(\d{1,2})[日号]?"
    r"(?:[T日号]?\d{1,2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?|[时点](?:\d{1,2}分?)?)(?:Z|[+-]\d\d:?\d\d)?)?"
)
_EPOCH = date(1899, 12, 30)


def parse_date(text: str) -> Any:
    """ISO text `2024-05-01`; a year or a month alone is refused, and so are two-digit years."""
    if text in _NONE_WORDS:
        return None
    # The blank before a time of day must not glue it to the day.
    plain = fold(re.sub(r"\s+(?=\d{1,2}[:：时点])", "T", text.strip()))
    match = _DATE.fullmatch(plain) or re.fullmatch(r"((?:19|20)\d\d)(\d\d)(\d\d)", plain)
    if match is None or _raised(text):
        if re.fullmatch(r"[2-7]\d{4}(\.\d+)?", plain):
            meant = _EPOCH + timedelta(days=int(plain[:5]))
            return Wrong("date_serial", {"meant": meant.isoformat()})
        return Wrong("not_a_date")
    try:
        day = date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return Wrong("not_a_date")
    return day.isoformat() if 1900 <= day.year <= 2100 else Wrong("not_a_date")


_PHONE = re.compile(
    r"(?:\+?86-?|0086)?(1[3-9]\d{9})"
    r"|(\(?0\d{2,3}\)?-?\d{7,8}(?:(?:-|转|ext\.?)\d{1,6})?)"
    r"|([48]00-?\d{3}-?\d{4}|\d{7,8}(?:(?:-|转)\d{1,6})?|1\d{2}|1\d{4}|9\d{4}|\d{4,6})"
)
_MOBILE = re.compile(r"1[3-9]\d{9}", re.ASCII).fullmatch
_BETWEEN_PHONES = re.compile(r"[、,;/\n|]|或|和")
_GROUPED = re.compile(r"(?<!\d)(1[3-9]\d)[ -](\d{4})[ -](\d{4})(?!\d)")
_LONG_PHONE = 7


def parse_phone(text: str) -> Any:
    """One or several phones, joined by `、`; digits stay digits."""
    if _MOBILE(text):
        return text
    if text in _NONE_WORDS:
        return None
    if _raised(text):
        return Wrong("not_a_phone")
    plain = unicodedata.normalize("NFKC", text).strip().removesuffix(".0")
    if _scientific(plain.replace(" ", "")):
        return Wrong("lost_digits")
    found: list[str] = []
    for part in _BETWEEN_PHONES.split(_GROUPED.sub(r"\1\2\3", plain)):
        pieces = part.split()
        whole = _phone("".join(pieces))
        # Blanks stand inside a long number or between long numbers; 110 119 is not 110119.
        if whole is None or (len(pieces) > 1 and len(whole) < _LONG_PHONE):
            many = [_phone(piece) for piece in pieces]
            if any(p is None or len(p) < _LONG_PHONE for p in many):
                return Wrong("not_a_phone")
            found += [p for p in many if p]
        else:
            found.append(whole)
    return "、".join(dict.fromkeys(found)) if found else Wrong("not_a_phone")


def _phone(text: str) -> str | None:
    text = text.replace("—", "-").replace("–", "-").replace("－", "-")
    mobile = re.fullmatch(r"(1[3-9]\d)-?(\d{4})-?(\d{4})", text)
    if mobile:
        return "".join(mobile.groups())
    match = _PHONE.fullmatch(text)
    if match is None:
        return None
    return match[1] or (match[2] or match[3]).replace("(", "").replace(")", "-").replace("--", "-")


def parse_person(text: str) -> Any:
    if text in _NONE_WORDS:
        return None
    if re.search(r"\d{7,}", fold(text)):
        return Wrong("person_with_phone", {"where": "电话那一列"})
    if len(text) > LONGEST_NAME:
        return Wrong("too_long", {"limit": LONGEST_NAME})
    return Wrong("lost_digits") if _scientific(text) else _legible_name(" ".join(text.split()))


def parse_list(text: str) -> Any:
    if len(text) > LONGEST_TEXT:
        return Wrong("too_long", {"limit": LONGEST_TEXT})
    if text in _NONE_WORDS:
        return None
    # Words of Chinese with a blank between them are two; `Level A` is one.
    parted = r"[、,，;；\n|/]|(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])"
    parts = [p.strip() for p in re.split(parted, text)]
    return list(dict.fromkeys(p for p in parts if p)) or None


_COUNT = re.compile(rf"(\d[\d,]*(?:\.\d+)?)\s*({MEASURES})?")


def counted(cell: str) -> re.Match[str] | None:
    """Number and measure word of a cell in a column of one item."""
    match = _COUNT.fullmatch(unicodedata.normalize("NFKC", cell).strip())
    return match if match and len(match[1]) <= 16 else None


def _from_columns(text: str, field: LayerField, item: str, quantity: str, unit: str) -> Any:
    """Records of a table with columns of items, as `grouped` wrote them."""
    parsers = {c.id: parser(c) for c in field.columns}
    found: list[dict[str, Any]] = []
    for part in text.split(BETWEEN_ITEMS):
        name, cell, measure, *rest = (p.strip(LEFT_OUT) for p in part.split(BETWEEN_PARTS))
        match = counted(cell)
        typed = {of: parsers[of](said) for of, _, said in (r.partition("=") for r in rest)}
        if match is None or not name or any(isinstance(v, Wrong) for v in typed.values()):
            return Wrong("item_not_a_number", {"item": name, "quantity": cell[:40]})
        number = float(match[1].replace(",", ""))
        record = {item: name, quantity: int(number) if number.is_integer() else number}
        if unit and (match[2] or measure):
            record[unit] = match[2] or measure
        found.append(record | {of: value for of, value in typed.items() if value is not None})
    return found


def _from_json(text: str, field: LayerField) -> Any:
    """Records as our own exports hold them: a list of objects, nothing in them unknown."""
    try:
        given = msgspec.json.decode(text, type=list[dict[str, str | int | float | None]])
    except msgspec.DecodeError:
        return Wrong("record_unreadable")
    parsers = {c.id: parser(c) for c in field.columns}
    found: list[dict[str, Any]] = []
    for record in given:
        texts = {k: str(v) for k, v in record.items() if v is not None}
        if not texts.keys() <= parsers.keys():
            return Wrong("record_unreadable")
        typed = {k: parsers[k](v) for k, v in texts.items() if not blank(v)}
        if any(isinstance(v, Wrong) for v in typed.values()) or any(
            c.required and typed.get(c.id) is None for c in field.columns
        ):
            return Wrong("record_unreadable")
        found.append(typed)
    return found or None


_TOTALS = frozenset({"合计", "总计", "小计", "共计", "累计"})
_ITEM = re.compile(
    rf"(?P<item>.*?[^\d\s.:：×xX*(（])[\s:：×xX*=(（—]*(?P<quantity>\d+(?:\.\d+)?)\s*(?P<unit>{MEASURES})?[)）]?"
)
_DOUBTFUL = re.compile(
    rf"[^\d\s.A-Za-z]\s*\d+\s*(?:{COUNTED})|[约近余超共各~～\-至]\s*$|\d\s*[-~～至]|若干"
    r"|[(（][\d\s.]*[)）]$|[(（]$|^[)）]|[\u4e00-\u9fff]\s*\d+\s+[\u4e00-\u9fff]"
).search
"""In the name of a thing: another quantity, or a word that makes this one inexact."""
_SIZED = re.compile(rf"[^\d\s.A-Za-z]\s*\d+\s*(?:{MEASURES})(?![a-z0-9])").search
"""A size in the name, or another quantity: only clear where a blank stands before this one."""
_CLEAR = re.compile(rf"\S+\s+\d+(?:\.\d+)?\s*(?:{MEASURES})?").fullmatch


def _records(field: LayerField) -> Parser:
    item = next(c.id for c in field.columns if c.type == "text")
    quantity = next((c.id for c in field.columns if c.type in ("integer", "number")), None)
    units = [c.id for c in field.columns if c.type == "text" and c.id != item]

    def parse(text: str) -> Any:
        if text in _NONE_WORDS:
            return None
        if BETWEEN_PARTS in text:
            return _from_columns(text, field, item, quantity or "", next(iter(units), ""))
        if text.startswith("[{"):
            return _from_json(text, field)
        if "其中" in text and (text := without_parts(text)) == "":
            return Wrong("item_parts")
        found: list[dict[str, Any]] = []
        for part in listed(text):
            match = _ITEM.fullmatch(part)
            name = match["item"].strip() if match else ""
            doubtful = name in _TOTALS or _DOUBTFUL(name) or (_SIZED(name) and not _CLEAR(part))
            if match is None or quantity is None or doubtful:
                return Wrong("record_unreadable")
            number = float(match["quantity"])
            record = {
                item: name,
                quantity: int(number) if number.is_integer() else number,
            }
            if units and match["unit"]:
                record[units[0]] = match["unit"]
            found.append(record)
        return found or Wrong("record_unreadable")

    return parse
