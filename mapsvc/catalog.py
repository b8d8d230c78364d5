"""The layer catalog: every `layers/*.toml`, checked once at start.

A layer is one file. Everything that shows, stores or accepts a layer's features follows from what
stands here; a broken file is refused with its name, the field and the reason.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic import model_validator as check

from mapsvc.errors import BrokenLayerFile, NotFound

FieldType = Literal[
    "text",
    "integer",
    "number",
    "date",
    "boolean",
    "enum",
    "phone",
    "person",
    "list",
    "records",
]
Shape = Literal["triangle", "square", "circle", "diamond", "pentagon", "hexagon", "star"]
Grade = Annotated[int, Field(ge=1, le=4)]

# Postgres cuts names at 63 bytes; `feature_<id>_township_code_code_idx` must still be whole.
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
# Titles reach templates and SQL comments: plain words, no mark-up and no template syntax.
Words = Annotated[
    str, StringConstraints(min_length=1, max_length=60, pattern=r"^[^<>{}%\\\x00-\x1f]+$")
]

RESERVED = frozenset(
    (
        *("id", "layer", "code", "name", "region_code", "region_name", "township_code"),
        *("geom", "geometry", "grade", "version", "updated_at", "updated_by", "verified_at"),
        *("upload_id", "provenance", "search", "attrs", "properties", "lon", "lat"),
        *("valid_to", "op", "masked"),
    )
)

GRADES = {1: "重大", 2: "较大", 3: "一般", 4: "低"}
"""Risk grades, worst first: 红 橙 黄 蓝 (安委办〔2016〕11号)."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Value(_Strict):
    """One allowed value of an enum, with the other ways ledgers write it."""

    value: Words
    synonyms: tuple[str, ...] = ()
    grade: Grade | None = None


class Column(_Strict):
    """One column of a records field: an item's name, quantity, unit, expiry."""

    id: Identifier
    title: Words
    type: Literal["text", "integer", "number", "date"] = "text"
    required: bool = False
    headings: tuple[str, ...] = ()


class LayerField(_Strict):
    """A declared field; `personal` ones are masked for those without the right.

    `joins`: where rows repeat a feature for its items, what each says of this field is kept.
    """

    id: Identifier
    title: Words
    type: FieldType = "text"
    required: bool = False
    personal: bool = False
    joins: bool = False
    unit: str = ""
    note: str = ""
    headings: tuple[str, ...] = ()
    values: tuple[Value, ...] = ()
    columns: tuple[Column, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    @check(mode="after")
    def _parts_fit_type(self) -> Self:
        if self.id in RESERVED:
            raise ValueError(f"字段名 {self.id} 由系统保留，请换一个")
        if (self.type == "enum") != bool(self.values):
            raise ValueError("enum 类型必须列出 values，其他类型不得列出")
        if (self.type == "records") != bool(self.columns):
            raise ValueError("records 类型必须列出 columns，其他类型不得列出")
        if self.joins and self.type != "text":
            raise ValueError("joins 只能用于 text 类型")
        _refuse_twins([c.id for c in self.columns], "columns")
        spellings = [s for v in self.values for s in (v.value, *v.synonyms)]
        _refuse_twins(spellings, "values")
        return self


class Symbol(_Strict):
    """Shape on the map; the colour is the grade's and nothing else's."""

    shape: Shape
    kind: str | None = None
    """The enum field whose values have symbols of their own in `symbols/`."""


class Freshness(_Strict):
    """How long a feature counts as verified before it is stale."""

    days: Annotated[int, Field(ge=1, le=3650)]


class Headings(_Strict):
    """What real ledgers call the two columns every layer has."""

    code: tuple[str, ...] = ()
    name: tuple[str, ...] = ()
    name_from: tuple[str, ...] = ()
    """Fields that together name a row of a table that has no column for the name."""


class Layer(_Strict):
    """One map of the county: what its features are and how they are read and shown."""

    id: Identifier
    title: Words
    noun: Words
    order: int = 100
    geometry: Literal["point"] = "point"
    grade: str | None = None
    symbol: Symbol
    freshness: Freshness = Freshness(days=180)
    headings: Headings = Headings()
    popup: tuple[str, ...]
    fields: tuple[LayerField, ...]

    @check(mode="after")
    def _names_agree(self) -> Self:
        _refuse_twins([f.id for f in self.fields], "fields")
        known = {f.id for f in self.fields}
        for name in self.popup:
            if name not in known:
                raise ValueError(f"popup: 没有字段 {name}")
        for name in self.headings.name_from:
            if name not in known:
                raise ValueError(f"headings.name_from: 没有字段 {name}")
        if sum(f.type == "records" for f in self.fields) > 1:
            raise ValueError("fields: 一个图层最多一个 records 字段")
        kind = self.symbol.kind
        if kind is not None and (kind not in known or not self.field(kind).values):
            raise ValueError(f"symbol.kind: 没有 enum 类型的字段 {kind}")
        self._check_grade(known)
        return self

    def _check_grade(self, known: set[str]) -> None:
        if self.grade is None:
            return
        if self.grade not in known:
            raise ValueError(f"grade: 没有字段 {self.grade}")
        values = self.field(self.grade).values
        if not values or any(v.grade is None for v in values):
            raise ValueError(f"grade: 字段 {self.grade} 的每个取值都要有 grade（1 至 4）")

    @cached_property
    def _by_id(self) -> dict[str, LayerField]:
        return {f.id: f for f in self.fields}

    def field(self, name: str) -> LayerField:
        return self._by_id[name]

    @cached_property
    def grades(self) -> dict[str, int]:
        """Value of the grade field → rank 1 (重大) to 4 (低); empty without a grade field."""
        if self.grade is None:
            return {}
        return {v.value: v.grade for v in self.field(self.grade).values if v.grade}

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def partition(self) -> str:
        return f"feature_{self.id}"


class Catalog:
    """All layers, in the order in which they are shown."""

    def __init__(self, layers: list[Layer]) -> None:
        self._layers = {x.id: x for x in sorted(layers, key=lambda x: (x.order, x.id))}

    def __iter__(self) -> Iterator[Layer]:
        return iter(self._layers.values())

    def __len__(self) -> int:
        return len(self._layers)

    @property
    def ids(self) -> list[str]:
        return list(self._layers)

    def layer(self, layer_id: str) -> Layer:
        """The layer, or NotFound naming those that exist."""
        try:
            return self._layers[layer_id]
        except KeyError:
            allowed = "、".join(self._layers)
            raise NotFound(
                f"没有图层“{layer_id[:60]}”。可用的图层：{allowed}。", code="unknown_layer"
            ) from None


def load_catalog(folder: Path) -> Catalog:
    """Read every `*.toml` of the folder; raise BrokenLayerFile for the first that is wrong."""
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise BrokenLayerFile(f"文件夹 {folder} 中没有图层文件（*.toml）。请检查 MAPSVC_LAYERS。")
    layers = [_read(file) for file in files]
    seen: dict[str, str] = {}
    for file, layer in zip(files, layers, strict=True):
        if layer.id in seen:
            raise BrokenLayerFile(f"{file.name}：id：与 {seen[layer.id]} 重复（{layer.id}）")
        seen[layer.id] = file.name
    return Catalog(layers)


@dataclass(frozen=True, slots=True)
class LayerFile:
    """A layer file as it stands now; `layer` is None where it would be refused, and why."""

    name: str
    sha256: str
    layer: Layer | None
    fault: str = ""


def inspect(folder: Path) -> list[LayerFile]:
    """Every layer file of the folder, whatever is wrong with it."""
    found: list[LayerFile] = []
    for file in sorted(folder.glob("*.toml")):
        sha256, layer, fault = "", None, ""
        try:
            sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
            layer = _read(file)
            twin = next((f.name for f in found if f.layer and f.layer.id == layer.id), None)
            fault = f"id：与 {twin} 重复（{layer.id}）" if twin else ""
        except BrokenLayerFile as broken:
            fault = broken.detail.removeprefix(f"{file.name}：")
        except OSError as refused:
            fault = f"无法读取：{refused.strerror}"
        found.append(LayerFile(file.name, sha256, layer, fault))
    return found


def _read(file: Path) -> Layer:
    try:
        return Layer.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except UnicodeDecodeError:
        raise BrokenLayerFile(f"{file.name}：不是 UTF-8 文本，请另存为 UTF-8") from None
    except tomllib.TOMLDecodeError as broken:
        raise BrokenLayerFile(f"{file.name}：TOML 语法错误：{broken}") from None
    except ValidationError as broken:
        raise BrokenLayerFile(f"{file.name}：{fault_words(broken)}") from None


def fault_words(broken: ValidationError) -> str:
    """Each field that is wrong, with the reason."""
    return "；".join(_fault(e["loc"], e["type"], e["msg"]) for e in broken.errors())


_REASONS = {
    "missing": "缺少",
    "extra_forbidden": "不认识的项目，请删除或改正拼写",
    "string_pattern_mismatch": "写法不允许（标识用小写字母数字下划线；名称不得含 < > { } % \\）",
    "string_type": "应为文字",
    "int_type": "应为整数",
    "float_type": "应为数字",
    "tuple_type": "应为列表",
    "dict_type": "应为“名称 = 值”的表",
    "too_short": "项数不够",
    "too_long": "项数过多",
    "greater_than_equal": "过小",
    "less_than_equal": "过大",
    "string_too_long": "过长",
    "string_too_short": "不能为空",
    "bool_type": "应为 true 或 false",
}


def _fault(where: tuple[int | str, ...], kind: str, message: str) -> str:
    path = re.sub(r"\.(\d+)", r"[\1]", ".".join(map(str, where)))
    reason = _REASONS.get(kind) or message.removeprefix("Value error, ")
    return f"{path}：{reason}" if path else reason


def _refuse_twins(names: list[str], what: str) -> None:
    twins = {n for n in names if names.count(n) > 1}
    if twins:
        raise ValueError(f"{what}: 重复：{'、'.join(sorted(twins))}")
