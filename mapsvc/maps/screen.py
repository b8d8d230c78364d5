"""The wall: a Folium shell of one large map and one small one a layer, and never a figure in it."""

from branca.element import MacroElement
from folium.template import Template

from mapsvc.catalog import Catalog
from mapsvc.maps.assets import Assets
from mapsvc.maps.shell import BrowserLayer, Chart, Page, literal

_EARLY = ("/api/map", "/api/layers", "/api/symbols")


def render_screen(catalog: Catalog, *, nonce: str, asset: Assets) -> str:
    """The HTML of `/screen`; like the map page it carries layer ids and addresses, no data."""
    code = (*asset.needs("screen.js"), asset("screen.js"))
    page = Page(nonce, kind="screen-page", title="一网四图 · 大屏", early=_EARLY, module=code)
    large = Chart(asset, bundle="screen", scripts=False)
    page.add_child(large)
    features = {layer.id: BrowserLayer("features", layer.id) for layer in catalog}
    for layer in features.values():
        large.add_child(layer)
    small = {layer.id: _small(page, layer.id, asset) for layer in catalog}
    page.add_child(_Raise(large, features, small, asset))
    return page.render()


def _small(page: Page, layer_id: str, asset: Assets) -> tuple[Chart, BrowserLayer]:
    chart = Chart(asset, bundle="screen", scale=False, scripts=False)
    page.add_child(chart)
    features = BrowserLayer("features", layer_id)
    chart.add_child(features)
    return chart, features


class _Raise(MacroElement):
    """Hands the maps and their layers to our browser code."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        mapsvc.raise({
            map: {{ this.large.get_name() }},
            features: {
                {%- for id, layer in this.features.items() %}
                {{ id }}: {{ layer.get_name() }},
                {%- endfor %}
            },
            small: {
                {%- for id, (chart, layer) in this.small.items() %}
                {{ id }}: [{{ chart.get_name() }}, {{ layer.get_name() }}],
                {%- endfor %}
            },
            charts: {{ this.charts }},
            darken: {{ this.darken }},
        });
        {% endmacro %}
        """
    )

    def __init__(
        self,
        large: Chart,
        features: dict[str, BrowserLayer],
        small: dict[str, tuple[Chart, BrowserLayer]],
        asset: Assets,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "Raise"
        self.large = large
        self.features = features
        self.small = small
        self.charts = literal(asset("charts.js"))
        self.darken = literal(asset("darken.js"))
