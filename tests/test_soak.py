"""A small soak: walls that come and go miss nothing, and the server does not grow with changes."""

import psycopg

from bench import county
from bench.soak import soak
from tests.aside import run
from tests.conftest import Make, free_port


def test_walls_miss_nothing_and_the_server_stays_small(make_database: Make, template: str) -> None:
    conninfo = make_database(template)
    with psycopg.connect(conninfo, autocommit=True) as db:
        db.execute(
            "insert into feature (layer, name, geom) select 'depots', 'n' || i,"
            " ST_Point(111 + i * 0.001, 27.9, 4326) from generate_series(1, 300) i"
        )
        county.sign_in(db)
    port = free_port()
    with county.peer(["mapsvc.cli", "serve", "--port", str(port)], conninfo, port) as pid:
        done = run(
            soak(conninfo, port, pid, county.TOKEN, changes=250, walls=10, patience=1.5, settle=120)
        )
    assert done.complete == done.walls
    assert done.changes > 200
    assert done.late_mb - done.early_mb < 20
