#!/usr/bin/env bash
# GDAL gives an 8-bit GeoTIFF of four bands the colours red, green, blue and alpha when it is created without PHOTOMETRIC,
# also where the bands are then described as blue, green, red and nir. dataset_mask() and gdalwarp take near infrared for
# opacity: water, where it is 0, counts as "no data".
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env" >/dev/null
"$folder/env/bin/python" -m pip install --quiet rasterio==1.4.4 numpy==2.3.5
"$folder/env/bin/python" - "$folder" <<'PY'
import sys
import numpy as np, rasterio
from rasterio.transform import from_origin

path = sys.argv[1] + "/bgrn.tif"
pixels = np.full((4, 10, 10), 60, "uint8")
pixels[3, :, :9] = 0  # near infrared over water
with rasterio.open(path, "w", driver="GTiff", width=10, height=10, count=4, dtype="uint8", crs="EPSG:32633",
                   transform=from_origin(500000, 4600000, 1, 1)) as file:
    file.write(pixels)
    file.descriptions = ("blue", "green", "red", "nir")
with rasterio.open(path) as file:
    colours = [colour.name for colour in file.colorinterp]
    hidden = float((file.dataset_mask() == 0).mean())
    print("rasterio", rasterio.__version__, "GDAL", rasterio.__gdal_version__)
    print("descriptions", file.descriptions)
    print("colour interpretation", colours)
    print(f"hidden by the mask: {hidden:.0%}")
sys.exit(0 if colours == ["red", "green", "blue", "alpha"] and hidden == 0.9 else 1)
PY
