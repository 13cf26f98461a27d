"""An area of a map service as a scene. Needs geogrounding[stac], which brings the client.

python examples/map_service.py                                     a WMS of the example scene, served by this script
python examples/map_service.py "https://host/{z}/{x}/{y}.jpg" --bbox 12.3 45.4 12.4 45.5 --resolution 1 --query ship
"""

from __future__ import annotations

import argparse
import io
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import geogrounding as gg

EXAMPLE = Path(__file__).parent / "data" / "OSBS_029.tif"
LON_LAT = (-81.99005, 29.69235, -81.98975, 29.69265)
"""Inside the example scene."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("map", nargs="?", help="address of XYZ tiles, or a URI as QGIS shows it")
    parser.add_argument("--bbox", nargs=4, type=float, default=LON_LAT, help="west south east north, degrees")
    parser.add_argument("--resolution", type=float, default=0.1, help="metres of a pixel")
    parser.add_argument("--query", default="tree")
    parser.add_argument("--model", default="builtin")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder, own_wms() as own:
        report = gg.run(
            options.map or own,
            Path(folder) / "found.gpkg",
            options.query,
            model=options.model,
            bbox=tuple(options.bbox),
            bbox_crs="EPSG:4326",
            resolution_m=options.resolution,
            allow_remote=True,
        )
        print(f"{report.features} found on {report.chips} chips")


@contextmanager
def own_wms() -> Iterator[str]:
    """The example scene as a WMS, at an address of this machine; the URI of its layer."""
    import rasterio
    from PIL import Image
    from rasterio.transform import from_bounds
    from rasterio.vrt import WarpedVRT

    class Wms(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = {name.upper(): values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            width, height = int(asked["WIDTH"]), int(asked["HEIGHT"])
            box = [float(value) for value in asked["BBOX"].split(",")]
            grid = {"transform": from_bounds(*box, width, height), "width": width, "height": height}
            with rasterio.open(EXAMPLE) as scene, WarpedVRT(scene, crs=asked["SRS"], add_alpha=True, **grid) as warped:
                pixels = warped.read()
            buffer = io.BytesIO()
            Image.fromarray(pixels.transpose(1, 2, 0)).save(buffer, "PNG")
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.send_header("Content-Length", str(buffer.tell()))
            self.end_headers()
            self.wfile.write(buffer.getvalue())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Wms)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"crs=EPSG:3857&format=image/png&layers=trees&styles=&url=http://127.0.0.1:{server.server_address[1]}/wms"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    main()
