"""The map page: a Folium shell that carries layer ids and addresses, never data.

Branca renders whatever an element holds as a template of its own, once more, on the server. So
nothing stored may reach it: only layer ids and settings do, and those as `JSON.parse("…")` in
which every character that a template or an HTML parser could read is escaped.
"""

import json
from collections.abc import Callable
from typing import Any

import folium
from branca.element import Figure, MacroElement
from folium.map import Layer
from folium.template import Template

from mapsvc.catalog import Catalog
from mapsvc.maps.assets import Assets
from mapsvc.maps.basemaps import BaseMap, Tiles, base_maps, picture_hosts
from mapsvc.settings import Settings

_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&'{}%#"}


def literal(value: Any) -> str:
    """A JavaScript expression for a JSON value, safe inside a script, twice templated."""
    # The outer dump makes a JavaScript string of the inner one, so \uXXXX reads the same in both.
    return f"JSON.parse({json.dumps(json.dumps(value)).translate(_ESCAPES)})"


def csp(nonce: str, settings: Settings) -> str:
    """The Content-Security-Policy of every page; base map pictures are all it lets in."""
    pictures = " ".join(["'self'", "data:", "blob:", *picture_hosts(settings)])
    return "; ".join(
        [
            "default-src 'self'",
            f"script-src 'self' 'nonce-{nonce}'",
            f"style-src 'self' 'nonce-{nonce}'",
            f"img-src {pictures}",
            "connect-src 'self'",
            "font-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        ]
    )


_EARLY = ("/api/map", "/api/layers", "/api/symbols")


def render_map(catalog: Catalog, settings: Settings, *, nonce: str, asset: Assets) -> str:
    """The HTML of `/map`; its size depends on the number of layers and on nothing else."""
    page = Page(nonce, early=_EARLY, module=(*asset.needs("map.js"), asset("map.js")))
    chart = Chart(asset, bundle="map", scripts=False)
    return _filled(page, chart, catalog, settings)


def render_alone(catalog: Catalog, settings: Settings, *, asset: Callable[[str], str]) -> str:
    """The same page with one plain script, to be put into one file."""
    return _filled(Page(""), Chart(asset, bundle="offline"), catalog, settings)


def render_sheet(
    catalog: Catalog, settings: Settings, *, nonce: str, asset: Callable[[str], str]
) -> str:
    """The HTML of `/sheet`: the same map and layers, for one sheet of paper."""
    early = (*_EARLY, "/api/session", "/api/roads")
    page = Page(nonce, kind="sheet-page", title="打印", early=early)
    chart = Chart(asset, bundle="sheet", scale=False)
    return _filled(page, chart, catalog, settings)


def _filled(page: "Page", chart: "Chart", catalog: Catalog, settings: Settings) -> str:
    page.add_child(chart)
    bases = base_maps(settings)
    pictures = {base.id: [_draw(chart, base, tiles) for tiles in _tiles(base)] for base in bases}
    features = {layer.id: BrowserLayer("features", layer.id) for layer in catalog}
    for layer in features.values():
        chart.add_child(layer)
    chart.add_child(_Start(bases, pictures, features))
    return page.render()


class Page(Figure):
    """Folium's page with a nonce on its script and our own head.

    `kind` is its body's class; `early` are addresses that its code will ask for, asked at once;
    `module` is the file of its code, after those that it imports.
    """

    _template = Template(
        "<!DOCTYPE html>\n"
        '<html lang="zh-CN">\n<head>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        "<title>{{ this.title_text }}</title>\n"
        "{% for address in this.needs %}"
        '<link rel="modulepreload" href="{{ address }}">\n'
        "{% endfor %}"
        "{% if this.module %}"
        '<script type="module" src="{{ this.module }}"></script>\n'
        "{% endif %}"
        "{% for address in this.early %}"
        '<link rel="preload" href="{{ address }}" as="fetch" crossorigin="anonymous">\n'
        "{% endfor %}"
        "{{ this.header.render(**kwargs) }}\n</head>\n"
        '<body class="{{ this.kind }}">\n{{ this.html.render(**kwargs) }}\n'
        "<noscript>本页需要启用 JavaScript。</noscript>\n"
        # After the code's own file: modules run in the order in which they stand.
        '<script{% if this.module %} type="module"{% endif %} nonce="{{ this.nonce }}">\n'
        "{{ this.script.render(**kwargs) }}\n</script>\n"
        "</body>\n</html>\n"
    )

    def __init__(
        self,
        nonce: str,
        *,
        kind: str = "map-page",
        title: str = "一张图",
        early: tuple[str, ...] = (),
        module: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.nonce = nonce
        self.kind = kind
        self.title_text = title
        self.early = early
        self.needs = module[:-1]
        self.module = module[-1] if module else None


class Chart(folium.Map):
    """Folium's map; Leaflet and all our code come from our own host.

    `scripts`: whether the map itself names the file; else its page does.
    """

    _template = Template(
        """
        {% macro html(this, kwargs) %}
        <div id="{{ this.get_name() }}" class="map" tabindex="0" aria-label="地图"></div>
        {% endmacro %}
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = L.map("{{ this.get_name() }}", {{ this.options|tojavascript }});
        {%- if this.control_scale %}
        L.control.scale({imperial: false, maxWidth: 120, position: "bottomright"})
            .addTo({{ this.get_name() }});
        {%- endif %}
        {% endmacro %}
        """
    )

    def __init__(
        self,
        asset: Callable[[str], str],
        *,
        bundle: str,
        scale: bool = True,
        scripts: bool = True,
    ) -> None:
        # No view is set here: the browser knows the county's bounds and the address's hash.
        super().__init__(
            tiles=None,
            control_scale=scale,
            zoom_control=False,
            attribution_control=False,
            min_zoom=3,
            max_zoom=18,
            zoom_snap=0.5,
            # Every picture of a fading tile is a picture of the whole page.
            fade_animation=False,
        )
        del self.options["zoom"]
        self.default_js = [(f"{bundle}_js", asset(f"{bundle}.js"))] if scripts else []
        self.default_css = [(f"{bundle}_css", asset(f"{bundle}.css"))]


class BrowserLayer(Layer):
    """A layer that our browser code makes from its id."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = mapsvc.{{ this.maker }}({{ this.argument }});
        {% endmacro %}
        """
    )

    def __init__(self, maker: str, layer_id: str) -> None:
        super().__init__(name=layer_id, overlay=True, control=False, show=False)
        self._name = "BrowserLayer"
        self.maker = maker
        self.argument = literal(layer_id)


class _TileLayer(folium.TileLayer):
    """Folium's tile layer with its settings escaped against the second templating."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = L.tileLayer({{ this.address }}, {{ this.choices }});
        {% endmacro %}
        """
    )

    def __init__(self, tiles: Tiles) -> None:
        # Folium looks its first argument up among the known providers; ours is never one.
        super().__init__(tiles="/{z}/{x}/{y}", attr="-", control=False, show=False)
        self.address = literal(tiles.url)
        self.choices = literal(
            {
                "minZoom": tiles.min_zoom,
                "maxZoom": 18,
                "maxNativeZoom": tiles.max_zoom,
                "subdomains": tiles.subdomains,
            }
        )


class _Start(MacroElement):
    """Hands the map, its base maps and its layers to our browser code."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        mapsvc.start({{ this._parent.get_name() }}, {
            baseMaps: {{ this.bases }},
            pictures: {
                {%- for id, layers in this.pictures.items() %}
                {{ id }}: [{% for x in layers %}{{ x.get_name() }}, {% endfor %}],
                {%- endfor %}
            },
            features: {
                {%- for id, layer in this.features.items() %}
                {{ id }}: {{ layer.get_name() }},
                {%- endfor %}
            },
        });
        {% endmacro %}
        """
    )

    def __init__(
        self,
        bases: list[BaseMap],
        pictures: dict[str, list[Layer]],
        features: dict[str, BrowserLayer],
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "Start"
        self.pictures = pictures
        self.features = features
        self.bases = literal(
            [
                {
                    "id": base.id,
                    "name": base.name,
                    "crs": base.crs,
                    "attribution": " ".join(
                        dict.fromkeys(t.attribution for t in base.layers if t.attribution)
                    ),
                }
                for base in bases
            ]
        )


def _tiles(base: BaseMap) -> tuple[Tiles | None, ...]:
    return (None,) if base.kind == "county" else base.layers


def _draw(chart: Chart, base: BaseMap, tiles: Tiles | None) -> Layer:
    layer = BrowserLayer("county", base.id) if tiles is None else _TileLayer(tiles)
    chart.add_child(layer)
    return layer
