"""What the process does, in numbers, for a Prometheus that the county may run.

With several workers each answers for itself what it holds open; requests are summed over all.
"""

import hmac
import os
from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Histogram
from prometheus_client import generate_latest as exposition
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from mapsvc.api.service import Service, identity, service, token_of

router = APIRouter(tags=["运行状态"])

_SHARED = "PROMETHEUS_MULTIPROC_DIR"
_REQUESTS = Histogram(
    "mapsvc_request_seconds",
    "Time from request to the last byte of its answer, by route",
    ("method", "route", "status"),
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def seen(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answered request; `route` is the pattern, `status` the code."""
    _REQUESTS.labels(method, route, str(status)).observe(seconds)


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Prometheus 指标：持 MAPSVC_METRICS_TOKEN 的采集程序，或系统管理员。"""
    known = service(request)
    wanted = known.settings.metrics_token
    given = token_of(request) or ""
    if wanted is None or not hmac.compare_digest(given, wanted.get_secret_value()):
        (await identity(request)).require("manages_accounts")
    return Response(_told(known), media_type=CONTENT_TYPE_LATEST)


def _told(known: Service) -> bytes:
    held = CollectorRegistry()
    held.register(_Held(known))
    if os.environ.get(_SHARED):
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
        return exposition(everybody) + exposition(held)
    return exposition(REGISTRY) + exposition(held)


class _Held(Collector):
    """What is open at this moment."""

    def __init__(self, known: Service) -> None:
        self._known = known

    def collect(self) -> Iterator[GaugeMetricFamily]:
        stats = self._known.pool.get_stats()
        pool = GaugeMetricFamily(
            "mapsvc_pool_connections", "Database connections of the pool", labels=["state"]
        )
        for state in ("pool_max", "pool_size", "pool_available", "requests_waiting"):
            pool.add_metric([state.removeprefix("pool_")], stats.get(state, 0))
        yield pool
        feed = self._known.feed
        yield GaugeMetricFamily("mapsvc_streams", "Open live streams", value=feed.followers)
        yield GaugeMetricFamily(
            "mapsvc_feed_live", "1 while commits are heard of", value=float(feed.live)
        )
