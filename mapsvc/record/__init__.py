"""The record: who did what, when, from where, old and new, from which file; never changed again.

`write` adds an entry to the caller's transaction: no deed without its entry, no entry without its
deed. The database numbers, chains and seals the entries at commit (migration 0009).
"""

from mapsvc.record.book import workbook
from mapsvc.record.chain import (
    Verdict,
    export,
    prune,
    verify,
    verify_file,
    verify_on_record,
)
from mapsvc.record.entries import ACTIONS, ROLE_TITLES, Asker, asker, asking, write
from mapsvc.record.reading import Wanted, lines, page

__all__ = [
    "ACTIONS",
    "ROLE_TITLES",
    "Asker",
    "Verdict",
    "Wanted",
    "asker",
    "asking",
    "export",
    "lines",
    "page",
    "prune",
    "verify",
    "verify_file",
    "verify_on_record",
    "workbook",
    "write",
]
