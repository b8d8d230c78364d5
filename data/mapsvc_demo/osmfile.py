"""The road network as an OpenStreetMap file."""

from pathlib import Path

import osmium

from .model import County


def write_roads(county: County, path: Path) -> None:
    """Write the county's roads and waterways; the suffix (.osm, .osm.pbf, .osm.gz) sets the form.

    An existing file is replaced. Raises ValueError when the county was made without roads.
    """
    roads = county.roads
    if roads is None:
        raise ValueError("the county was made without roads")
    path.unlink(missing_ok=True)
    writer = osmium.SimpleWriter(str(path))
    try:
        for number, place in sorted(roads.nodes.items()):
            writer.add_node(osmium.osm.mutable.Node(id=number, version=1, location=place))
        for way in sorted(roads.ways, key=lambda w: w.id):
            writer.add_way(
                osmium.osm.mutable.Way(
                    id=way.id, version=1, nodes=list(way.nodes), tags=dict(way.tags)
                )
            )
    finally:
        writer.close()
