"""Asynchronous work for tests that are not asynchronous themselves."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Its result. A thread has no event loop yet, whichever test's browser still runs one here."""
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, work).result()
