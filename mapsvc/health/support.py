"""The report as text, to send to whoever helps: no names of people, accounts or uploaded files."""

from typing import Any


def as_text(found: dict[str, Any]) -> str:
    return "\n".join([*_head(found), *_database(found), *_data(found), *_work(found)]) + "\n"


def _head(found: dict[str, Any]) -> list[str]:
    lines = [f"mapsvc {found['version']}　{found['time']}", found["headline"]]
    lines += [f"- [{f['level_title']}] {f['id']}：{f['what']}" for f in found["faults"]]
    return [*lines, ""]


def _database(found: dict[str, Any]) -> list[str]:
    return [_server(found["database"]), *_record(found["record"]), *_kept(found)]


def _server(db: dict[str, Any] | None) -> str:
    if db is None:
        return "数据库：连不上"
    return (
        f"数据库：PostgreSQL {db['postgresql']}，PostGIS {db['postgis']}，"
        f"pgRouting {db['pgrouting'] or '无'}，{size(db['bytes'])}，"
        f"结构 {db['schema']}（应为 {db['schema_expected']}），"
        f"连接 {db['connections']}/{db['connections_most']}，"
        f"最久的查询 {db['oldest_s'] or 0:.0f} 秒，等锁 {db['waiting']}，"
        f"自动清理 {db['swept_at'] or '无'}"
    )


def _record(record: dict[str, Any] | None) -> list[str]:
    if record is None:
        return []
    verdict = {True: "通过", False: "未通过", None: "未做"}[record["holds"]]
    return [f"审计：{record['entries']} 条，校验{verdict}（{record['verified_at'] or '—'}）"]


def _kept(found: dict[str, Any]) -> list[str]:
    kept = found["backups"]
    disks = [
        f"磁盘（{'、'.join(d['titles'])}）：剩 {size(d['free'])} / {size(d['total'])}"
        for d in found["storage"]
    ]
    newest, drilled = kept["newest_at"] or "无", kept["drilled_at"] or "无"
    told = f"备份：最新 {newest}，{kept['count']} 份，演练 {drilled}，定时 {kept['timer']}"
    return [*disks, told]


def _data(found: dict[str, Any]) -> list[str]:
    lines = [
        f"图层文件 {f['file']}：{f['state']}，{f['sha256'][:12]}，"
        + (
            f"{f['fields']} 个字段，{f['count']} 个点位，核实期 {f['freshness_days']} 天，"
            f"多余 {sum(f['unknown'].values())}，越界 {sum(f['outside'].values())}"
            if "id" in f
            else f["fault"]
        )
        for f in found["layers"]["files"]
    ]
    if found["duty"]:
        lines += [f"超期：{x['title']} {x['stale']}/{x['count']}" for x in found["duty"]["layers"]]
    return [*lines, f"行政区：{(found['regions'] or {}).get('levels')}", f"路网：{found['roads']}"]


def _work(found: dict[str, Any]) -> list[str]:
    work = found["work"]
    return [
        f"上报：{work['uploads']}",
        f"原件：{found['originals']}，瓦片缓存：{found['tiles']}",
        f"解析进程 {work['parsers']}，实时连接 {work['streams']}，连接池 {work['pool']}",
    ]


def size(many: float) -> str:
    """Bytes in words."""
    for unit in ("B", "KB", "MB", "GB"):
        if many < 1024:
            return f"{many:.0f} {unit}" if unit == "B" else f"{many:.1f} {unit}"
        many /= 1024
    return f"{many:.1f} TB"
