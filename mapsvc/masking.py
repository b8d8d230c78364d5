"""Personal values as those see them who lack the right: 138****1234, 0739-*****21, 张**.

The same rules stand in the database as `personal_masked` (migration 0010), where answers are made;
a test holds the two equal. A masked value says that there is one and hides which.
"""

import re
from collections.abc import Mapping
from typing import Any

from mapsvc.catalog import FieldType, Layer

BETWEEN = "、"
"""Several phones or people in one value are joined by this."""
_MOBILE = re.compile(r"(1[0-9]{2})[0-9]{4}([0-9]{4})")
_FIXED = re.compile(r"(0[0-9]{2,3}-?).*(..)", re.DOTALL)
_ANY_PHONE = re.compile(
    r"(?<![0-9])(?:(1[3-9][0-9])[ -]?[0-9]{4}[ -]?([0-9]{4})"
    r"|(0[0-9]{2,3}-?)[0-9]{5,6}([0-9]{2}))(?![0-9])"
)
_STARRED = re.compile(r"[*＊]{2,}")


def masked(value: Any, kind: FieldType) -> Any:
    """The value with all but a trace of it starred; None stays None."""
    if value is None:
        return None
    if isinstance(value, str):
        one = _phone if kind == "phone" else _name
        return BETWEEN.join(one(part) for part in value.split(BETWEEN))
    if isinstance(value, list):
        return [masked(part, kind) for part in value]
    return "**"


def _phone(text: str) -> str:
    if mobile := _MOBILE.fullmatch(text):
        return f"{mobile[1]}****{mobile[2]}"
    if fixed := _FIXED.fullmatch(text):
        return f"{fixed[1]}*****{fixed[2]}"
    return f"****{text[-2:]}" if len(text) > 2 else "**"


def _name(text: str) -> str:
    return f"{text[:1]}**"


def looks_masked(text: str) -> bool:
    """Was this typed from a masked value? No name or phone has two stars in a row."""
    return _STARRED.search(text) is not None


def phones_masked(text: str) -> str:
    """Any text with the phones in it masked."""
    return _ANY_PHONE.sub(lambda m: f"{m[1]}****{m[2]}" if m[1] else f"{m[3]}*****{m[4]}", text)


def without_personal(layer: Layer | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by field with the layer's personal ones masked; text of an unknown layer wholly."""
    if layer is None:
        return {k: masked(v, "text") if isinstance(v, str) else v for k, v in values.items()}
    kinds: dict[str, FieldType] = {f.id: f.type for f in layer.fields if f.personal}
    return {k: masked(v, kinds[k]) if k in kinds else v for k, v in values.items()}
