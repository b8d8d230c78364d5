"""wrk against an address, pgbench against a statement: neither costs much itself."""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict


@dataclass(frozen=True, slots=True)
class Seen:
    """Latencies in milliseconds, requests a second; nothing may have failed."""

    p50: float
    p99: float
    rate: float


def missing() -> str | None:
    """What to install, in words; None when both are there."""
    absent = [name for name in ("wrk", "pgbench") if shutil.which(name) is None]
    return f"skipped: needs {' and '.join(absent)} (Debian packages)" if absent else None


# A request at a place drawn anew each time.
_LUA = """
function init(args)
    math.randomseed({seed})
    wrk.headers["Authorization"] = "Bearer {token}"
    wrk.headers["Content-Type"] = "application/json"
end
local path, body = [[{path}]], [[{body}]]
local function put(text, lon, lat)
    local words = {{LON = lon, LAT = lat, WEST = lon - {dx}, EAST = lon + {dx},
        SOUTH = lat - {dy}, NORTH = lat + {dy}}}
    return (text:gsub("[A-Z][A-Z][A-Z]+", function(word)
        return words[word] and string.format("%.6f", words[word])
    end))
end
function request()
    local lon = {west} + math.random() * ({east} - {west})
    local lat = {south} + math.random() * ({north} - {south})
    if body == "" then return wrk.format("GET", put(path, lon, lat)) end
    return wrk.format("POST", path, nil, put(body, lon, lat))
end
function done(summary, latency)
    local e = summary.errors
    print(string.format("SEEN %f %f %f %d", latency:percentile(50) / 1000,
        latency:percentile(99) / 1000, summary.requests / summary.duration * 1e6,
        e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A route; in path and body stand LON, LAT and the box WEST, SOUTH, EAST, NORTH of 3 km."""

    port: int
    path: str
    body: str = ""
    token: str = ""


def wrk(asked: Asked, box: tuple[float, ...], clients: int, seconds: float, seed: int = 1) -> Seen:
    script = _LUA.format(
        seed=seed,
        token=asked.token,
        west=box[0],
        south=box[1],
        east=box[2],
        north=box[3],
        dx=3000 / 98_000,
        dy=3000 / 110_800,
        path=asked.path,
        body=asked.body,
    )
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = ["wrk", "-t1", f"-c{clients}", f"-d{max(1, round(seconds))}s", "-s", file.name]
        out = _told([*command, f"http://127.0.0.1:{asked.port}"])
    found = re.search(r"SEEN (\S+) (\S+) (\S+) (\d+)", out)
    assert found is not None, out
    assert found[4] == "0", f"{asked.path}: {found[4]} failed"
    return Seen(float(found[1]), float(found[2]), float(found[3]))


def pgbench(
    conninfo: str, statement: str, box: tuple[float, ...], clients: int, seconds: float
) -> Seen:
    """The statement prepared, with `:lon` and `:lat` drawn anew each time."""
    west, south, east, north = (round(v * 1e6) for v in box)
    script = (
        f"\\set x random({west}, {east})\n\\set y random({south}, {north})\n"
        "\\set lon :x / 1000000.0\n\\set lat :y / 1000000.0\n"
    ) + " ".join(statement.split())
    parts = conninfo_to_dict(conninfo)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "script.sql"
        file.write_text(script + ";\n")
        link = ["-h", str(parts["host"]), "-p", str(parts["port"]), "-U", str(parts["user"])]
        how = ["-n", "-M", "prepared", f"-c{clients}", "-j1", f"-T{max(1, round(seconds))}"]
        log = ["--log", f"--log-prefix={folder}/log"]
        _told(
            ["pgbench", *link, *how, *log, "-f", str(file), str(parts["dbname"])],
            PGOPTIONS="-c jit=off",
        )
        lines = [line for at in Path(folder).glob("log*") for line in at.read_text().splitlines()]
    spent = sorted(int(line.split()[2]) / 1000 for line in lines)
    return Seen(spent[len(spent) // 2], spent[len(spent) * 99 // 100], len(spent) / seconds)


def _told(command: list[str], **environment: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
