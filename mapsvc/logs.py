"""The service's own log: one line an event, with the request's number, without personal data."""

import logging
import sys
import traceback
from contextvars import ContextVar
from types import TracebackType
from typing import Literal

import psycopg
from pythonjsonlogger.json import JsonFormatter

Form = Literal["auto", "text", "json"]

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The number of the request being answered; the page, the record and the log name it."""

backends: ContextVar[set[int] | None] = ContextVar("backends", default=None)
"""The database processes that have worked for the request, as the database's own log calls them."""

_Raised = tuple[type[BaseException], BaseException, TracebackType | None]


class _Bare:
    """Tells where something was raised and of what kind, never its words: they quote values."""

    def formatException(self, ei: _Raised | tuple[None, None, None]) -> str:  # noqa: N802
        error = ei[1]
        lines: list[str] = []
        while error is not None:
            lines += [_kind(error), *traceback.format_tb(error.__traceback__)]
            error = error.__cause__ or error.__context__
        return "".join(line if line.endswith("\n") else line + "\n" for line in lines).rstrip()


def _kind(error: BaseException) -> str:
    state = f" {error.sqlstate}" if isinstance(error, psycopg.Error) and error.sqlstate else ""
    return f"{type(error).__module__}.{type(error).__qualname__}{state}"


class _Text(_Bare, logging.Formatter):
    pass


class _Json(_Bare, JsonFormatter):
    pass


def _numbered(record: logging.LogRecord) -> bool:
    record.request_id = request_id.get()
    if worked := backends.get():
        record.db = " ".join(map(str, sorted(worked)))
    return True


def configure(form: Form = "auto") -> None:
    """Log to standard error: lines for a person at a terminal, JSON for whatever collects them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_numbered)
    if form == "text" or (form == "auto" and sys.stderr.isatty()):
        handler.setFormatter(
            _Text("%(asctime)s %(levelname)s %(name)s %(message)s [%(request_id)s]")
        )
    else:
        handler.setFormatter(
            _Json(
                ["asctime", "levelname", "name", "message", "request_id"],
                rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
                datefmt="%Y-%m-%dT%H:%M:%S%z",
                json_ensure_ascii=False,
            )
        )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
