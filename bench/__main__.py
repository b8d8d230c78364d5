"""`make bench`: quote the ratios, not the milliseconds."""

import sys

from bench import ingest, live, map_page, nearest, pages, roads, soak, tiles

SIZES = (10_000, 100_000, 1_000_000)

if __name__ == "__main__":
    sizes = tuple(int(a) for a in sys.argv[1:]) or SIZES
    for count in sizes:
        nearest.run(count)
        if count <= ingest.MOST:
            ingest.run(count)
    roads.run()
    roads.growth()
    live.run()
    tiles.run()
    soak.run()
    map_page.run((1_000, *sizes))
    pages.run((1_000, *sizes))
