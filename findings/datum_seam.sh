#!/usr/bin/env bash
# PROJ chooses among the operations between two CRSs point by point, by their areas of use. Where two areas meet,
# Transformer.from_crs tears what it transforms: two points of NAD27 / UTM zone 18N, 2 m apart near 43.41 N, come out 20 m
# apart in WGS 84. area_of_interest does not help; one transformer of a TransformerGroup does.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env" >/dev/null
"$folder/env/bin/python" -m pip install --quiet pyproj==3.7.2 numpy==2.3.5
PROJ_NETWORK=OFF "$folder/env/bin/python" -W ignore - <<'PY'
import sys
import pyproj
from pyproj.aoi import AreaOfInterest
from pyproj.transformer import Transformer, TransformerGroup

area = AreaOfInterest(-74.6, 43.3, -74.4, 43.5)
ways = {
    "from_crs": Transformer.from_crs(26718, 4326, always_xy=True),
    "from_crs with area_of_interest": Transformer.from_crs(26718, 4326, always_xy=True, area_of_interest=area),
    "TransformerGroup(...).transformers[0]": TransformerGroup(26718, 4326, always_xy=True, area_of_interest=area).transformers[0],
}
print("pyproj", pyproj.__version__, "PROJ", pyproj.proj_version_str)
geod, apart = pyproj.Geod(ellps="WGS84"), {}
for name, way in ways.items():
    # The largest step between points 2 m apart on a line of 400 m to the north.
    lon, lat = way.transform([540473.0] * 200, [4806112.0 + 2 * i for i in range(200)])
    apart[name] = max(geod.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])[2])
    print(f"{name}: points 2 m apart come out at most {apart[name]:.2f} m apart")
one = apart.pop("TransformerGroup(...).transformers[0]")
sys.exit(0 if all(step > 10 for step in apart.values()) and abs(one - 2) < 0.01 else 1)
PY
