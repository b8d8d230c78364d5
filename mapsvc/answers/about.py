"""What an answer that is taken along says of itself: asked what, by whom, when, of which data."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mapsvc import county
from mapsvc.catalog import Catalog, Layer
from mapsvc.database import Db
from mapsvc.roads import CONDITIONS, PROFILES

_TITLES = {
    "at": "查询位置",
    "shape": "范围",
    "buffer_m": "两侧（四周）各（米）",
    "layer": "从哪个图层出发",
    "layers": "图层",
    "targets": "到哪里",
    "needs": "需求",
    "where": "条件",
    "target_where": "目标的条件",
    "mode": "方式",
    "profile": "车型",
    "conditions": "路况条件",
    "direction": "方向",
    "objective": "目标",
    "k": "每个图层取几个",
    "max_m": "最远（米）",
    "within_s": "限时（秒）",
    "seconds": "时限（秒）",
    "also": "假设增设",
    "more": "再增设几处",
    "weigh": "按什么选",
    "stale": "超过核实期限的",
    "limit": "每个图层最多列出",
    "crs": "坐标系",
}
"""What may be asked, in the order in which it is told."""
_WORDS: dict[str, Mapping[Any, str]] = {
    "mode": {"line": "按直线距离", "road": "按道路用时"},
    "profile": PROFILES,
    "conditions": CONDITIONS,
    "direction": {"to": "从各点赶到此处", "from": "从此处前往各点"},
    "weigh": {"people": "受威胁人数", "count": "目标个数"},
    "objective": {"fewest": "调用的点最少", "earliest": "最早到齐"},
    "stale": {"keep": "照常排列", "sink": "排在后面", "omit": "不列出"},
}
DEMO = "演示数据，内容均为虚构"


@dataclass(frozen=True, slots=True)
class About:
    """`asked`: names and values as the question had them; `updated`: layer title → ISO time."""

    county: str
    demo: bool
    by: str
    asked: Mapping[str, Any]
    updated: Mapping[str, str]

    def told(self) -> dict[str, Any]:
        """The same beside the features of a GeoJSON answer."""
        return {
            "county": self.county,
            "demo": self.demo,
            "asked_by": self.by,
            "data_updated_at": dict(self.updated),
        }

    def lines(self, catalog: Catalog) -> Iterator[tuple[str, str]]:
        """What was asked, a line each; what was left out is not told."""
        for name, title in _TITLES.items():
            value = self.asked.get(name)
            if value is not None and value not in ("", []):
                yield title, _said(name, value, catalog)


async def about(db: Db, layers: Iterable[Layer], asked: Mapping[str, Any], username: str) -> About:
    """The mark of demo data and the time of each layer's last change, read with the answer."""
    wanted = {layer.id: layer.title for layer in layers}
    rows = await (
        await db.execute("select id, updated_at from layer where id = any(%s)", [list(wanted)])
    ).fetchall()
    known = {row[0]: row[1].isoformat(timespec="seconds") for row in rows}
    return About(
        str(await county.read(db, county.TITLE) or ""),
        await county.is_demo(db),
        username,
        asked,
        {title: known[name] for name, title in wanted.items() if name in known},
    )


def _said(name: str, value: Any, catalog: Catalog) -> str:
    if name in ("layer", "layers", "targets"):
        return _layers(value, catalog)
    if name == "at":
        return f"经度 {value[0]:.7f}，纬度 {value[1]:.7f}"
    if name == "where" and isinstance(value, Mapping):
        return "；".join(f"{_layers(key, catalog)}：{text}" for key, text in value.items())
    if isinstance(value, list | tuple):
        return "、".join(str(one) for one in value)
    return _WORDS.get(name, {}).get(value, str(value))


def _layers(value: Any, catalog: Catalog) -> str:
    titles = {layer.id: layer.title for layer in catalog} | {"villages": "村（社区）"}
    names = value.split(",") if isinstance(value, str) else value
    return "、".join(titles.get(name.strip(), name) for name in names)
