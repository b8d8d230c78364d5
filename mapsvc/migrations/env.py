"""Alembic's entry: run online against the conninfo that `mapsvc.database` hands over."""

from typing import Any

import psycopg
from alembic import context
from geoalchemy2 import alembic_helpers
from sqlalchemy import create_engine, pool

from mapsvc.tables import metadata

OURS = set(metadata.tables)


def ours(item: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
    """Partitions and PostGIS's own tables are not this file's business."""
    table = name if kind == "table" else getattr(getattr(item, "table", None), "name", None)
    return table is None or table in OURS


def run() -> None:
    conninfo = context.config.attributes["conninfo"]
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(conninfo), poolclass=pool.NullPool
    )
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            include_object=ours,
            process_revision_directives=alembic_helpers.writer,
            render_item=alembic_helpers.render_item,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
