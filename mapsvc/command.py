"""The chain of command: which post answers for which region, and whom to call in which order.

A post's `parent` is the code of the one above it. Where it names none that exists, the
administrative regions say who comes next, and the answer says so. A county's post stands in some
village: what it commands follows from its `level`, not from where it stands.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from psycopg import sql

from mapsvc.catalog import Layer
from mapsvc.database import Db
from mapsvc.features import readable_attrs
from mapsvc.regions import LEVEL_TITLES

LAYER = "command_posts"
UPWARDS = ("village", "township", "county", "city", "province")
_LEVELS = {"村级": "village", "乡镇级": "township", "县级": "county"}
_TOLD = ("unit", "post", "holder", "holder_phone", "deputy", "deputy_phone", "duty_phone")
_DUTY = {True: "在岗", False: "不在岗", None: "未知"}


@dataclass(slots=True)
class Post:
    """A command post; `stands_in` are the codes of the regions around it, by level."""

    id: int
    code: str | None
    name: str
    township_code: str
    lon: float
    lat: float
    attrs: dict[str, Any]
    level: str | None
    stands_in: dict[str, str]
    region_name: str | None
    above: "Post | None" = None
    via: str | None = None
    below: list["Post"] = field(default_factory=list)

    @property
    def region(self) -> str | None:
        """The code of the region that it commands."""
        return self.stands_in.get(self.level or "")

    @property
    def parent(self) -> str | None:
        """The code written as its superior's."""
        return str(self.attrs.get("parent") or "").strip() or None

    def _phone(self) -> str | None:
        """The number to call; a masked one reaches nobody, the post's own does."""
        own, duty = self.attrs.get("holder_phone"), self.attrs.get("duty_phone")
        return (duty or own) if "holder_phone" in self.attrs.get("masked", []) else (own or duty)

    def told(self) -> dict[str, Any]:
        """Who it is and how to reach it, as far as the reader may see."""
        told = {name: self.attrs.get(name) for name in _TOLD}
        duty = self.attrs.get("on_duty")
        on_duty = duty if isinstance(duty, bool) else None
        return {
            "id": self.id,
            "code": self.code,
            "name": self.name,
            "level": self.level,
            "level_title": LEVEL_TITLES.get(self.level or ""),
            "region_code": self.region,
            "region_name": self.region_name,
            **told,
            "masked": self.attrs.get("masked", []),
            "phone": self._phone(),
            "on_duty": on_duty,
            "duty": _DUTY[on_duty],
            "lon": self.lon,
            "lat": self.lat,
            "parent": self.parent,
            "parent_id": self.above.id if self.above else None,
        }


_POSTS = """
select f.id, f.code, f.name, f.township_code, round(ST_X(p.at)::numeric, 7)::float8,
    round(ST_Y(p.at)::numeric, 7)::float8, {attrs}, r.path
from {table} f left join region r on r.code = f.region_code,
    lateral (select ST_PointOnSurface(f.geom) at) p
where %(under)s::text is null or f.code = any(%(codes)s)
    or f.region_code = any(array(select code from region where path @> array[%(under)s::text]))
order by f.id
"""


async def tree(db: Db, layer: Layer, scope: str | None) -> dict[str, Any]:
    """`{count, roots: [post with children], problems}`, superiors first.

    `via` says how a post hangs below its superior: by `parent` code or by `region`.
    """
    posts = await _posts(db, layer, scope, None)
    problems = _link(posts)
    return {
        "count": len(posts),
        "roots": [_branch(p) for p in _ordered(p for p in posts if p.above is None)],
        "problems": problems,
    }


async def chain(db: Db, layer: Layer, lon: float, lat: float, scope: str | None) -> dict[str, Any]:
    """Whom to call for a place (WGS-84 degrees), from the village up.

    `{origin, region, regions, chain: [{order, level, missing, via, …post, others}], notes}`; a
    level without a post is in the chain all the same, with `missing`.
    """
    regions = await _regions_at(db, lon, lat)
    if not regions:
        return {
            "origin": [lon, lat],
            "region": None,
            "regions": [],
            "chain": [],
            "notes": ["此处不在已载入的行政区内，无法按区划找到指挥岗位。"],
        }
    under = next((r["code"] for r in regions if r["level"] == "county"), regions[-1]["code"])
    steps, notes = _steps(regions, Book(await _posts(db, layer, scope, under)))
    return {
        "origin": [lon, lat],
        "region": regions[0],
        "regions": regions,
        "chain": steps,
        "notes": [*notes, *_duty_notes(steps)],
    }


@dataclass(frozen=True, slots=True)
class Told:
    """A chain from one region up, as JSON `{region, posts}`, and what must be said with it."""

    text: msgspec.Raw
    vacant: list[str]
    duty: list[str]


class Book:
    """The linked posts of a county as one reader may see them; chains once told are kept."""

    def __init__(self, posts: list[Post]) -> None:
        _link(posts)
        self.chiefs = _chiefs(posts)
        self.of: dict[tuple[str | None, str | None], list[Post]] = defaultdict(list)
        for post in posts:
            self.of[post.level, post.region].append(post)
        self._told: dict[tuple[str, ...], Told] = {}

    def told(self, way: list[dict[str, Any]]) -> Told:
        """The chain of a region, given as `[itself, the one above it, …]`."""
        codes = tuple(region["code"] for region in way)
        if codes not in self._told:
            steps, vacant = _steps(way, self)
            text = msgspec.json.encode({"region": way[0], "posts": steps})
            self._told[codes] = Told(msgspec.Raw(text), vacant, _duty_notes(steps))
        return self._told[codes]


Edition = tuple[Any, ...]
_books: dict[Edition, Book] = {}
_BOOKS = 128
"""One is about a megabyte: a county as readers of one region see it."""


def edition(
    db: Db, versions: Sequence[Any], ways: list[list[dict[str, Any]]], scope: str | None
) -> Edition:
    """What the book for these regions is kept under: it changes with every post and region.

    `versions`: those of the posts' layer and of the regions, as of the same moment.
    """
    tops = {
        next((r["code"] for r in way if r["level"] == "county"), way[-1]["code"]) for way in ways
    }
    under = tops.pop() if len(tops) == 1 else None
    return f"{db.info.host}:{db.info.port}", db.info.dbname, *versions, scope, under


def kept(wanted: Edition) -> Book | None:
    """The book if this process has it."""
    return _books.get(wanted)


async def read_book(db: Db, layer: Layer, wanted: Edition) -> Book:
    """To be asked in the same `database.moment` as the versions."""
    *_, scope, under = wanted
    book = Book(await _posts(db, layer, scope, under))
    while len(_books) >= _BOOKS:
        _books.pop(next(iter(_books)))
    _books[wanted] = book
    return book


async def _regions_at(db: Db, lon: float, lat: float) -> list[dict[str, Any]]:
    """The regions that hold a place, the smallest first."""
    row = await (
        await db.execute(
            "select path from region where ST_Covers(geom, ST_SetSRID(ST_MakePoint(%s, %s), 4326))"
            " order by cardinality(path) desc, code limit 1",
            [lon, lat],
        )
    ).fetchone()
    if row is None:
        return []
    cursor = await db.execute(
        "select code, name, level from region where code = any(%s)"
        " order by array_position(%s, code) desc",
        [row[0], row[0]],
    )
    return [
        {"code": code, "name": name, "level": level, "level_title": LEVEL_TITLES[level]}
        for code, name, level in await cursor.fetchall()
    ]


async def _posts(db: Db, layer: Layer, scope: str | None, under: str | None) -> list[Post]:
    """The posts that stand in a region, and those above them elsewhere."""
    query = sql.SQL(_POSTS).format(
        attrs=readable_attrs(layer), table=sql.Identifier(layer.partition)
    )
    codes: list[str] = []
    while True:
        cursor = await db.execute(query, {"scope": scope, "under": under, "codes": codes})
        rows = await cursor.fetchall()
        names = await _regions(db, {code for row in rows for code in row[-1] or []})
        posts = [_post(row, names) for row in rows]
        known = {p.code for p in posts} | set(codes)
        missing = {p.parent for p in posts if p.parent} - known
        if under is None or not missing:
            return posts
        codes += sorted(missing)


async def _regions(db: Db, codes: set[str]) -> dict[str, tuple[str, str]]:
    """Level and name of these regions by code."""
    cursor = await db.execute(
        "select code, level, name from region where code = any(%s)", [sorted(codes)]
    )
    return {code: (level, name) for code, level, name in await cursor.fetchall()}


def _post(row: tuple[Any, ...], regions: dict[str, tuple[str, str]]) -> Post:
    number, code, name, township, lon, lat, attrs, path = row
    level = _LEVELS.get(str(attrs.get("level")))
    stands_in = {regions[c][0]: c for c in path or [] if c in regions}
    commands = stands_in.get(level or "")
    region_name = regions[commands][1] if commands else None
    return Post(number, code, name, township, lon, lat, attrs, level, stands_in, region_name)


def _link(posts: list[Post]) -> list[dict[str, Any]]:
    """Find each post's superior; what is wrong with the codes, in words."""
    by_code: dict[str, list[Post]] = defaultdict(list)
    for post in posts:
        if post.code:
            by_code[post.code].append(post)
    problems = []
    for post in posts:
        post.above, fault = _superior(post, by_code)
        post.via = "parent" if post.above else None
        if fault:
            problems.append(_problem(post, *fault))
    problems += _cut_circles(posts)
    _hang_by_region(posts)
    for post in posts:
        if post.above is not None:
            post.above.below.append(post)
    return problems


def _superior(
    post: Post, by_code: dict[str, list[Post]]
) -> tuple[Post | None, tuple[str, str] | None]:
    if post.parent is None:
        return None, None
    found = [p for p in by_code.get(post.parent, []) if p is not post]
    # A code is unique in its township only: the own township's comes first.
    near = [p for p in found if p.township_code == post.township_code] or found
    higher = [p for p in near if _rank(p) > _rank(post)] or near
    if len(higher) == 1:
        return higher[0], None
    if not higher:
        return None, ("unknown_parent", f"上级岗位编号“{post.parent}”不存在")
    return None, ("ambiguous_parent", f"上级岗位编号“{post.parent}”有 {len(higher)} 个岗位使用")


def _cut_circles(posts: list[Post]) -> list[dict[str, Any]]:
    """Let go of the superior where following superiors comes back to the post itself."""
    problems = []
    for post in posts:
        seen, step = {post.id}, post.above
        while step is not None and step.id not in seen:
            seen.add(step.id)
            step = step.above
        if step is post:
            post.above, post.via = None, None
            problems.append(_problem(post, "circle", "沿上级岗位编号向上又回到了自己"))
    return problems


def _hang_by_region(posts: list[Post]) -> None:
    """Who names no superior stands below the post of the next region up."""
    chiefs = _chiefs(posts)
    for post in posts:
        if post.above is not None or post.level is None:
            continue
        for level in UPWARDS[_rank(post) + 1 :]:
            chief = chiefs.get((level, post.stands_in.get(level)))
            if chief is not None and not _is_below(chief, post):
                post.above, post.via = chief, "region"
                break


def _is_below(post: Post, other: Post) -> bool:
    step: Post | None = post
    while step is not None and step is not other:
        step = step.above
    return step is other


def _chiefs(posts: list[Post]) -> dict[tuple[str | None, str | None], Post]:
    """The first post of every region, by level and region."""
    named = Counter(p.above.id for p in posts if p.above)
    return {
        (post.level, post.region): post
        for post in sorted(posts, key=lambda p: (named[p.id], -p.id))
        if post.region
    }


def _rank(post: Post) -> int:
    return UPWARDS.index(post.level) if post.level else -1


def _problem(post: Post, code: str, reason: str) -> dict[str, Any]:
    message = f"“{post.name}”：{reason}。请在指挥体系图的台账中改正。"
    return {"id": post.id, "name": post.name, "code": code, "message": message}


def _ordered(posts: Iterable[Post]) -> list[Post]:
    return sorted(posts, key=lambda p: (-_rank(p), p.region or "", p.code or "", p.id))


def _branch(post: Post) -> dict[str, Any]:
    return post.told() | {"via": post.via, "children": [_branch(p) for p in _ordered(post.below)]}


def _steps(regions: list[dict[str, Any]], book: Book) -> tuple[list[dict[str, Any]], list[str]]:
    """One step a region from the smallest up, then whoever stands above the last."""
    steps: list[dict[str, Any]] = []
    notes: list[str] = []
    last: Post | None = None
    for region in regions:
        own = book.of.get((region["level"], region["code"]), [])
        chief = book.chiefs.get((region["level"], region["code"]))
        named = last.above if last is not None and last.via == "parent" else None
        via = "region"
        if named is not None and named.level == region["level"]:
            chief, via = named, "parent"
        if chief is None:
            if region["level"] in _LEVELS.values():
                notes.append(f"{region['name']}没有登记指挥岗位，请向上一级报告。")
                steps.append(_vacant(region, len(steps) + 1))
            continue
        others = [p.told() for p in _ordered(own) if p is not chief]
        steps.append(_step(chief, len(steps) + 1, via, others))
        last = chief
    while last is not None and last.above is not None and not _told(steps, last.above):
        last = last.above
        steps.append(_step(last, len(steps) + 1, "parent", []))
    return steps, notes


def _told(steps: list[dict[str, Any]], post: Post) -> bool:
    return any(s.get("id") == post.id for s in steps)


def _step(post: Post, order: int, via: str, others: list[dict[str, Any]]) -> dict[str, Any]:
    return {"order": order, "missing": False, "via": via, **post.told(), "others": others}


def _vacant(region: dict[str, Any], order: int) -> dict[str, Any]:
    return {
        "order": order,
        "missing": True,
        "via": "region",
        "level": region["level"],
        "level_title": region["level_title"],
        "region_code": region["code"],
        "region_name": region["name"],
        **dict.fromkeys(("id", "code", "name", *_TOLD, "phone", "on_duty", "lon", "lat")),
        "masked": [],
        "duty": _DUTY[None],
        "others": [],
    }


def _duty_notes(steps: list[dict[str, Any]]) -> list[str]:
    if any(not s["missing"] and s["on_duty"] is None for s in steps):
        return ["没有值班登记，不知道是否在岗；请先打手机，再打值班电话。"]
    return []
