#!/usr/bin/env bash
# shapely.oriented_envelope (minimum_rotated_rectangle) gives a rectangle without area, and no error, for valid polygons
# with one: such as outlines along slanted pixel edges that were scaled or turned, whose corners lie on the lines of their
# convex hull but for the last bits. The first polygon below has an area of 3.45 and an "envelope" of 0; of turned stripes of
# squares about 7 in 1,000 get such a one. The convex hull is right, so trying each of its edges gives the rectangle.
# Seen with shapely 2.2.0 (GEOS 3.14.1).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check shapely==2.2.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
import shapely

wkb = (
    "0103000000010000001D0000008264B7AB5D54E23FACA1BF08EF18F8BF1990B7AB5D54E23FBE7DB13F0FBEF2BF4C29F3E47C70C83FBE7DB13F0FBEF2BF"
    "A7D7F3E47C70C83FA2B346ED5EC6EABF713FF7E47C70C8BFA2B346ED5EC6EABF1591F6E47C70C8BFC86B2A5B9F10E0BF0B6AB8AB5D54E2BFC86B2A5B"
    "9F10E0BF743EB8AB5D54E2BFB58F38247F6BC5BF3A04331E9C8CEEBFB58F38247F6BC5BFA4D8321E9C8CEEBFB58F38247F6BC53F34CF56486D62F5BF"
    "B58F38247F6BC53F077856486D62F5BFACA1BF08EF18F83F482A321E9C8CEEBFACA1BF08EF18F83FDF55321E9C8CEEBFBE7DB13F0FBEF23F1990B7AB"
    "5D54E2BFBE7DB13F0FBEF23FB0BBB7AB5D54E2BFA2B346ED5EC6EA3FA7D7F3E47C70C8BFA2B346ED5EC6EA3F0386F4E47C70C8BFC86B2A5B9F10E03F"
    "1591F6E47C70C83FC86B2A5B9F10E03FBAE2F5E47C70C83FB58F38247F6BC53F743EB8AB5D54E23FB58F38247F6BC53FDE12B8AB5D54E23FB58F3824"
    "7F6BC5BF34CF56486D62F53FB58F38247F6BC5BF69B956486D62F53FC86B2A5B9F10E0BF0DAD321E9C8CEE3FC86B2A5B9F10E0BF7681321E9C8CEE3F"
    "A2B346ED5EC6EABF9DA356486D62F53FA2B346ED5EC6EABF077856486D62F53FACA1BF08EF18F8BF8264B7AB5D54E23FACA1BF08EF18F8BF"
)
polygon = shapely.from_wkb(wkb)
around = shapely.oriented_envelope(polygon)
hull = polygon.convex_hull
print("shapely", shapely.__version__, "GEOS", ".".join(map(str, shapely.geos_version)))
print("polygon: valid", polygon.is_valid, "area", round(polygon.area, 3), "| hull: area", round(hull.area, 3))
print("oriented_envelope:", around.geom_type, "valid", around.is_valid, "area", around.area)

# how often: stripes of squares along a diagonal, turned and scaled
rng = np.random.default_rng(0)
y, x = np.indices((12, 12))
few = 0
for _ in range(3000):
    long, wide, angle = rng.integers(2, 11), rng.integers(1, 5), rng.uniform(0, np.pi)
    cells = np.argwhere((abs(x - y) <= wide) & (x < long) & (y < long + 1))
    stripe = shapely.union_all(shapely.box(*cells.T, *(cells + 1).T))
    turn = rng.uniform(0.1, 3) * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = shapely.transform(stripe, lambda xy: (xy - 5) @ turn.T)
    few += shapely.oriented_envelope(moved).area < 0.999 * moved.convex_hull.area
print("turned stripes whose envelope is smaller than their hull:", few, "of 3000")
same = polygon.is_valid and polygon.area > 3.4 and around.area == 0.0 and few > 0
print("as seen" if same else "CHANGED")
sys.exit(0 if same else 1)
PY
