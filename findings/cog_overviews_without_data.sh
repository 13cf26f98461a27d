#!/usr/bin/env bash
# The COG driver resamples overviews with CUBIC by default. A pixel of an overview is then nodata as soon as some pixels
# under the kernel are: a scene with 8 rows of data and 4 rows of nodata in turn (a striped sensor) loses all its data in the
# overviews, while OVERVIEW_RESAMPLING=AVERAGE keeps it.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env" >/dev/null
"$folder/env/bin/python" -m pip install --quiet rasterio==1.4.4 numpy==2.3.5
"$folder/env/bin/python" - "$folder" <<'PY'
import sys
import numpy as np, rasterio, rasterio.shutil
from rasterio.transform import from_origin

folder, side = sys.argv[1], 2048
pixels = np.full((1, side, side), 90, "uint8")
pixels[:, np.arange(side) % 12 >= 8] = 0
with rasterio.open(f"{folder}/striped.tif", "w", driver="GTiff", width=side, height=side, count=1, dtype="uint8", nodata=0,
                   crs="EPSG:32633", transform=from_origin(500000, 4600000, 1, 1), tiled=True) as file:
    file.write(pixels)
shares = {}
for name, options in (("default", {}), ("AVERAGE", {"OVERVIEW_RESAMPLING": "AVERAGE"})):
    rasterio.shutil.copy(f"{folder}/striped.tif", f"{folder}/cog.tif", driver="COG", BLOCKSIZE=128, **options)
    with rasterio.open(f"{folder}/cog.tif", overview_level=2) as coarse:
        shares[name] = float((coarse.dataset_mask() > 0).mean())
print("rasterio", rasterio.__version__, "GDAL", rasterio.__gdal_version__)
print("full resolution holds data in 67% of the pixels; the overview 1 : 8 in",
      ", ".join(f"{share:.0%} ({name})" for name, share in shares.items()))
sys.exit(0 if shares["default"] < 0.5 and shares["AVERAGE"] > 0.99 else 1)
PY
