"""Errors as RFC 9457 problem documents; pages get the same words as a page."""

import errno
import logging
import secrets
from urllib.parse import quote

import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse

from mapsvc.api.service import service
from mapsvc.errors import BadInput, DiskFull, Forbidden, MapsvcError, NotSignedIn, Owing
from mapsvc.maps.shell import csp

log = logging.getLogger(__name__)

_OURS_TO_MEND = 500
"""From here on the answer names the request's number, by which the log tells what happened."""

_HTTP_WORDS = {
    404: ("not_found", "没有这个地址，请检查网址。"),
    405: ("method_not_allowed", "这个地址不支持该操作。"),
    413: ("too_large", "请求内容过大。"),
}
_FAULTS = {
    "missing": "缺少参数",
    "int_parsing": "应为整数",
    "float_parsing": "应为数字",
    "finite_number": "应为有限的数字",
    "greater_than_equal": "过小",
    "less_than_equal": "过大",
    "greater_than": "过小",
    "string_too_long": "过长",
    "string_too_short": "过短",
    "literal_error": "不在可选值之内",
    "datetime_parsing": "不是可识别的时间（如 2026-11-22T08:00:00+08:00）",
    "datetime_from_date_parsing": "不是可识别的时间（如 2026-11-22T08:00:00+08:00）",
    "json_invalid": "不是有效的 JSON",
    "extra_forbidden": "不认识的参数",
}


def install(app: FastAPI) -> None:
    app.add_exception_handler(MapsvcError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(psycopg.DataError, _data)
    app.add_exception_handler(OSError, _disk)
    app.add_exception_handler(psycopg.errors.InsufficientPrivilege, _walled)
    app.add_exception_handler(Exception, _unforeseen)


def _answer(request: Request, error: MapsvcError, status: int | None = None) -> Response:
    code = status or error.status
    number = request.state.request_id if code >= _OURS_TO_MEND else ""
    if _wants_page(request):
        return _page(request, error, code, number)
    body = error.problem() | {"status": code}
    if number:
        body["request_id"] = number
    wait = error.extra.get("retry_after")
    headers = {"Retry-After": str(wait)} if wait else None
    return JSONResponse(body, code, headers, media_type="application/problem+json")


def _wants_page(request: Request) -> bool:
    path = request.url.path
    if path.startswith(("/api/", "/tiles/", "/static/")):
        return False
    return "text/html" in request.headers.get("accept", "")


def _page(request: Request, error: MapsvcError, status: int, number: str) -> Response:
    if isinstance(error, NotSignedIn):
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(back, safe='/')}", 303)
    if isinstance(error, Owing):
        return RedirectResponse("/me", 303)
    known = service(request)
    nonce = secrets.token_urlsafe(16)
    html = known.pages.render(
        "error.html",
        nonce,
        demo=False,
        status=status,
        title=error.title,
        detail=error.detail,
        number=number,
    )
    headers = {"Content-Security-Policy": csp(nonce, known.settings)}
    return Response(html, status, headers, media_type="text/html")


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, MapsvcError)
    return _answer(request, error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = []
    for fault in error.errors()[:10]:
        where = ".".join(str(p) for p in fault["loc"] if p not in ("query", "body", "path"))
        limit = next(
            (str(v) for k, v in fault.get("ctx", {}).items() if k in ("ge", "le", "gt")), ""
        )
        reason = _FAULTS.get(fault["type"], "写法有误") + (f"（界限 {limit}）" if limit else "")
        faults.append(f"{where or '请求'}：{reason}")
    return _answer(request, BadInput("；".join(faults) + "。请改正后重试。", code="bad_parameter"))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if _no_space(error.__cause__):  # a form that comes in goes through a scratch file
        return _answer(request, DiskFull())
    code, detail = _HTTP_WORDS.get(error.status_code, ("http_error", "请求无法处理。"))
    title = "没有找到" if error.status_code == 404 else "请求无法处理"
    wrapped = BadInput(detail, code=code)
    answer = _answer(request, wrapped, error.status_code)
    if isinstance(answer, JSONResponse):
        body = wrapped.problem() | {"status": error.status_code, "title": title}
        return JSONResponse(
            body, error.status_code, error.headers, media_type="application/problem+json"
        )
    return answer


async def _data(request: Request, error: Exception) -> Response:
    log.warning("value refused by the database: %s", type(error).__name__)
    return _answer(
        request, BadInput("有数据库无法接受的值（如空字符 NUL 或过大的数）。请改正后重试。")
    )


def _no_space(error: BaseException | None) -> bool:
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full:
        log.error("no space left on the disk of the service")
    return full


async def _disk(request: Request, error: Exception) -> Response:
    if _no_space(error):
        return _answer(request, DiskFull())
    raise error


async def _walled(request: Request, error: Exception) -> Response:
    # Somebody came past the service's own guards: that is a fault of ours, and it went no further.
    log.error("the database stopped what the service let through: %s", error)
    return _answer(request, Forbidden("您没有这项权限，或对象不在您的辖区，没有任何改动。"))


async def _unforeseen(request: Request, _: Exception) -> Response:
    # The server tells the log where it came from.
    return _answer(
        request,
        MapsvcError("系统出现未预料的错误，操作未完成。请重试；若再次出现，请联系系统管理员。"),
    )
