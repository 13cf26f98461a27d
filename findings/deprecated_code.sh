#!/usr/bin/env bash
# A GeoTIFF with a deprecated EPSG code is opened with the code that replaced it, also where that one has other parameters.
# A pixel of EPSG:5572 (Pulkovo 1942 / CS63 zone X) moves by some thousand kilometres; OSR_USE_NON_DEPRECATED=NO keeps it.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env" >/dev/null
"$folder/env/bin/python" -m pip install --quiet rasterio==1.4.4 numpy==2.3.5 pyproj==3.7.2
cat > "$folder/look.py" <<'PY'
import sys
import numpy as np, rasterio
from pyproj import Geod, Transformer
from rasterio.transform import from_origin

path, mode = sys.argv[1:]
if mode == "write":
    with rasterio.open(path, "w", driver="GTiff", width=9, height=9, count=1, dtype="uint8", crs="EPSG:5572",
                       transform=from_origin(9500000, 5400000, 1, 1)) as file:
        file.write(np.ones((1, 9, 9), "uint8"))
    sys.exit()
with rasterio.open(path) as file:
    code = file.crs.to_epsg()
lonlat = Transformer.from_crs(f"EPSG:{code}", 4326, always_xy=True).transform(9500000, 5400000)
print("rasterio", rasterio.__version__, "GDAL", rasterio.__gdal_version__, "read as", f"EPSG:{code}", "at", np.round(lonlat, 2))
sys.exit(0 if (code == 5572) == (mode == "kept") else 1)
PY
OSR_USE_NON_DEPRECATED=NO "$folder/env/bin/python" "$folder/look.py" "$folder/old.tif" write
"$folder/env/bin/python" "$folder/look.py" "$folder/old.tif" replaced
OSR_USE_NON_DEPRECATED=NO "$folder/env/bin/python" "$folder/look.py" "$folder/old.tif" kept
