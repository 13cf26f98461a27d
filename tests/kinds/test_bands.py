"""What bands show: names, colour interpretations that contradict them, alpha that is near infrared, min-is-white."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp

from geogrounding.raster.bands import Band, choose_colours, role_of, wavelength_in
from geogrounding.raster.scene import Scene
from tests.kinds.doors import command, go, polygons
from tests.rasters import NORTH_UP, write

BLOBS = ((20, 30, 40, 50), (60, 10, 70, 30), (70, 70, 90, 80))
SENTINEL_2 = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B11", "B12")


def bands(names: tuple[str, ...], colours: tuple[str, ...] = (), nm: tuple[float, ...] = ()) -> list[Band]:
    return [
        Band(
            name=name,
            colour=colours[i] if colours else "undefined",
            wavelength_nm=nm[i] if nm else None,
        )
        for i, name in enumerate(names)
    ]


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (("blue", "green", "red", "nir"), (3, 2, 1)),
        (("B2", "B3", "B4"), (3, 2, 1)),
        (("B02", "B03", "B04", "B08"), (3, 2, 1)),
        (("B4", "B3", "B2"), (1, 2, 3)),
        (("Band 1 (Blue)", "Band 2 (Green)", "Band 3 (Red)", "Band 4 (NIR)"), (3, 2, 1)),
        (("Band 1 (Red)", "Band 2 (Green)", "Band 3 (Blue)"), (1, 2, 3)),
        (("R", "G", "B", "N"), (1, 2, 3)),
        (("BAND_B", "BAND_G", "BAND_R", "BAND_N"), (3, 2, 1)),
        (SENTINEL_2, (4, 3, 2)),
        (("SR_B1", "SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7"), (4, 3, 2)),
        (("SR_B1", "SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B7"), (3, 2, 1)),
        (("sur_refl_b01", "sur_refl_b02", "sur_refl_b03", "sur_refl_b04"), (1, 4, 3)),
        (("coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir"), (6, 4, 2)),
        (("Near Infrared", "Red Edge", "Red", "Green", "Blue"), (3, 4, 5)),
        (("rot", "grün", "blau"), (1, 2, 3)),
        (("bleu", "vert", "rouge"), (3, 2, 1)),
        (("450-515 nm", "525-600 nm", "630-680 nm", "845-885 nm"), (3, 2, 1)),
        (("0.48 um", "0.56 um", "0.66 um"), (3, 2, 1)),
    ],
)
def test_names_decide_where_colours_are_silent(names: tuple[str, ...], chosen: tuple[int, ...]) -> None:
    assert choose_colours(bands(names)).bands == chosen


@pytest.mark.parametrize("names", [("blue", "green", "red", "nir"), ("B2", "B3", "B4", "B8")])
def test_names_win_over_the_colours_that_gdal_gives_every_8_bit_file(names: tuple[str, ...]) -> None:
    chosen = choose_colours(bands(names, ("red", "green", "blue", "alpha")))
    assert chosen.bands == (3, 2, 1)
    assert "-b" in chosen.notices[0]


@pytest.mark.parametrize(
    ("names", "colours", "reason"),
    [
        (("Band 1", "Band 2", "Band 3", "Band 4"), ("red", "green", "blue", "undefined"), "colour interpretation"),
        (("Band_1", "Band_2", "Band_3"), (), "order"),
        (("B1", "B2", "B3"), (), "order"),
        (("nir", "red", "green"), (), "order"),  # colour infrared, shown as it is meant
        (("", "", ""), ("blue", "green", "red"), "colour interpretation"),
    ],
)
def test_names_that_say_nothing_are_not_used(names: tuple[str, ...], colours: tuple[str, ...], reason: str) -> None:
    chosen = choose_colours(bands(names, colours))
    assert chosen.reason == reason
    assert chosen.bands == ((3, 2, 1) if colours[:1] == ("blue",) else (1, 2, 3))


def test_wavelengths_decide_where_names_are_silent() -> None:
    nm = (412.0, 443.0, 490.0, 555.0, 660.0, 745.0, 865.0)
    chosen = choose_colours(bands(("",) * 7, nm=nm))
    assert chosen.bands == (5, 4, 3)
    assert wavelength_in("Band 665.2 Nanometers") == pytest.approx(665.2)


def test_a_platform_settles_what_numbers_leave_open() -> None:
    names = bands(("B1", "B2", "B3", "B4"))
    assert choose_colours(names, platform="LANDSAT_5").bands == (3, 2, 1)
    assert choose_colours(names, platform="Sentinel-2A").bands == (4, 3, 2)


@pytest.mark.parametrize("name", ["Infrared", "infra-red", "Near-Infrared (NIR)", "Red Edge 1", "redemption"])
def test_red_inside_another_word_is_not_red(name: str) -> None:
    assert role_of(name) != "red"


def named(tmp_path: Path, names: tuple[str, ...], dtype: str, scale: float) -> Path:
    """Noise with a square that is light in the third band alone."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(300, 600, (len(names), 100, 100)) * scale
    pixels[2, 30:60, 30:60] += 3000 * scale
    path = write(tmp_path / "scene.tif", pixels.astype(dtype))
    with rasterio.open(path, "r+") as file:
        file.descriptions = names
    return path


@pytest.mark.parametrize(
    ("names", "dtype", "scale"),
    [(("blue", "green", "red", "nir"), "uint16", 1.0), (("B2", "B3", "B4"), "float32", 1e-4)],
)
def test_a_red_roof_is_red(tmp_path: Path, names: tuple[str, ...], dtype: str, scale: float) -> None:
    with Scene.open(named(tmp_path, names, dtype, scale)) as scene:
        rgb, _ = scene.read()
    red, green, blue = rgb[45, 45]
    assert red > 200
    assert max(green, blue) < 240
    assert rgb[30:60, 30:60, 0].mean() > 2 * rgb[30:60, 30:60, 2].mean() * 0.75


def rgbn(tmp_path: Path, nir: int = 0, *, names: tuple[str, ...] | None = None) -> Path:
    """Bright blobs, and a fourth band that GDAL takes for alpha: 0 over water, 140 over a strip of land."""
    pixels = np.full((4, 100, 100), 50, np.uint8)
    for x0, y0, x1, y1 in BLOBS:
        pixels[:3, y0:y1, x0:x1] = 255
    pixels[3] = nir
    pixels[3, :, :10] = 140
    path = write(tmp_path / "rgbn.tif", pixels)
    with rasterio.open(path, "r+") as file:
        assert file.colorinterp[3] == ColorInterp.alpha
        if names is not None:
            file.descriptions = names
    return path


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"bands": (1, 2, 3)}, None),
        ({"alpha": 0}, None),
        ({}, ("red", "green", "blue", "nir")),
        ({}, ("B4", "B3", "B2", "B8")),
    ],
)
def test_near_infrared_hides_nothing(tmp_path: Path, options: dict[str, Any], names: tuple[str, ...] | None) -> None:
    go(rgbn(tmp_path, names=names), tmp_path / "out.gpkg", **options)
    assert len(polygons(tmp_path / "out.gpkg")) == len(BLOBS)


def test_what_hides_most_of_a_scene_is_named(tmp_path: Path) -> None:
    path = rgbn(tmp_path)
    report = go(path, tmp_path / "out.gpkg")
    assert any("90%" in notice and "--alpha none" in notice for notice in report.notices)
    side_car = json.loads((tmp_path / "out.gpkg.run.json").read_text())
    assert side_car["result"]["notices"] == list(report.notices)
    shown = command("info", path).output
    assert "alpha band 4 90%" in shown
    assert "--alpha none" in shown
    run = command("run", path, "x", "-o", tmp_path / "null.gpkg", "--model", "null")
    assert run.exit_code == 0
    assert "--alpha none" in run.stderr


def test_alpha_of_many_values_is_named(tmp_path: Path) -> None:
    path = rgbn(tmp_path)
    with rasterio.open(path, "r+") as file:
        file.write(np.random.default_rng(0).integers(1, 250, (100, 100)).astype(np.uint8), 4)
    assert "--alpha none" in command("info", path).output


def test_alpha_by_wish_hides_with_chosen_bands(tmp_path: Path) -> None:
    pixels = np.full((4, 100, 100), 255, np.uint8)
    pixels[3, :, 50:] = 0
    path = write(tmp_path / "scene.tif", pixels)
    for alpha, share in ((None, 1.0), (4, 0.5), (0, 1.0)):
        with Scene.open(path, bands=(1, 2, 3), alpha=alpha) as scene:
            assert scene.read()[1].mean() == share
    assert command("info", path, "--alpha", "5").exit_code == 2
    assert command("info", path, "--alpha", "none").exit_code == 0


def test_a_mosaic_with_transparent_corners_stays_quiet(tmp_path: Path) -> None:
    pixels = np.full((4, 100, 100), 90, np.uint8)
    pixels[3] = 255
    pixels[3, :20] = 0
    path = write(tmp_path / "scene.tif", pixels)
    assert json.loads(command("info", path, "--json").output)["notices"] == []


@pytest.mark.parametrize("hidden", ["mask", "nodata"])
def test_masks_and_nodata_that_hide_most_are_named(tmp_path: Path, hidden: str) -> None:
    pixels = np.full((3, 100, 100), 90, np.uint8)
    mask = np.full((100, 100), 255, np.uint8)
    if hidden == "mask":
        mask[:80] = 0
        path = write(tmp_path / "scene.tif", pixels, mask=mask, env={"GDAL_TIFF_INTERNAL_MASK": True})
    else:
        pixels[:, :80] = 0
        path = write(tmp_path / "scene.tif", pixels, nodata=0)
    (notice,) = json.loads(command("info", path, "--json").output)["notices"]
    assert "80%" in notice
    assert hidden in notice


@pytest.mark.parametrize(
    ("dtype", "options"), [("uint8", {}), ("uint16", {}), ("uint8", {"nbits": 4}), ("uint8", {"nbits": 1})]
)
@pytest.mark.parametrize("stretch", ["auto", "none", "minmax", "percentile:1,99", "0,255"])
def test_what_is_light_looks_light(tmp_path: Path, dtype: str, options: dict[str, Any], stretch: str) -> None:
    """In a min-is-white raster 0 is white paper and the highest value black ink."""
    top = 2 ** options.get("nbits", 8) - 1
    pixels = np.full((1, 64, 64), top, dtype)
    pixels[:, 10:30, 10:30] = 0
    if top < 255 and stretch in ("none", "0,255"):
        pytest.skip("values of few bits do not fill 8 bits without a stretch")
    path = write(tmp_path / "scan.tif", pixels, photometric="MINISWHITE", transform=NORTH_UP, **options)
    with Scene.open(path) as scene:
        from geogrounding.raster.stretch import compute_stretch

        rgb, _ = scene.read(stretch=compute_stretch(scene, stretch))
    assert rgb[20, 20].min() > 200
    assert rgb[50, 50].max() < 50


def test_cmyk_is_shown_as_colours(tmp_path: Path) -> None:
    pixels = np.zeros((4, 64, 64), np.uint8)
    pixels[1:3, 10:30, 10:30] = 255  # magenta and yellow ink: red
    path = write(tmp_path / "print.tif", pixels, photometric="CMYK", interleave="pixel")
    with Scene.open(path) as scene:
        rgb, _ = scene.read()
    assert rgb[50, 50].min() > 200
    assert rgb[20, 20, 0] > 200
    assert rgb[20, 20, 1:].max() < 60
