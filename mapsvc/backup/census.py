"""What stands in a database, table by table: how many rows, and a digest of all of them.

Two databases with the same census hold the same rows, whatever their order on disk.
"""

from typing import Any

import msgspec
from psycopg import Connection, sql

# Texts of values depend on these; the digest must not.
PLAIN = (
    "-c timezone=UTC -c datestyle=ISO,YMD -c intervalstyle=postgres -c extra_float_digits=1"
    " -c bytea_output=hex -c statement_timeout=0"
)

LEFT_OUT = ("session", "attempt")
"""Sign-ins are not kept: who was signed out since would be signed in again."""


class Count(msgspec.Struct, frozen=True):
    """Rows of a table; `digest` is the sum of 60 bits of the MD5 of each row's text.

    It tells damage and loss, not malice: the archive's own SHA-256 is there for that.
    """

    rows: int
    digest: str


class Census(msgspec.Struct, frozen=True):
    tables: dict[str, Count]
    sequences: dict[str, int]

    @property
    def rows(self) -> int:
        return sum(count.rows for count in self.tables.values())

    def differences(self, restored: "Census") -> list[str]:
        """Tables that differ; a sequence may be ahead of what the census says."""
        wrong = [
            name
            for name in sorted(self.tables.keys() | restored.tables.keys())
            if name not in LEFT_OUT and self.tables.get(name) != restored.tables.get(name)
        ]
        return wrong + [
            name
            for name, value in self.sequences.items()
            if restored.sequences.get(name, value - 1) < value
        ]


def sequences(db: Connection[Any]) -> dict[str, int]:
    """Where every sequence stands now: they move outside of transactions."""
    found = db.execute(
        "select schemaname || '.' || sequencename, last_value from pg_sequences"
        " where last_value is not null order by 1"
    )
    return dict(found.fetchall())


def take(db: Connection[Any], stood: dict[str, int] | None = None) -> Census:
    """The census as the connection's transaction sees it; the connection was made with `PLAIN`.

    `stood`: the sequences as they were before a dump was made, which may hold later values.
    """
    tables = {}
    for schema, name in db.execute(_TABLES).fetchall():
        row = db.execute(_COUNT.format(sql.Identifier(schema, name))).fetchone()
        assert row is not None
        shown = name if schema == "public" else f"{schema}.{name}"
        tables[shown] = Count(*row)
    return Census(tables, sequences(db) if stood is None else stood)


# A partition's rows are its parent's; what belongs to an extension comes with the extension.
_TABLES = """
select n.nspname, c.relname
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition
  and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%'
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass
                  and d.objid = c.oid and d.deptype = 'e')
order by 1, 2
"""

_COUNT = sql.SQL(
    "select count(*), coalesce(sum(('x' || left(md5(t::text), 15))::bit(60)::bigint), 0)::text"
    " from {} t"
)
