"""The map page as one file: the shell, with code, styles and data inside instead of addresses."""

from pathlib import Path

from mapsvc.catalog import Catalog
from mapsvc.errors import BrokenSetup
from mapsvc.maps.assets import BUILD, Assets
from mapsvc.maps.shell import render_alone
from mapsvc.settings import Settings

DATA_ID = "mapsvc-data"
# The page may run what is in it and fetch nothing at all.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline';"
    " img-src data: blob:; base-uri 'none'; form-action 'none'"
)
_LINK = "offline-file:"
# In JSON these stand only inside strings, where an escape means the same.
_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def page(catalog: Catalog, settings: Settings, data: str, folder: Path = BUILD) -> str:
    """The whole file; `data` is JSON, `folder` the bundled browser files."""
    # Pictures of other hosts are out of reach there.
    own = settings.model_copy(update={"tianditu_key": None, "basemap_url": None})
    shell = render_alone(catalog, own, asset=lambda n: _LINK + n)
    data = data.translate(_ESCAPES)
    inside = {
        f'<script src="{_LINK}offline.js"></script>': (
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
            f'<script type="application/json" id="{DATA_ID}">{data}</script>\n'
            f"<script>{_script(_read(folder, 'offline.js'))}</script>"
        ),
        f'<link rel="stylesheet" href="{_LINK}offline.css"/>': (
            f"<style>{_read(folder, 'offline.css')}</style>"
        ),
    }
    for link, content in inside.items():
        before, found, after = shell.partition(link)
        if not found:
            raise BrokenSetup("离线地图的页面结构与预期不符，请联系开发人员。")
        shell = before + content + after
    return shell


def _script(code: str) -> str:
    """Code inside a page: what would end the element is written another way in strings."""
    return code.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _read(folder: Path, name: str) -> str:
    file = folder / Assets(folder, prefix="")(name)
    return file.read_text("utf-8")
