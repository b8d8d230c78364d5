"""The pages: the Folium map shell, the plain pages and the assets both point to."""

import sys


def _folium_alone() -> None:
    """Folium without pandas, which it loads for choropleths that nobody draws here: a second of
    every start. Whoever needs pandas later has it."""
    absent = "pandas" not in sys.modules
    if absent:
        sys.modules["pandas"] = None  # type: ignore[assignment]
    try:
        import folium  # noqa: F401, PLC0415
    finally:
        if absent:
            del sys.modules["pandas"]


_folium_alone()
