"""Hostile XML, element by element: no entities, nothing fetched, the encoding from the bytes."""

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from xml.etree.ElementTree import ParseError

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from mapsvc.ingest.wire import Refused

_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_BARE_AND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)")
_PREFIX = re.compile(r"(</?|\s)(?!xml)[A-Za-z][\w.-]*:(?=[A-Za-z_][\w.-]*[\s=/>])")

_DEEPEST = 100

Step = tuple[str, str, Any]
"""`start` or `end`, the local name, the element."""


def steps(text: str) -> Iterator[Step]:
    """Starts and ends of all elements; raises Refused.

    Files written by hand hold bare `&` and prefixes that nobody declared: mended before giving up.
    """
    text = _CONTROLS.sub("", _DECLARATION.sub("", text.lstrip("\ufeff"), count=1)).strip()
    try:
        for _ in _parse(text):
            pass
    except ParseError:
        text = _BARE_AND.sub("&amp;", _PREFIX.sub(r"\1", text))
    try:
        yield from _parse(text)
    except ParseError:
        raise Refused("damaged") from None


def _parse(text: str) -> Iterator[Step]:
    source = BytesIO(text.encode())
    depth = 0
    try:
        for event, element in defusedxml.ElementTree.iterparse(source, ("start", "end")):
            depth += 1 if event == "start" else -1
            if depth > _DEEPEST:
                raise Refused("damaged")
            yield event, local(element.tag), element
    except DefusedXmlException:
        raise Refused("xml_entities") from None


def local(tag: object) -> str:
    """A tag without its namespace."""
    return str(tag).rpartition("}")[2]


def words(element: Any) -> str:
    """All text inside an element."""
    return "".join(element.itertext()).strip()
