"""The doors that everybody waits at, in front of FastAPI's own.

FastAPI's way through matching, dependencies and parameters takes as long here as half of what the
database needs. What is read and answered is described by the routes of the same addresses behind
these, which stand in the API description; rights and rules are the same functions.
"""

import re
from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.routing import Match, Route
from starlette.types import Scope

Model = TypeVar("Model", bound=BaseModel)
Door = Callable[[Request], Awaitable[Response]]


class _Route(Route):
    """Says which route it is, as FastAPI's do: requests are counted by it."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        return match, {**found, "route": self} if match == Match.FULL else found


def install(app: FastAPI, method: str, path: str, door: Door) -> None:
    """To be called before the routers are included."""
    route = _Route(path, door, methods=[method], include_in_schema=False)
    route.methods = {method}  # no HEAD beside GET: FastAPI has none either
    # Known by the name of the route behind it: walls may use it by that, and it is counted by it.
    route.path = re.sub(r":\w+}", "}", path)
    app.router.routes.append(route)


def parameters(request: Request) -> dict[str, str]:
    """The query's parameters; of one given twice the last."""
    query = request.scope["query_string"].decode("latin-1")
    return dict(parse_qsl(query, keep_blank_values=True))


def checked(model: type[Model], given: dict[str, str]) -> Model:
    """The parameters as the model has them, or RequestValidationError."""
    try:
        return model.model_validate(given)
    except ValidationError as wrong:
        raise RequestValidationError(wrong.errors()) from None


async def sent(model: type[Model], request: Request) -> Model:
    """The JSON that was sent as the model has it, or RequestValidationError."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and "+json" in kind):
        fault = {"type": "json_type", "loc": ("body",), "msg": "", "input": None}
        raise RequestValidationError([fault])
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as wrong:
        raise RequestValidationError(wrong.errors()) from None
