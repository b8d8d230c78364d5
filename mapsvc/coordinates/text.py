"""One coordinate as a person writes it, and degrees written for people.

A cell alone says what was written, not what it means: `395232` may be 39°52′32″ or an easting in
metres. So `parse_coordinate` answers degrees where marks or letters prove them, and otherwise the
bare number; `pairs` decides on both cells together.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

Axis = Literal["", "lon", "lat"]

_LONGEST: Final = 120  # characters; nothing longer is a coordinate

MESSAGES: Final = {
    "missing": "没有填写坐标。请填写经度和纬度。",
    "one_missing": "经度和纬度只填了一个。请补上另一个。",
    "unreadable": "无法识别为坐标。请填写十进制度(如 112.504333)或度分秒(如 112°30′15.6″)。",
    "minutes_over_59": "分不能大于等于 60。请核对度分秒，或改填十进制度。",
    "seconds_over_59": "秒不能大于等于 60。请核对度分秒，或改填十进制度。",
    "fraction_before_minutes": "后面还有分或秒时，前面的度或分不能带小数。请核对后改填十进制度。",
    "exponent": "坐标成了科学计数法(如 1.38E+10)，原来的数字已经丢失。"
    "请把该列设为数值或文本格式后重新填写。",
    "comma": "逗号用法不明，无法断定是小数点、千分位还是两个数。小数点请用“.”。",
    "axis_conflict": "标注的东经、北纬与所填的数值或另一格相互矛盾。请核对经纬度。",
    "out_of_range": "数值超出经纬度和平面坐标的范围。请核对是否多位、少位或填错列。",
    "zero": "坐标为 0，应是未填写。请填写实际坐标。",
    "mixed_forms": "两个数的写法不一致(例如一个是度，一个是米或紧凑的度分秒)。请统一写法。",
    "ambiguous_form": "这种写法有两种以上的读法，无法断定。请改填十进制度(如 112.504333)。",
    "two_values": "一格里不止一个坐标。请经度、纬度各填一格，或一格只填一对。",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a coordinate was refused: a code, and Chinese words with the remedy."""

    code: str

    @property
    def message(self) -> str:
        return MESSAGES[self.code]


@dataclass(frozen=True, slots=True)
class Angle:
    """What one cell says: `value` in degrees when `degrees`, else to be judged."""

    value: float
    degrees: bool = False  # minutes were written, so these are degrees for certain
    axis: Axis = ""  # 东经 or E says longitude, 北纬 or N says latitude


# Look-alikes that NFKC would turn into something else, or leave alone. The rest NFKC does:
# full-width digits, letters and stops, and the double prime into two primes.
_ALIKE: Final = str.maketrans(
    dict.fromkeys("º˚゜⁰∘度", "°")
    | dict.fromkeys("′’‘´`ʹ＇ˊ分", "'")
    | dict.fromkeys("″”“˝ʺ＂〃秒", '"')
    | dict.fromkeys("−–—‐‑‒―－﹣", "-")
    | dict.fromkeys("。．", ".")
    | dict.fromkeys("、；", ";")
    | {"東": "东", "經": "经", "緯": "纬"}
    | dict.fromkeys(map(chr, (0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF)), "")
    | dict.fromkeys(map(chr, range(0x202A, 0x202F)), "")
)

# In the normalised spelling, where 度 has become °. 维度 is a frequent slip for 纬度.
_LABELS: Final[dict[str, tuple[Axis, int]]] = {
    **dict.fromkeys(("东经", "东", "经°", "E", "LON", "LNG", "LONG", "LONGITUDE"), ("lon", 1)),
    **dict.fromkeys(("北纬", "北", "纬°", "维°", "N", "LAT", "LATITUDE"), ("lat", 1)),
    **dict.fromkeys(("西经", "W"), ("lon", -1)),
    **dict.fromkeys(("南纬", "S"), ("lat", -1)),
    **dict.fromkeys(("X", "Y"), ("", 1)),  # either axis, by custom
}
_NO_LABEL: Final[tuple[Axis, int]] = ("", 1)
_BLANK: Final = frozenset([
    "", "-", "--", "---", "----", "/", "//", "\\", "*", "无", "空", "暂无", "不详", "未知",
    "NULL", "NONE", "NAN", "N/A", "#N/A", "NA", "NIL",
])  # fmt: skip
LABEL: Final = "|".join(sorted(_LABELS, key=len, reverse=True))
_LABELLED: Final = re.compile(
    rf"(?:\(?({LABEL})\)?\s*[:=]?\s*)?(?P<body>.*?)(?:\s*\(?({LABEL})\)?)?", re.DOTALL
)
_RAISED: Final = re.compile("[¹²³⁴-⁹₀-₉①-⑳❶-➓]")  # they point to a remark and are no digits
_EXPONENT: Final = re.compile(r"[+-]?\d+(?:\.\d*)?E[+-]?\d+")
_NUMBER: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)")
_METRES: Final = re.compile(r"(\d{6,8}(?:\.\d+)?)\s*(?:M|米)")
_ENDED: Final = re.compile(r"(\D*\d+\.\d+)[.,;]")
_NO_DEGREE: Final = re.compile(r"(?<![\d°.])(\d{1,3})[.·O^*](?=\d{1,2}'\d)")
"""112。21′15″ and 112o21'15": the sign that was at hand for °."""
_THOUSANDS: Final = re.compile(r"\d{1,3}(?:,\d{3}){2,}(?:\.\d+)?|(?:[2-9]\d\d|1[89]\d),\d{3}\.\d+")
_COMMA_DECIMAL: Final = re.compile(r"(\d{1,3}),(\d{4,})")
_MARKED: Final = re.compile(
    r"""(\d{1,3}(?:\.\d+)?) (?:°|\s(?=\d+(?:\.\d+)?'))
        (?: (\d{1,3}(?:\.\d+)?) ['\s]?
            (?: (?<=['\s]) (\d{1,3}(?:\.\d+)?) (?:["']\.?(\d+)?)? )? )?""",
    re.VERBOSE,
)
_SEPARATED: Final = re.compile(
    r"(\d{1,3})(?P<sep>[-:]|\s)(\d{1,3}(?:\.\d+)?)(?:(?P=sep)(\d{1,3}(?:\.\d+)?))?"
)
_DOTTED: Final = re.compile(r"(\d{1,3})\.(\d{1,2})\.(\d{1,2}(?:\.\d+)?)")


def normalise(text: str) -> str:
    """One spelling for every sign: ° ' " - . , ; and single spaces, upper case."""
    text = unicodedata.normalize("NFKC", text.translate(_ALIKE)).translate(_ALIKE)
    text = " ".join(text.upper().replace("''", '"').split()).removeprefix("'")
    text = re.sub(r"\s*([°'\"])\s*", r"\1", text).strip()
    return _NO_DEGREE.sub(r"\1°", text)


def parse_coordinate(text: str) -> Angle | Problem:
    """Read one coordinate from one cell; a Problem says why it cannot be read.

    A bare number stays a number (`degrees` False): decimal degrees, packed degrees, millionths
    and metres are told apart by `pairs`, from both cells.
    """
    if len(text) > _LONGEST or _RAISED.search(text):
        return Problem("unreadable")
    clean = normalise(text)
    if ended := _ENDED.fullmatch(clean):
        clean = ended[1]
    if clean in _BLANK:
        return Problem("missing")
    if _EXPONENT.fullmatch(clean):
        return Problem("exponent")
    return _read_labelled(clean)


def _read_labelled(text: str) -> Angle | Problem:
    found = _LABELLED.fullmatch(text)
    assert found, "the body takes anything"
    before, body, after = _LABELS.get(found[1]), found["body"].strip(), _LABELS.get(found[3])
    axis, sign = before or after or _NO_LABEL
    negative = body.startswith("-")
    if (before and after and before != after) or (negative and sign < 0):
        return Problem("axis_conflict")
    read = _read_body(body[1:].strip() if body[:1] in "+-" else body)
    if isinstance(read, Problem):
        return read
    value, degrees = read
    if degrees and value > (90.0 if axis == "lat" else 180.0):
        return Problem("out_of_range")
    return Angle(-value if negative else sign * value, degrees, axis)


def _read_body(body: str) -> tuple[float, bool] | Problem:
    """The unsigned value, and whether it was written as degrees."""
    if number := _NUMBER.fullmatch(body) or _METRES.fullmatch(body):
        return float(number[1]), False
    if _THOUSANDS.fullmatch(body):
        return float(body.replace(",", "")), False
    if "," in body:
        decimal = _COMMA_DECIMAL.fullmatch(body)
        return (float(f"{decimal[1]}.{decimal[2]}"), False) if decimal else Problem("comma")
    if found := _MARKED.fullmatch(body):
        degrees, minutes, seconds, tail = found.groups()
        if tail:  # 15秒6 and 15″.6
            seconds = f"{seconds}.{tail}" if "." not in seconds else "x"
        return _sexagesimal(degrees, minutes, seconds)
    spaced = re.sub(r"\s*([-:])\s*", r"\1", body)
    if found := _SEPARATED.fullmatch(spaced) or _DOTTED.fullmatch(body):
        parts = [part for part in found.groups() if part is None or part[0].isdigit()]
        return _sexagesimal(parts[0], parts[1], parts[2])
    return Problem("unreadable")


def _sexagesimal(
    degrees: str, minutes: str | None, seconds: str | None
) -> tuple[float, bool] | Problem:
    if seconds == "x":
        return Problem("unreadable")
    if (minutes and "." in degrees) or (seconds and minutes and "." in minutes):
        return Problem("fraction_before_minutes")
    if float(minutes or 0) >= 60:
        return Problem("minutes_over_59")
    if float(seconds or 0) >= 60:
        return Problem("seconds_over_59")
    if float(degrees) > 180:
        return Problem("out_of_range")
    value = float(degrees) + float(minutes or 0) / 60 + float(seconds or 0) / 3600
    return value, minutes is not None  # 112.5° is plain decimal degrees


def format_dms(lon: float, lat: float, decimals: int = 2) -> str:
    """`东经112°30′15.60″ 北纬28°15′00.00″`, seconds rounded to `decimals`."""
    east, north = ("东经" if lon >= 0 else "西经"), ("北纬" if lat >= 0 else "南纬")
    return f"{east}{_dms(abs(lon), decimals)} {north}{_dms(abs(lat), decimals)}"


def _dms(value: float, decimals: int) -> str:
    unit = 10**decimals
    total = round(value * 3600 * unit)  # rounded once, so 59.999″ carries into the minute
    minutes, seconds = divmod(total, 60 * unit)
    degrees, minutes = divmod(minutes, 60)
    width = decimals + 3 if decimals else 2
    return f"{degrees}°{minutes:02d}′{seconds / unit:0{width}.{decimals}f}″"
