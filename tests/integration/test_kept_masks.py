"""Masks kept beside a result: drawn again, they give what a run with those settings gives."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import shapely
from affine import Affine

import geogrounding as gg
from geogrounding.errors import InputError, OutputError, SettingsError
from geogrounding.io.write_layer import to_geodataframe
from geogrounding.pipeline import run
from tests.blobs import UTM
from tests.integration.test_outlines import ColourModel, ColourSegmenter, write_colours

GRIDS = {
    "utm": (UTM, "EPSG:32633"),
    "degrees at 66 north, rotated": (Affine(1e-5, 3e-6, 25.0, 1e-6, -4e-6, 66.0), "EPSG:4326"),
}


def ground(scene: Path, **options: Any) -> Any:
    return gg.ground(str(scene), "things", model=ColourModel(), segmenter=ColourSegmenter(), **options)


@pytest.fixture(params=sorted(GRIDS))
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """A scene and the masks of a run over it."""
    scene = write_colours(tmp_path / "colours.tif", *GRIDS[request.param])
    settings = gg.RunSettings(source=str(scene), expressions=("things",), outline="mask", simplify_m=5.0)
    masks = tmp_path / "out.masks"
    run(settings, tmp_path / "out.gpkg", model=ColourModel(), segmenter=ColourSegmenter(), masks=masks)
    return scene, masks


@pytest.mark.parametrize(
    "options",
    [
        {"outline": "mask"},
        {"outline": "mask", "simplify_m": 0.0},
        {"outline": "regular", "simplify_m": 1.5},
        {"outline": "oriented"},
        {"outline": "box"},
        {"outline": "point"},
    ],
)
def test_drawn_again_is_what_a_run_draws(kept: tuple[Path, Path], options: dict[str, Any]) -> None:
    scene, file = kept
    masks = gg.open_masks(file)
    again = to_geodataframe(masks.redraw(**options), masks.crs)
    whole = ground(scene, **options)
    assert again.drop(columns="geometry").equals(whole.drop(columns="geometry"))
    assert again.crs == whole.crs
    assert shapely.equals_exact(again.geometry.values, whole.geometry.values).all()


def test_some_features_are_drawn_alone(kept: tuple[Path, Path]) -> None:
    masks = gg.open_masks(kept[1])
    every = {feature.id: feature for feature in masks.redraw("regular")}
    assert len(every) > 4
    assert list(masks.redraw("regular", ids=[4, 2, 999])) == [every[2], every[4]]
    assert list(masks.redraw(ids=())) == []


def test_how_well_right_angles_must_fit_can_be_chosen(kept: tuple[Path, Path]) -> None:
    masks = gg.open_masks(kept[1])
    kinds = {fit: [f.outline for f in masks.redraw("regular", least_fit=fit)] for fit in (0.0, 0.9, 1.0)}
    regular = {fit: kind.count("regular") for fit, kind in kinds.items()}
    assert regular[1.0] < regular[0.9] <= regular[0.0] == len(kinds[0.0])
    wrong: tuple[dict[str, Any], ...] = ({"least_fit": 1.1}, {"simplify_m": -1.0}, {"simplify_m": float("nan")})
    for options in wrong:
        with pytest.raises(SettingsError):
            list(masks.redraw("regular", **options))


def test_what_a_query_measured_is_kept(tmp_path: Path) -> None:
    scene = write_colours(tmp_path / "colours.tif")
    settings = gg.RunSettings(source=str(scene), expressions=("the largest thing",), outline="mask", whole_scene=True)
    masks = tmp_path / "out.masks"
    run(settings, tmp_path / "out.gpkg", model=ColourModel(), segmenter=ColourSegmenter(), masks=masks)
    whole = ground_one(scene)
    (again,) = gg.open_masks(masks).redraw("mask")
    assert again.measures == whole.measures
    assert again.measures
    assert again.reasoning == whole.reasoning


def ground_one(scene: Path) -> gg.Feature:
    (feature,) = gg.stream(
        str(scene),
        "the largest thing",
        model=ColourModel(),
        segmenter=ColourSegmenter(),
        outline="mask",
        whole_scene=True,
    )
    return feature


def test_a_run_without_masks_has_none_to_keep(tmp_path: Path) -> None:
    scene = write_colours(tmp_path / "colours.tif")
    settings = gg.RunSettings(source=str(scene), expressions=("things",))
    with pytest.raises(SettingsError, match="no masks to keep"):
        run(settings, tmp_path / "out.gpkg", model=ColourModel(), masks=tmp_path / "out.masks")
    assert not (tmp_path / "out.gpkg").exists()
    outlined = gg.RunSettings(source=str(scene), expressions=("things",), outline="mask")
    with pytest.raises(OutputError):
        run(
            outlined,
            tmp_path / "out.gpkg",
            model=ColourModel(),
            segmenter=ColourSegmenter(),
            masks=tmp_path / "no" / "out.masks",
        )


def test_a_damaged_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    scene = write_colours(tmp_path / "colours.tif")
    settings = gg.RunSettings(source=str(scene), expressions=("things",), outline="mask")
    good = tmp_path / "good.masks"
    run(settings, tmp_path / "out.gpkg", model=ColourModel(), segmenter=ColourSegmenter(), masks=good)
    lines = gzip.decompress(good.read_bytes()).splitlines(keepends=True)
    header, first = (json.loads(line) for line in lines[:2])

    def wkb(shape: shapely.Geometry) -> str:
        return base64.b64encode(shapely.to_wkb(shape)).decode()

    def packed(*values: Any) -> bytes:
        return gzip.compress(b"".join(json.dumps(value).encode() + b"\n" for value in values))

    cases = {
        "nothing": b"",
        "text": b"id,geometry\n",
        "cut": good.read_bytes()[:-40],
        "half a line": gzip.compress(b"".join(lines)[:-5]),
        "layer": packed({"type": "FeatureCollection"}),
        "flat grid": packed({**header, "transform": [0, 0, 0, 0, 0, 0]}),
        "no crs": packed({**header, "crs": "nowhere"}),
        "not finite": packed(header, {**first, "box": [0, 0, 1e999, 1]}),
        "backwards": packed(header, {**first, "box": [9, 9, 1, 1], "mask": None}),
        "no pixel": packed(header, {**first, "pixel": 0}),
        "no mask": packed(header, {**first, "mask": "AAAA"}),
        "point": packed(header, {**first, "mask": wkb(shapely.Point(0, 0))}),
        "flat": packed(header, {**first, "mask": wkb(shapely.Polygon([(0, 0), (1, 1), (2, 2)]))}),
        "unknown": packed(header, {**first, "more": 1}),
    }
    for name, data in cases.items():
        file = tmp_path / f"{name}.masks"
        file.write_bytes(data)
        with pytest.raises(InputError, match="does not hold the masks") as caught:
            list(gg.open_masks(file).redraw("regular"))
        assert str(caught.value), name
    with pytest.raises(InputError, match="cannot read"):
        gg.open_masks(tmp_path / "missing.masks")
