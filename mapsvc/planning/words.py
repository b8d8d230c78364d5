"""What is said about a plan: why this place, why something is missing, what to know."""

from collections.abc import Sequence

from mapsvc.planning.needs import Need
from mapsvc.planning.sources import Source, Way
from mapsvc.roads.rules import Rules


def number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}".rstrip("0").rstrip(".")


def lasting(seconds: float) -> str:
    """`12 分钟`, `1 小时 5 分钟`."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "不到 1 分钟"
    if minutes < 60:
        return f"{minutes} 分钟"
    rest = f" {minutes % 60} 分钟" if minutes % 60 else ""
    return f"{minutes // 60} 小时{rest}"


def amount(value: float, need: Need) -> str:
    unit = {"teams": "支队伍"}.get(need.kind, need.unit or "")
    return f"{number(value)} {unit}".rstrip()


def reason(way: Way, need: Need, quantity: float, *, rank: int, of: int, served: int) -> str:
    """Why this place gives this much of this."""
    parts = [_arrival(way), _standing(rank, of)]
    if quantity >= need.quantity:
        parts.append("一处就够")
    if served > 1:
        parts.append(f"同一处可供 {served} 项")
    parts.append(_supply(way.source, need, quantity))
    if way.source.stale:
        parts.append(f"已 {way.source.age_days} 天未核实，请先电话核实")
    return "；".join(parts) + "。"


def _arrival(way: Way) -> str:
    journey = way.journey
    kilometres = f"{journey.distance_m / 1000:.1f} 公里"
    if journey.by == "road":
        return f"按道路 {lasting(journey.duration_s)}到（{kilometres}）"
    return f"直线 {kilometres}，估算 {lasting(journey.duration_s)}到"


def _standing(rank: int, of: int) -> str:
    if of == 1:
        return "只有这里有"
    return f"有的 {of} 处中最快到" if rank == 1 else f"有的 {of} 处中第 {rank} 快"


def _supply(source: Source, need: Need, quantity: float) -> str:
    if need.kind == "teams":
        return "整队出动"
    if need.kind == "people":
        return f"全队 {source.people} 人，派 {number(quantity)} 人"
    stock = source.stock(need, need.unit or "")
    expired = f"（另有 {amount(stock.expired, need)}已过期，未计）" if stock.expired else ""
    return f"库存 {amount(stock.good, need)}，用 {amount(quantity, need)}{expired}"


def why_missing(
    need: Need, found: Sequence[Source], late: Sequence[Way], within_s: float | None
) -> str:
    """Where more would be, and why it is not counted."""
    parts = []
    if within_s is not None:
        some = [w for w in late if w.source.offers(need) > 0]
        if some:
            total = sum(w.source.offers(need) for w in some)
            soonest = min(w.journey.duration_s for w in some)
            parts.append(
                f"{lasting(within_s)}内到不了的另有 {amount(total, need)}，"
                f"最快 {lasting(soonest)}到"
            )
    parts += _uncounted_stock(need, found) if need.what == "item" else _absent(need, found)
    if parts:
        return "；".join(parts) + "。"
    if any(s.offers(need) > 0 for s in found):
        return "能找到的都已用上。"
    kind = "储备点" if need.what == "item" else "队伍"
    return f"没有登记“{need.name}”的{kind}。请核对名称，或向上级请求支援。"


def _uncounted_stock(need: Need, found: Sequence[Source]) -> list[str]:
    unit = need.unit or ""
    expired = sum(s.stock(need, unit).expired for s in found)
    parts = [f"{amount(expired, need)}已过期，未计"] if expired else []
    for other in sorted({u for s in found for u in s.units(need)} - {unit}):
        stocks = [s.stock(need, other).good for s in found]
        total, places = sum(stocks), sum(x > 0 for x in stocks)
        if total:
            written = f"{number(total)} {other}" if other else f"{number(total)}（未写单位）"
            parts.append(f"另有 {written}（{places} 处），单位不同，未计")
    return parts


def _absent(need: Need, found: Sequence[Source]) -> list[str]:
    skilled = [s for s in found if s.skills & set(need.spellings)]
    away = [s for s in skilled if s.off_duty]
    unknown = [s for s in skilled if not s.off_duty and s.people is None]
    parts = []
    if away:
        people = sum(s.people or 0 for s in away)
        parts.append(f"另有 {len(away)} 支队伍 {people} 人登记为不在岗，未计")
    if unknown and need.kind == "people":
        parts.append(f"另有 {len(unknown)} 支队伍没有登记人数，未计")
    return parts


def travel_notes(mode: str, network: bool, guessed: int, usual: Rules) -> list[str]:
    notes = []
    if mode == "line":
        notes.append(f"用时为直线估算：{usual.estimate_words}。")
    elif not network:
        notes.append("尚未载入路网，用时为直线估算。请管理员运行 mapsvc roads load 载入路网。")
        notes.append(f"估算方法：{usual.estimate_words}。")
    elif guessed:
        notes.append(
            f"有 {guessed} 处没有道路可到，只在其他地方不够时使用；"
            f"用时为直线估算：{usual.estimate_words}。"
        )
    return notes


def closing_notes(proved: bool) -> list[str]:
    notes = []
    if not proved:
        notes.append("方案可行，但在限定时间内没有证明它是最优的；减少需求项数可得到证明。")
    notes.append("方案不占用库存：调用前请与各点电话确认。")
    return notes
