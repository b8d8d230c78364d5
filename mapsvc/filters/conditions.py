"""The tree of a filter into a condition: only what is known here becomes SQL."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from psycopg import sql

from mapsvc.catalog import Layer
from mapsvc.errors import Forbidden
from mapsvc.filters import terms
from mapsvc.filters.reading import BadFilter, read
from mapsvc.filters.terms import HOW, KINDS, Term

MOST_PARTS = 200
"""Conditions, values and names in one filter."""
_COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
_LISTS = {"a_contains": "?&", "a_overlaps": "?|"}
_OFFERED = "可用 = <> < <= > >= LIKE IN BETWEEN IS NULL AND OR NOT、stock()、has()"
_NO_LIST = "请用 has(字段, '某项')"


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition over alias f with named parameters (`%(name)s`), and their values."""

    condition: str
    values: dict[str, Any]

    @property
    def sql(self) -> sql.SQL:
        return sql.SQL(self.condition)


ALWAYS = Filter("true", {})


def compile_where(
    layer: Layer, text: str | None, *, scope: str | None = None, prefix: str = "where"
) -> Filter:
    """The filter of one layer; BadFilter and UnknownField name what cannot be used.

    Readers with a region of their own (`scope`) may not ask about personal fields: the number of
    hits would tell what they may not see.
    """
    if text is None:
        return ALWAYS
    work = _Work(layer, scope is not None, prefix)
    condition = work.condition(read(text))
    return Filter(condition.as_string(), work.values)


def compile_for(
    layers: tuple[Layer, ...], text: str | None, *, scope: str | None = None
) -> dict[str, Filter]:
    """The filter of each layer; every one of them must have the fields."""
    return {
        layer.id: compile_where(layer, text, scope=scope, prefix=f"where_{n}")
        for n, layer in enumerate(layers)
    }


@dataclass(slots=True)
class _Work:
    layer: Layer
    scoped: bool
    prefix: str
    values: dict[str, Any] = field(default_factory=dict)
    parts: int = 0

    def condition(self, node: Any) -> sql.Composable:
        self._count()
        if isinstance(node, dict) and "op" in node:
            op, args = str(node["op"]), node.get("args") or []
            made = self._combined(op, args)
            return made if made is not None else self._tested(op, args)
        if isinstance(node, dict) and "property" in node:
            term = self._field(node)
            if term.kind == "boolean":
                return term.sql
            raise BadFilter(f"“{term.said}”不是是否型字段，请写明条件，如 {self._sample(term)}。")
        raise BadFilter(f"筛选条件不完整；{_OFFERED}。")

    def _combined(self, op: str, args: list[Any]) -> sql.Composable | None:
        if op in ("and", "or"):
            word = sql.SQL(f" {op} ")
            return sql.SQL("({})").format(word.join([self.condition(a) for a in args]))
        if op == "not":
            return sql.SQL("(not {})").format(self.condition(args[0]))
        return None

    def _tested(self, op: str, args: list[Any]) -> sql.Composable:
        tests: dict[str, tuple[int, Callable[..., sql.Composable]]] = {
            **{sign: (2, partial(self._compared, sign)) for sign in _COMPARISONS},
            **{name: (2, partial(self._listed, name)) for name in _LISTS},
            "like": (2, self._like),
            "in": (2, self._in),
            "between": (3, self._between),
            "isNull": (1, self._is_null),
            "has": (2, self._has),
        }
        if op not in tests:
            raise BadFilter(f"筛选条件中不能用“{op[:30]}”；{_OFFERED}。")
        count, test = tests[op]
        if len(args) != count:
            raise BadFilter(f"“{op}”应有 {count} 个参数；{_OFFERED}。")
        return test(*args)

    def _listed(self, op: str, left: Any, among: Any) -> sql.Composable:
        term = self._of_kind(left, "list", op.upper())
        if not isinstance(among, list) or not among:
            raise BadFilter(f"{op.upper()} 的第二个参数应是括号中的若干项。")
        wanted = self._value([self._text_of(a, op.upper()) for a in among])
        return sql.SQL("coalesce({} {} {}, false)").format(term.sql, sql.SQL(_LISTS[op]), wanted)

    def _compared(self, op: str, left: Any, right: Any) -> sql.Composable:
        one, other = self._side(left), self._side(right)
        if one is None and other is None:
            raise BadFilter("比较的两边都是固定值，请至少写一个字段。")
        known = one or other
        assert known is not None
        self._comparable(known, op)
        if one is not None and other is not None:
            self._comparable(other, op)
            if one.kind != other.kind:
                raise BadFilter(
                    f"“{one.said}”是{KINDS[one.kind]}，“{other.said}”是{KINDS[other.kind]}，"
                    "不能互相比较。"
                )
        a = one.sql if one else self._fixed(known, left)
        b = other.sql if other else self._fixed(known, right)
        return sql.SQL("({} {} {})").format(a, sql.SQL(op), b)

    def _comparable(self, term: Term, op: str) -> None:
        if term.kind in ("list", "records"):
            raise BadFilter(f"“{term.said}”有多项，不能直接比较；{self._instead(term)}。")
        if op not in ("=", "<>") and term.kind in ("text", "boolean"):
            raise BadFilter(
                f"“{term.said}”是{KINDS[term.kind]}，没有大小，只能用 = 或 <>"
                f"{'、LIKE、IN' if term.kind == 'text' else ''}。"
            )

    def _like(self, left: Any, pattern: Any) -> sql.Composable:
        term = self._of_kind(left, "text", "LIKE")
        lower = _is_casei(pattern)
        wanted = self._text_of(pattern["args"][0] if lower else pattern, "LIKE")
        if (len(wanted) - len(wanted.rstrip("\\"))) % 2:
            raise BadFilter("LIKE 的文字不能以单个反斜杠结尾。")
        return sql.SQL("({} like {})").format(
            term.sql, self._value(wanted.lower() if lower else wanted)
        )

    def _in(self, left: Any, among: Any) -> sql.Composable:
        term = self._term(left)
        self._comparable(term, "=")
        if not isinstance(among, list) or not among:
            raise BadFilter("IN 后面应是括号中的若干个值，如 IN ('县级', '乡镇级')。")
        wanted = [self._checked(term, value) for value in among]
        return sql.SQL("({} = any({}))").format(term.sql, self._value(wanted))

    def _between(self, left: Any, low: Any, high: Any) -> sql.Composable:
        term = self._term(left)
        self._comparable(term, "<")
        return sql.SQL("({} between {} and {})").format(
            term.sql, self._fixed(term, low), self._fixed(term, high)
        )

    def _is_null(self, left: Any) -> sql.Composable:
        term = self._term(left)
        if term.kind in ("list", "records"):
            return sql.SQL("(coalesce({}, '[]') in ('[]', 'null'))").format(term.sql)
        return sql.SQL("({} is null)").format(term.sql)

    def _has(self, left: Any, wanted: Any) -> sql.Composable:
        term = self._of_kind(left, "list", "has()")
        return sql.SQL("coalesce({} ? {}, false)").format(
            term.sql, self._value(self._text_of(wanted, "has()"))
        )

    def _side(self, node: Any) -> Term | None:
        """The term, or None for a written value."""
        if _is_casei(node) and isinstance(node["args"][0], str):
            return None
        if isinstance(node, dict) and ("property" in node or "op" in node):
            return self._term(node)
        return None

    def _term(self, node: Any) -> Term:
        self._count()
        if isinstance(node, dict) and "property" in node:
            return self._field(node)
        if isinstance(node, dict) and node.get("op") == "stock":
            args = [self._value(self._text_of(a, "stock()")) for a in node.get("args") or []]
            if len(args) not in (1, 2):
                raise BadFilter("stock() 应写成 stock('物资名称') 或 stock('物资名称', '单位')。")
            return terms.stock(self.layer, args[0], args[1] if args[1:] else None)
        if isinstance(node, dict) and node.get("op") == "has":
            return Term("boolean", self._tested("has", node.get("args") or []), "has()")
        if _is_casei(node):
            inner = self._of_kind(node["args"][0], "text", "CASEI()")
            return Term("text", sql.SQL("lower({})").format(inner.sql), inner.said)
        if isinstance(node, dict) and "op" in node:
            raise BadFilter(f"筛选条件中不能用“{str(node['op'])[:30]}”；{_OFFERED}。")
        raise BadFilter("条件的左边应是字段名。文字用英文单引号，字段名不加引号或用英文双引号。")

    def _field(self, node: dict[str, Any]) -> Term:
        term = terms.find(self.layer, str(node["property"]))
        if self.scoped and term.field is not None and term.field.personal:
            raise Forbidden(
                f"“{term.said}”是个人信息，这个账号不能用它筛选。请去掉这个条件。",
                code="personal_field",
            )
        return term

    def _of_kind(self, node: Any, kind: str, what: str) -> Term:
        term = self._term(node)
        if term.kind != kind:
            raise BadFilter(
                f"{what} 只能用于{KINDS[kind]}，“{term.said}”是{KINDS[term.kind]}；"
                f"{self._instead(term)}。"
            )
        return term

    def _instead(self, term: Term) -> str:
        if term.kind == "list":
            return _NO_LIST
        if term.kind == "records":
            return "请用 stock('物资名称') >= 数量"
        return HOW[term.kind]

    def _sample(self, term: Term) -> str:
        value = {"text": "= '…'", "number": ">= 20", "date": ">= '2026-01-31'"}
        if term.kind in value:
            return f"{term.said} {value[term.kind]}"
        return self._instead(term).removeprefix("请用 ")

    def _fixed(self, term: Term, given: Any) -> sql.Composable:
        if _is_casei(given):
            return self._value(self._text_of(given["args"][0], "CASEI()").lower())
        if isinstance(given, dict) and "property" in given:
            raise BadFilter("BETWEEN 的两端应是固定的值。")
        return self._value(self._checked(term, given))

    def _checked(self, term: Term, given: Any) -> Any:
        self._count()
        if given is None:
            raise BadFilter(f"没有登记的请写成 {term.said} IS NULL。")
        return terms.value_for(term, given, self.layer)

    def _text_of(self, given: Any, what: str) -> str:
        self._count()
        if not isinstance(given, str):
            raise BadFilter(f"{what} 的参数应是文字，用英文单引号括起。")
        return given

    def _value(self, value: Any) -> sql.Composable:
        name = f"{self.prefix}_{len(self.values)}"
        self.values[name] = value
        kind = {float: "float8", bool: "boolean", str: "text"}.get(type(value))
        if kind is None:
            kind = {float: "float8[]", bool: "boolean[]"}.get(type(value[0]), "text[]")
        return sql.SQL("{}::{}").format(sql.Placeholder(name), sql.SQL(kind))

    def _count(self) -> None:
        self.parts += 1
        if self.parts > MOST_PARTS:
            raise BadFilter(f"筛选条件过于复杂（超过 {MOST_PARTS} 项），请简化。")


def _is_casei(node: Any) -> bool:
    return isinstance(node, dict) and node.get("op") == "casei" and len(node.get("args") or []) == 1
