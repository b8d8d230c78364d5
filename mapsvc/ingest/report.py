"""The answer to an upload: the workbook itself, bad cells marked, the reason beside each row.

An xlsx file keeps its own sheets, formats and widths; whatever else was sent, and what openpyxl
cannot carry, becomes a workbook of the rows that were read. Sent back once the marked cells are
put right, a report reads like the file that it was made from (see `added`).
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import msgspec
import shapely
from anyio.to_thread import run_sync

from mapsvc.catalog import Catalog, Layer
from mapsvc.coordinates import UnknownSystem, parse_system
from mapsvc.database import Db
from mapsvc.errors import NotFound, TooLarge
from mapsvc.ingest import record
from mapsvc.ingest.added import RESULT_TITLE, added_at, is_added
from mapsvc.ingest.ledger import Part, gather
from mapsvc.ingest.locate import AUTO
from mapsvc.ingest.marking import PLAN, REPORT, Line, Mark, Note, Page, Plan
from mapsvc.ingest.sandbox import Reading, Sheet, ended, limits_of, read_file, spawn
from mapsvc.ingest.scratch import scratch
from mapsvc.ingest.wire import Limits
from mapsvc.settings import Settings
from mapsvc.sheets import sheet_name

_WRITER = "mapsvc.ingest.marking"

OUTCOMES = {
    "new": "新增",
    "changed": "修改",
    "unchanged": "未变",
    "refused": "退回",
    "skipped": "略过",
}
MOVED = "移动"
_STATES = {"staged": "待确认，图上还没有变化", "applied": "已入库", "rolled_back": "已撤销"}
_KINDS = {"error": "错误", "warning": "提醒", "note": "说明"}
_PLACES = ("lon", "lat", "x", "y", "point")
_REGIONS = ("county", "township", "village", "adcode")
# Problems that can be put right in more cells than the one they are told at.
_SUSPECTS = {
    "region_contradicted": (*_REGIONS, *_PLACES),
    "other_region_named": _REGIONS,
    "region_said_twice": _REGIONS,
    "region_unknown": _REGIONS,
    "ambiguous_match": ("code", "name"),
    "duplicate_match": ("code", "name"),
}
_KEPT: dict[str, Literal["", "struck", "merged", "money"]] = {
    "struck_out": "struck",
    "merged_number": "merged",
    "merged_numbers": "merged",
    "money_unit": "money",
}
_SHEET_WORDS = {
    "sheet_hidden": "隐藏，没有读取",
    "sheet_other_layer": "像是另一个图层的内容，没有读取",
    "sheet_empty": "空的",
    "sheet_without_heading": "没有找到表头，没有读取",
    "sheet_added": "系统添加的表，略过",
}
_LAST_ROW = 1_048_576
_QUANTITY = re.compile(r"\s*(\d|$)")

Key = tuple[str, int]
"""Sheet and row as they stand in the change set."""


@dataclass(frozen=True, slots=True)
class Source:
    """All that a report is made from, taken from the database at once."""

    layer: Layer
    head: dict[str, Any]
    content: bytes
    rows: list[tuple[int, str, int, str, int | None, float | None]]
    """seq, sheet, row, action, lead_seq, moved_m."""
    problems: list[dict[str, Any]]

    @property
    def filename(self) -> str:
        name = str(self.head["filename"])
        return f"{name.rpartition('.')[0] or name}-上报结果.xlsx"


async def collect(db: Db, catalog: Catalog, upload_id: UUID | str, scope: str | None) -> Source:
    """Everything about an upload; NotFound where it does not exist or is another region's."""
    head = await record.require(db, upload_id, scope)
    if head["kind"] == "edit":
        raise NotFound("这是在地图上做的单点修改，没有表格。", code="no_workbook")
    _, content = await record.original(db, head["id"], scope)
    cursor = await db.execute(
        "select seq, sheet, row, action, lead_seq, moved_m from upload_row"
        " where upload_id = %s order by seq",
        [head["id"]],
    )
    rows = [(r[0], r[1], r[2], r[3], r[4], r[5]) for r in await cursor.fetchall()]
    found = await record.problems(db, head["id"], scope, limit=10 * len(rows) + 1000)
    return Source(catalog.layer(head["layer"]), head, content, rows, found)


async def build(source: Source, settings: Settings) -> bytes:
    """The report as an xlsx file; TooLarge where the limits do not suffice."""
    reading = await read_file(source.content, settings)
    own, plan = await run_sync(_plan, source, reading)
    limits = limits_of(settings)
    with scratch() as folder:
        path = folder / "upload"
        await asyncio.to_thread(path.write_bytes, source.content)
        for attempt in (own, plan):
            if attempt is not None and await _written(path, attempt, limits):
                return await asyncio.to_thread(path.with_name(REPORT).read_bytes)
    raise TooLarge(
        f"这份文件的结果表太大，{limits.seconds:g} 秒或 {limits.memory // 2**20} MB 内做不完。"
        "请在页面上查看问题列表，或把文件分成几个再上传。",
        code="report_too_large",
    )


async def _written(path: Path, plan: Plan, limits: Limits) -> bool:
    """Run the program that writes the report; False where it failed, for whatever reason."""
    await asyncio.to_thread(path.with_name(PLAN).write_bytes, msgspec.msgpack.encode(plan))
    process = await spawn(_WRITER, path, limits)
    try:
        async with asyncio.timeout(limits.seconds):
            return await process.wait() == 0
    except TimeoutError:
        return False
    finally:
        await ended(process, _WRITER)


def _plan(source: Source, reading: Reading) -> tuple[Plan | None, Plan]:
    """How their own workbook is to be marked, if it is one, and how to make one from the rows."""
    earlier = {id(sheet): added_at(sheet) for sheet in reading.sheets}
    left_out = [s.name for s in reading.sheets if is_added(s)]
    ledger = gather(reading, source.layer, _elsewhere(source, reading))
    beside = _beside(source)
    parts = {id(part.sheet): part for part in ledger.parts}
    pages: list[Page] = []
    for sheet in reading.sheets:
        if sheet.name in left_out:
            continue
        grid = _Grid.of(sheet, parts.get(id(sheet)), earlier[id(sheet)])
        pages.append(_page(grid, beside))
    if any(page.numbers and page.numbers[-1] > _LAST_ROW for page in pages):
        raise TooLarge(
            f"表格超过 {_LAST_ROW} 行，结果表放不下。请删除空行后重新上传。",
            code="report_too_large",
        )
    lines = _lines(source, any(sheet.has_shapes for sheet in reading.sheets))
    plan = Plan(False, lines, pages)
    if reading.format != "xlsx":
        return None, plan
    bare = [msgspec.structs.replace(page, numbers=[], columns=[]) for page in pages]
    return Plan(True, lines, bare), plan


def _elsewhere(source: Source, reading: Reading) -> set[int]:
    """Sheets that were left out as another layer's."""
    left = {
        s["sheet"]
        for s in source.head["reading"].get("left_out", [])
        if s["code"] == "sheet_other_layer"
    }
    return {at for at, sheet in enumerate(reading.sheets) if sheet.name in left}


@dataclass(slots=True)
class _Beside:
    """What is said of each row and each heading."""

    outcomes: dict[Key, str]
    leads: dict[Key, Key]
    moves: dict[Key, float]
    problems: dict[Key, list[dict[str, Any]]]
    columns: list[dict[str, Any]]
    """Problems of a whole column."""


def _beside(source: Source) -> _Beside:
    keys = {seq: (sheet, row) for seq, sheet, row, *_ in source.rows}
    moved = {seq: m for seq, *_, m in source.rows if m is not None}
    found = _Beside({}, {}, {}, defaultdict(list), [])
    for seq, sheet, row, action, lead, _ in source.rows:
        key = (sheet, row)
        move = moved.get(seq if lead is None else lead)
        is_move = action == "changed" and move is not None
        found.outcomes[key] = MOVED if is_move else OUTCOMES[action]
        if move is not None and is_move:
            found.moves[key] = move
        if lead is not None and lead in keys:
            found.leads[key] = keys[lead]
    for p in source.problems:
        if p["row"] is not None:
            found.problems[p["sheet"], p["row"]].append(p)
        elif p["column"]:
            found.columns.append(p)
    return found


@dataclass(slots=True)
class _Grid:
    """A sheet as it will stand in the report: where its rows and columns go."""

    sheet: Sheet
    part: Part | None
    left: int
    columns: list[list[str]]
    numbers: list[int]
    shift: int
    """Added to a row's number: a vector file's first feature is row 1, under its headings."""
    at: int
    reused: bool
    places: list[int] = field(default_factory=list)
    """Column numbers of the coordinates."""
    where: dict[int, int] = field(default_factory=dict)
    """Position in the sheet → column number."""

    @classmethod
    def of(cls, sheet: Sheet, part: Part | None, earlier: tuple[int, int] | None) -> "_Grid":
        if sheet.has_shapes:
            return _with_places(sheet, part)
        width = len(sheet.columns)
        at = sheet.left + (width if earlier is None else earlier[1])
        grid = cls(
            sheet, part, sheet.left, sheet.columns, sheet.numbers, 0, at, earlier is not None
        )
        grid.where = {position: sheet.left + position for position in range(width)}
        grid.places = grid.of_targets(_PLACES)
        return grid

    def of_targets(self, targets: Iterable[str]) -> list[int]:
        known = self.part.columns if self.part else {}
        at = [known[t].position for t in targets if t in known]
        return [self.where[position] for position in at if position in self.where]

    def of_heading(self, heading: str) -> list[int]:
        """Columns that their file calls so: the ones in use, else all."""
        if self.part is None:
            return []
        used = [c for c in self.part.columns.values() if c.heading == heading]
        found = used or [c for c in self.part.heading.columns if c.heading == heading]
        return [self.where[c.position] for c in found if c.position in self.where]


def _with_places(sheet: Sheet, part: Part | None) -> _Grid:
    """A vector file as a table: 序号, its properties, 经度 and 纬度 of its points as they stand."""
    known = part.columns if part else {}
    replaced = {known[t].position for t in _PLACES if t in known}
    kept = [p for p in range(len(sheet.columns)) if p not in replaced]
    shapes = shapely.from_wkb([shape or None for shape in sheet.shapes], on_invalid="ignore")
    is_point = shapely.get_type_id(shapes) == 0
    xs, ys = shapely.get_x(shapes).tolist(), shapely.get_y(shapes).tolist()
    columns = [sheet.columns[p] for p in kept]
    for title, values in (("经度", xs), ("纬度", ys)):
        texts = [repr(v) if point else "" for v, point in zip(values, is_point, strict=True)]
        columns.append([title, *texts[1:]])
    numbered = part is not None and not any(c.target == "seq" for c in part.heading.columns)
    if numbered:
        columns.insert(0, ["序号", *(str(number) for number in sheet.numbers[1:])])
    numbers = [number + 1 for number in sheet.numbers]
    grid = _Grid(sheet, part, 1, columns, numbers, 1, len(columns) + 1, reused=False)
    grid.where = {position: i + 1 + numbered for i, position in enumerate(kept)}
    grid.places = [len(columns) - 1, len(columns)]
    return grid


def _page(grid: _Grid, beside: _Beside) -> Page:
    part, sheet = grid.part, grid.sheet
    page = Page(
        name=sheet_name(sheet.name),
        visible=sheet.visible,
        heading_row=part.heading.row + grid.shift if part else 0,
        at=grid.at if part else 0,
        reused=grid.reused,
        notes=[],
        marks=[],
        left=grid.left,
        numbers=grid.numbers,
        columns=grid.columns,
    )
    if part is None:
        return page
    index = {number: i for i, number in enumerate(part.numbers)}
    for number, i in index.items():
        key = (sheet.name, number)
        found = beside.problems.get(key, [])
        outcome = beside.outcomes.get(key)
        if outcome is None or any(p["code"] == "blank_row" for p in found):
            continue
        row = number + grid.shift
        refused = outcome == OUTCOMES["refused"]
        page.notes.append(
            Note(row, outcome, _remedy(found, beside.moves.get(key), refused), refused)
        )
        for p in found:
            error = p["severity"] == "error"
            if p["severity"] != "note":
                columns = _suspects(grid, part, p, i)
                if p["code"] == "group_disagrees":
                    columns += _differing(
                        grid, part, i, index.get(beside.leads.get(key, ("", 0))[1])
                    )
                kept = _KEPT.get(p["code"], "")
                page.marks += [Mark(row, column, error, kept) for column in dict.fromkeys(columns)]
    page.marks += _heading_marks(grid, part, beside)
    page.marks.sort(key=lambda mark: mark.error)
    return page


def _suspects(grid: _Grid, part: Part, p: dict[str, Any], index: int) -> list[int]:
    """The columns in which the problem of a row can be put right."""
    spread = [
        c for c in part.heading.columns if c.target == f"field:{p['field']}" and c.loses_to is None
    ]
    if len(spread) > 1 and p["code"] not in _KEPT:
        # One column an item: the problem is told at the first of them, whichever is meant.
        row = part.row(index)
        spread = [c for c in spread if not _QUANTITY.match(row[c.position])] or spread
        return [grid.where[c.position] for c in spread if c.position in grid.where]
    columns = grid.of_heading(p["column"]) if p["column"] else []
    columns += grid.of_targets(_SUSPECTS.get(p["code"], ()))
    return columns + (grid.places if p["field"] == "coordinates" else [])


def _differing(grid: _Grid, part: Part, index: int, lead: int | None) -> list[int]:
    """Cells in which a row contradicts the first row of the same feature."""
    if lead is None:
        return []
    shared = [t for t in part.columns if not t.startswith("item:") and t != "seq"]
    differing = []
    for target in shared:
        cells = part.cells(target) or []
        one, other = cells[index].strip(), cells[lead].strip()
        if one and other and one != other:
            differing.append(target)
    return grid.of_targets(differing)


def _heading_marks(grid: _Grid, part: Part, beside: _Beside) -> list[Mark]:
    marks: list[Mark] = []
    top = grid.sheet.numbers.index(part.heading.row)
    for p in beside.columns:
        if p["sheet"] != grid.sheet.name or p["severity"] == "note":
            continue
        for column in part.heading.columns:
            if column.heading == p["column"] and column.position in grid.where:
                cells = grid.sheet.columns[column.position]
                deep = [
                    i
                    for i in range(top, part.heading.first)
                    if " ".join(cells[i].split()) == column.heading
                ]
                row = grid.sheet.numbers[deep[-1] if deep else top] + grid.shift
                marks.append(Mark(row, grid.where[column.position], p["severity"] == "error"))
    return marks


def _remedy(found: list[dict[str, Any]], moved: float | None, refused: bool) -> str:
    texts = [f"【{p['column']}】{p['message']}" if p["column"] else p["message"] for p in found]
    if moved is not None:
        texts.append(f"位置移动约 {moved:.1f} 米。")
    if refused and not any(p["severity"] == "error" for p in found):
        texts.append("这一行本身没有发现错误，但整个文件有问题，见“上报结果”表。")
    return "\n".join(texts)


def _lines(source: Source, has_shapes: bool) -> list[Line]:
    head, counts = source.head, source.head["counts"]
    state = _STATES[head["status"]]
    lines = [
        Line("title", [RESULT_TITLE]),
        Line("plain", ["文件", "", "", str(head["filename"])]),
        Line("plain", ["图层", "", "", source.layer.title]),
        Line(
            "plain", ["上报", "", "", f"{head['created_by']}  {head['created_at']:%Y-%m-%d %H:%M}"]
        ),
        Line("plain", ["状态", "", "", state]),
        Line("plain", []),
        Line("head", ["处理结果", "行数", "", "含义"]),
    ]
    for key, title, meaning in (
        ("rows", "读入", "下面五类之和"),
        ("new", "新增", "图上还没有"),
        ("changed", "修改", f"图上已有，内容或位置不同；其中移动 {counts.get('moved', 0)} 个"),
        ("unchanged", "未变", "与图上完全相同"),
        ("rejected", "退回", "有错，不会入库；改正后重新上传"),
        ("skipped", "略过", "空行、合计、落款等，不是数据"),
        ("missing", "文件中没有", "图上已有、这个文件没有提到的；除非要求，不会删除"),
    ):
        lines.append(Line("plain", [title, str(counts.get(key, 0)), "", meaning]))
    lines += [*_evidence(head), *_whole_file(source), *_how_to(head, has_shapes)]
    return lines


def _evidence(head: dict[str, Any]) -> list[Line]:
    declared, used = _system(head["declared_crs"]), _system(head["used_crs"])
    lines = [
        Line("plain", []),
        Line("head", ["坐标系", "核对点数", "落在辖区内", "与已入库的同一对象相比"]),
    ]
    for e in head["evidence"]:
        inside, shift = e.get("inside_share"), e.get("median_shift_m")
        proof = (
            f"{e['matched']} 个同一对象，偏差中位数 {shift} 米"
            if shift is not None
            else "没有可比的"
        )
        title = f"{e.get('title', e['crs'])}{'（采用）' if e.get('used') else ''}"
        share = "—" if inside is None else f"{inside:.1%}"
        lines.append(Line("plain", [title, str(e.get("points", "")), share, proof]))
    lines.append(Line("plain", ["选定", "", declared, f"实际采用：{used}"]))
    return lines


def _system(name: str | None) -> str:
    if name is None:
        return "未确定"
    if name == AUTO:
        return "自动识别"
    try:
        return "、".join(parse_system(part).title for part in name.split("+"))
    except UnknownSystem:
        return name


def _whole_file(source: Source) -> list[Line]:
    """What is wrong with the file, its sheets and its columns rather than with a row."""
    lines = [Line("plain", []), Line("head", ["整个文件", "工作表", "列", "问题与改法"])]
    for p in source.problems:
        if p["row"] is None:
            kind = p["severity"]
            cells = [_KINDS[kind], p["sheet"], p["column"] or "", p["message"]]
            lines.append(Line("plain" if kind == "note" else kind, cells))
    for sheet in source.head["reading"].get("left_out", []):
        words = _SHEET_WORDS.get(sheet["code"], "没有读取")
        lines.append(Line("plain", ["没有读的表", sheet["sheet"], "", words]))
    if len(lines) == 2:
        lines.append(Line("plain", ["没有问题"]))
    return lines


def _how_to(head: dict[str, Any], has_shapes: bool) -> list[Line]:
    used = head["used_crs"]
    system = f"“坐标系”请选 {_system(used)}。" if used and "+" not in used else ""
    texts = [
        ("error", "错误", "这样标出的单元格有错：按同一行“问题与改法”一列改正。"),
        ("warning", "提醒", "这样标出的单元格请核对；没有错就不用改。"),
        (
            "plain",
            "再次上传",
            f"改好后保存，把这个文件直接上传即可；这张表和最右边两列不用删除。{system}",
        ),
        ("plain", "公式", "原表里的公式已换成它最后一次的计算结果；原文件仍可在系统里下载。"),
    ]
    if has_shapes:
        texts.append(
            ("plain", "行号", "“第 n 行”是第 n 个要素，见“序号”列；位置在“经度”“纬度”两列。")
        )
    lines = [Line("plain", []), Line("head", ["怎样改", "", "", ""])]
    return lines + [Line(kind, [title, "", "", text]) for kind, title, text in texts]  # type: ignore[arg-type]
