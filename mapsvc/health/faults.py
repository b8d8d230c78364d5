"""From facts to what is to be done: each fault in plain words, with the command to type."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

Level = Literal["now", "soon", "note"]
LEVELS: dict[Level, str] = {"now": "马上处理", "soon": "尽快处理", "note": "提醒"}

LEAST_FREE = 0.10
BARELY_FREE = 0.03
BACKUP_LATE_H = 26
"""A day and the time that a backup may take."""
BACKUP_MISSED_H = 48
VERIFY_DAYS = 31
DRILL_DAYS = 100
LONG_QUERY_S = 300
_ROADS_OLD_DAYS = 730
_ONE_PIECE = 0.9
_RESTART = "重新启动 mapsvc 服务"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, where on the page it stands, what to do, and what to type if anything."""

    id: str
    level: Level
    section: str
    what: str
    todo: str
    command: str | None = None

    @property
    def counts(self) -> bool:
        """Is it to be dealt with, or only to be known?"""
        return self.level != "note"

    def told(self) -> dict[str, Any]:
        return asdict(self) | {"level_title": LEVELS[self.level]}


def headline(faults: list[Fault]) -> str:
    """One sentence for the top of the page."""
    wrong = sum(f.counts for f in faults)
    notes = len(faults) - wrong
    said = f"{wrong} 项需要处理" if wrong else "一切正常"
    return f"{said}，另有 {notes} 项提醒" if notes else said


def told(found: dict[str, Any]) -> list[Fault]:
    """Every fault of a report, the most pressing first."""
    rules = (_database, _record, _storage, _backups, _layers, _ground, _roads, _work, _duty)
    faults = [fault for rule in rules for fault in rule(found)]
    order = list(LEVELS)
    return sorted(faults, key=lambda f: order.index(f.level))


def _database(found: dict[str, Any]) -> Iterator[Fault]:
    db = found["database"]
    if db is None:
        yield Fault(
            "database_away", "now", "database", "连不上数据库，地图和上报都不能用",
            f"先看数据库所在的机器是否开机、磁盘是否已满，然后{_RESTART}；"
            "内嵌的数据库会随服务一起启动。仍不行，请把数据库日志发给技术支持。",
            "tail -n 50 .mapsvc/postgres/server.log",
        )  # fmt: skip
        return
    if db["schema"] != db["schema_expected"]:
        yield Fault(
            "schema", "now", "database",
            f"数据库结构是 {db['schema']} 版，程序需要 {db['schema_expected']} 版",
            f"升级数据库，然后{_RESTART}。", "mapsvc init",
        )  # fmt: skip
    if db["read_only"]:
        yield Fault(
            "read_only", "now", "database", "数据库只能查看，不能修改",
            "可能正在维护，或连到了备用库。请联系数据库管理员恢复为可写。",
        )  # fmt: skip
    if db["archiving"]["on"] and db["archiving"]["failing"]:
        yield Fault(
            "archiving", "now", "backups", "持续归档失败，暂时不能恢复到任意时刻",
            "检查备份盘是否已满、pgBackRest 是否能写入。",
            "sudo -u postgres pgbackrest --stanza=mapsvc check",
        )  # fmt: skip
    if not db["own_login"]:
        yield Fault(
            "shared_login", "note", "database", "服务以数据表属主的账号登录数据库",
            "平时照常可用，但少一道防线。请数据库管理员按安装手册“使用已有的 PostGIS”"
            f"另建一个登录，写入 MAPSVC_SERVICE_URL，然后{_RESTART}。",
        )  # fmt: skip
    yield from _busy(db, found["work"]["pool"])


def _busy(db: dict[str, Any], pool: dict[str, Any]) -> Iterator[Fault]:
    if db["connections"] > 0.8 * db["connections_most"]:
        yield Fault(
            "connections", "soon", "database",
            f"数据库连接快用完了：{db['connections']} / {db['connections_most']}",
            f"关闭其他占用数据库的程序；仍不下降，请{_RESTART}。",
        )  # fmt: skip
    if pool["waiting"]:
        yield Fault(
            "pool", "soon", "work", f"{pool['waiting']} 个请求在等待数据库连接",
            "片刻后会自行消失。若一直如此，请把 MAPSVC_POOL_SIZE 调大（缺省 10），"
            f"然后{_RESTART}。",
        )  # fmt: skip
    if (db["oldest_s"] or 0) > LONG_QUERY_S:
        yield Fault(
            "long_query", "soon", "database",
            f"有一条查询已运行 {db['oldest_s'] / 60:.0f} 分钟",
            f"可能是备份或载入数据，属正常；否则请{_RESTART}。",
        )  # fmt: skip
    if db["wraparound"] or db["unswept"]:
        names = "、".join(t["table"] for t in db["unswept"])
        yield Fault(
            "unswept", "soon", "database", f"数据库的自动清理没有跟上：{names or '事务编号'}",
            "在业务少的时候手工清理一次，不影响使用。",
            f"vacuumdb --analyze -d '{db['connect']}'",
        )  # fmt: skip


def _record(found: dict[str, Any]) -> Iterator[Fault]:
    record = found["record"]
    if record is None:
        return
    if record["holds"] is False:
        yield Fault(
            "record_broken", "now", "database", "审计记录上次校验没有通过：有记录被改动或缺失",
            "不要再改动数据库。导出保留现场，报告单位负责人和网络安全员，再从备份核对。",
            "mapsvc audit verify",
        )  # fmt: skip
    elif record["entries"] and _older(record["verified_at"] or record["since"], VERIFY_DAYS):
        yield Fault(
            "record_unverified", "soon", "database", f"审计记录超过 {VERIFY_DAYS} 天没有校验",
            "校验一次，每月至少一次。", "mapsvc audit verify",
        )  # fmt: skip


def _storage(found: dict[str, Any]) -> Iterator[Fault]:
    for disk in found["storage"]:
        if disk["share"] < LEAST_FREE:
            yield Fault(
                "disk", "now" if disk["share"] < BARELY_FREE else "soon", "storage",
                f"磁盘空间不足：{'、'.join(disk['titles'])}所在磁盘只剩 {disk['share']:.0%}",
                "删除该磁盘上不需要的文件，或把旧备份移到别的机器；不要删除数据库文件夹中的任何文件。",
                f"du -xh --max-depth=2 {disk['path']} | sort -h | tail",
            )  # fmt: skip


def _backups(found: dict[str, Any]) -> Iterator[Fault]:
    kept = found["backups"]
    folder = kept["folder"] or "/备份"
    command = f"mapsvc backup {folder} --keep {kept['keep'] or 30}"
    if kept["age_h"] is None:
        if found["database"] is not None:
            yield Fault(
                "backup_none", "now", "backups", "还没有备份",
                "先做一份，再按维护手册设好每天自动备份。", command,
            )  # fmt: skip
        return
    if kept["lost"]:
        yield Fault(
            "backup_lost", "now", "backups", f"备份文件夹 {folder} 是空的",
            "检查备份盘是否已挂载，或另存的备份是否还在；然后做一份新的。", command,
        )  # fmt: skip
    elif kept["age_h"] > BACKUP_LATE_H:
        missed = kept["age_h"] > BACKUP_MISSED_H
        yield Fault(
            "backup_late", "now" if missed else "soon", "backups",
            f"最近一份备份是 {_hours(kept['age_h'])}以前的",
            "先做一份，再查看自动备份为什么没有运行：journalctl -u mapsvc-backup.service。",
            command,
        )  # fmt: skip
    if kept["timer"] is not None and not kept["timer"]["active"]:
        yield Fault(
            "backup_timer", "soon", "backups", "没有设好每天自动备份",
            "按维护手册“每天自动备份”一节设置后启用。",
            "sudo systemctl enable --now mapsvc-backup.timer",
        )  # fmt: skip
    if kept["drilled_at"] is None or _older(kept["drilled_at"], DRILL_DAYS):
        yield Fault(
            "backup_drill", "note", "backups", "最近三个月没有做过恢复演练",
            "演练恢复到旁边、逐表核对、再删除，不影响现有数据。",
            f"mapsvc restore {folder}/{kept['newest'] or '备份文件'} --drill",
        )  # fmt: skip


def _layers(found: dict[str, Any]) -> Iterator[Fault]:
    for file in found["layers"]["files"]:
        yield from _layer(file)
    for words in found["layers"]["beside"]:
        yield Fault(
            "layer_beside", "now", "layers", f"图层文件夹中有文件写错了：{words}",
            "服务仍按启动时的内容运行，但下次启动会失败。请改正该文件。",
        )  # fmt: skip
    for name in found["layers"]["gone"]:
        yield Fault(
            "layer_gone", "soon", "layers", f"图层 {name} 的文件不见了",
            "下次启动后这个图层将不再显示（数据仍在库中）。如非有意，请放回文件。",
        )  # fmt: skip
    for orphan in found["layers"]["orphans"]:
        yield Fault(
            "layer_orphan", "note", "layers",
            f"库中有 {orphan['count']} 个点位属于图层 {orphan['id']}，但没有这个图层的文件",
            "要继续使用，请把图层文件放回并重新启动；不需要则不必处理。",
        )  # fmt: skip


def _layer(file: dict[str, Any]) -> Iterator[Fault]:
    name = file["file"]
    if file["state"] == "broken":
        yield Fault(
            "layer_broken", "now", "layers", f"图层文件 {name} 写错了：{file['fault']}",
            "服务仍按启动时的内容运行，但下次启动会失败。请按提示改正该文件，本页会自动确认。",
        )  # fmt: skip
        return
    if file["state"] in ("changed", "new"):
        word = "已修改" if file["state"] == "changed" else "是新增的"
        yield Fault(
            "layer_changed", "soon", "layers", f"图层文件 {name} {word}，尚未生效",
            f"写法没有问题。在方便的时候{_RESTART}。",
        )  # fmt: skip
    if file["missing"]:
        yield Fault(
            "layer_missing", "now", "layers", f"图层“{file['title']}”尚未在数据库中建立",
            "建立图层，已有数据不受影响。", "mapsvc init",
        )  # fmt: skip
    if file["unknown"] or file["outside"]:
        parts = [f"图层文件中没有的项目 {k}（{n} 个点位）" for k, n in file["unknown"].items()]
        parts += [f"“{k}”不在允许的取值内（{n} 个点位）" for k, n in file["outside"].items()]
        yield Fault(
            "layer_drift", "note", "layers", f"{file['title']}：已有数据与图层文件不一致",
            f"{'；'.join(parts)}。若是改过图层文件，请补回原来的项目或取值；否则请重新上报这些点位。",
        )  # fmt: skip


def _ground(found: dict[str, Any]) -> Iterator[Fault]:
    regions = found["regions"]
    if regions is None:
        return
    if not regions["levels"].get("township"):
        yield Fault(
            "regions_none", "soon", "regions", "还没有载入乡镇边界，点位分不出乡镇",
            "载入行政区边界文件。", "mapsvc regions load 乡镇界.zip --level township",
        )  # fmt: skip
    elif regions["without_villages"]:
        yield Fault(
            "regions_villages", "note", "regions",
            f"没有村级边界：{'、'.join(regions['without_villages'])}",
            "点位只能落到乡镇。有村界文件时载入即可。",
            "mapsvc regions load 村界.zip --level village",
        )  # fmt: skip
    bare = [t["name"] for t in (found["duty"] or {}).get("townships", []) if not t["count"]]
    if bare:
        yield Fault(
            "townships_bare", "note", "duty", f"{len(bare)} 个乡镇没有任何点位：{_some(bare)}",
            "请这些乡镇上报台账，或核对点位坐标是否落到了别处。",
        )  # fmt: skip


def _roads(found: dict[str, Any]) -> Iterator[Fault]:
    roads = found["roads"]
    if roads is None:
        return
    load = "mapsvc roads load county.osm.pbf"
    if not roads:
        yield Fault(
            "roads_none", "soon", "roads", "还没有载入路网，只能按直线计算",
            "载入本县的 OpenStreetMap 数据。", load,
        )  # fmt: skip
        return
    if (roads["largest_share"] or 1) < _ONE_PIECE:
        yield Fault(
            "roads_islands", "note", "roads",
            f"路网分成 {roads['islands']} 片，最大的一片只占 {roads['largest_share']:.0%}",
            "不相连的两片之间只能给出直线估算。请检查道路数据是否完整，换一份重新载入。", load,
        )  # fmt: skip
    if roads["age_days"] > _ROADS_OLD_DAYS:
        yield Fault(
            "roads_old", "note", "roads", "路网是两年以前载入的", "有新的道路数据时重新载入。", load
        )


def _work(found: dict[str, Any]) -> Iterator[Fault]:
    uploads = found["work"]["uploads"]
    if uploads and uploads["waiting"]:
        yield Fault(
            "uploads_waiting", "note", "work",
            f"{uploads['waiting']} 次上报放了一天以上没有确认入库",
            "请上报人在“上传”页确认或放弃；确认之前，地图上没有这些数据。",
        )  # fmt: skip
    if found["database"] is not None and not found["work"]["streams"]["live"]:
        yield Fault(
            "feed", "soon", "work", "实时推送与数据库断开，大屏暂时收不到变化",
            f"通常几秒内自行恢复。超过一分钟，请{_RESTART}。",
        )  # fmt: skip


def _duty(found: dict[str, Any]) -> Iterator[Fault]:
    late = [t["name"] for t in (found["duty"] or {}).get("townships", []) if t["overdue"]]
    if late:
        yield Fault(
            "duty_late", "note", "duty",
            f"{len(late)} 个乡镇有整个图层超期没有核实：{_some(late)}",
            "请联系这些乡镇：下载预填表，核对后重新上报。",
        )  # fmt: skip


def _some(names: list[str]) -> str:
    return "、".join(names[:5]) + (" 等" if len(names) > 5 else "")


def _hours(hours: float) -> str:
    return f"{hours:.0f} 小时" if hours < 72 else f"{hours / 24:.0f} 天"


def _older(at: str | None, days: int) -> bool:
    return at is not None and datetime.now(UTC) - datetime.fromisoformat(at) > timedelta(days=days)
