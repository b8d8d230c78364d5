"""What the parser's child process tells its parent, message by message.

Kept apart and small: the child imports it before it touches a file, and start-up counts.
"""

from msgspec import Struct

ASSUMED = "assumed"
"""WGS-84 because RFC 7946 says so of GeoJSON; in China many such files are not."""

OLD = "old"
"""Beijing 1954 or Xi'an 1980, which only local parameters turn into CGCS2000."""

LONGER = "longer_rows"
"""Note of a text file: rows with more cells than most, if only blank ones: number → cells."""

MERGED, STRUCK, SHORTENED = "merged_cells", "struck_cells", "shortened_dates"
ACROSS, MONEY, REMARKED = "merged_across", "money_cells", "remarked_cells"
COLOURED = "coloured_cells"
"""Notes of single cells, each as `row:column`: numbers that are merged over several rows, with the
last of them; texts that are struck out, in part or whole; dates shown without year or day; texts
that are merged over several columns, with the last row and column; numbers shown as money; cells
with a remark hung on them, with its words; cells filled with the colour of a grade, and with which.
"""
OF_CELLS = (MERGED, STRUCK, SHORTENED, ACROSS, MONEY, REMARKED, COLOURED)


class SheetStart(Struct, tag="sheet"):
    """A sheet (or a vector file's table) begins; `crs` is what the file itself declares."""

    name: str
    visible: bool
    left: int = 1
    """Column number, from 1, of the first column."""
    crs: str | None = None
    shapes: bool = False
    """A vector file: a row is a feature and carries its geometry."""


BETWEEN_CELLS = "\x1f"
"""No cell holds it: controls are taken out of every text."""


class Rows(Struct, tag="rows"):
    """A block of rows, column by column; `numbers` are the row numbers that the person sees."""

    numbers: list[int]
    columns: list[str]
    """The cells of each column, one a row, with BETWEEN_CELLS between them: one text is packed
    and unpacked many times faster than thousands."""
    shapes: list[bytes]
    """WKB, one a row, empty bytes for none; an empty list for sheets of cells."""


class Note(Struct, tag="note"):
    """Something about a sheet that people should know: a code of the message catalogue."""

    code: str
    values: dict[str, str]
    sheet: str = ""


class Failure(Struct, tag="failure"):
    """Why the file cannot be read: a code of the message catalogue and what fills its gaps."""

    code: str
    values: dict[str, str]


class End(Struct, tag="end"):
    """Everything was sent."""

    format: str
    encoding: str = ""


Message = SheetStart | Rows | Note | Failure | End


class Refused(Exception):
    """The file cannot be read; raised inside the child only."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.failure = Failure(code, {k: str(v) for k, v in values.items()})


class Limits(Struct):
    """What a file may cost; sizes in bytes."""

    rows: int
    memory: int
    seconds: float
    columns: int = 1000
    entries: int = 5000
    careful: bool = False
    """A first reading ran out of memory: cell by cell this time."""
