"""The base maps a settings file offers: the county's own first, then 天地图, then any XYZ."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from mapsvc.settings import Settings

Crs = Literal["wgs84", "gcj02", "bd09"]

_TIANDITU = (
    "https://t{{s}}.tianditu.gov.cn/{layer}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0"
    "&LAYER={layer}&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles"
    "&TILEMATRIX={{z}}&TILEROW={{y}}&TILECOL={{x}}&tk={key}"
)


@dataclass(frozen=True)
class Tiles:
    """One picture layer of a base map: an XYZ template in web mercator."""

    url: str
    attribution: str
    max_zoom: int
    subdomains: str = "abc"
    min_zoom: int = 0


@dataclass(frozen=True)
class BaseMap:
    """`crs` is the one its pictures are drawn in; points are moved to it when drawn."""

    id: str
    name: str
    crs: Crs
    kind: Literal["county", "xyz"]
    layers: tuple[Tiles, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def base_maps(settings: Settings) -> list[BaseMap]:
    """Every base map on offer; the first is the one shown."""
    found = [BaseMap("county", "县域底图", "wgs84", "county")]
    if settings.tianditu_key:
        key = settings.tianditu_key.get_secret_value()
        found += [
            _tianditu("tianditu_vec", "天地图 街道", ("vec", "cva"), key),
            _tianditu("tianditu_img", "天地图 影像", ("img", "cia"), key),
        ]
    if settings.basemap_url:
        tiles = Tiles(settings.basemap_url, settings.basemap_attribution, settings.basemap_max_zoom)
        name, crs = settings.basemap_name, settings.basemap_crs
        found.append(BaseMap("custom", name, crs, "xyz", (tiles,)))
    return found


def _tianditu(base_id: str, name: str, layers: tuple[str, ...], key: str) -> BaseMap:
    tiles = tuple(
        # 天地图 has no level 0.
        Tiles(_TIANDITU.format(layer=layer, key=key), "天地图", 18, "01234567", min_zoom=1)
        for layer in layers
    )
    return BaseMap(base_id, name, "wgs84", "xyz", tiles)


def picture_hosts(settings: Settings) -> list[str]:
    """`scheme://host[:port]` of every outside host a base map draws from, sorted."""
    return sorted(
        {
            f"{parts.scheme}://{parts.netloc}"
            for base in base_maps(settings)
            for url in _spelled_out(base.layers)
            if (parts := urlsplit(url)).netloc
        }
    )


def _spelled_out(layers: tuple[Tiles, ...]) -> Iterator[str]:
    for tiles in layers:
        for subdomain in tiles.subdomains:
            yield tiles.url.replace("{s}", subdomain)
