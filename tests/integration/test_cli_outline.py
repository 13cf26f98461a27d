"""``geoground outline``: a result drawn again from its masks, as a user types it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from click.testing import CliRunner, Result
from geogrounding_cli.main import geoground

import geogrounding as gg
from tests.integration.test_outlines import ColourModel, ColourSegmenter, write_colours


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layer of masks, with ``NAME.masks`` beside it."""
    folder = tmp_path_factory.mktemp("found")
    scene = write_colours(folder / "colours.tif")
    more: dict[str, Any] = {"model": ColourModel(), "segmenter": ColourSegmenter(), "outline": "mask"}
    gg.run(str(scene), folder / "b.gpkg", "things", masks=folder / "b.masks", **more)
    return folder / "b.gpkg"


def outline(*words: Any) -> Result:
    return CliRunner().invoke(geoground, ["outline", *map(str, words)])


@pytest.mark.parametrize(
    ("options", "same"),
    [
        ((), {"outline": "regular"}),
        (("--outline", "mask", "--simplify", "0"), {"outline": "mask", "simplify_m": 0.0}),
        (("--outline", "oriented", "--dst-crs", "EPSG:4326"), {"outline": "oriented"}),
        (("--outline", "point"), {"outline": "point"}),
        (("--outline", "regular", "--least-fit", "1"), {"outline": "regular", "least_fit": 1.0}),
    ],
)
def test_it_writes_what_redraw_gives(
    found: Path, tmp_path: Path, options: tuple[str, ...], same: dict[str, Any]
) -> None:
    new = tmp_path / "new.gpkg"
    result = outline(found, "-o", new, *options)
    assert result.exit_code == 0, result.output
    masks = gg.open_masks(found.with_suffix(".masks"))
    expected = list(masks.redraw(**same))
    layer = gpd.read_file(new)
    assert layer["id"].tolist() == [one.id for one in expected]
    assert layer["outline"].tolist() == [one.outline for one in expected]
    placed = gpd.GeoSeries([one.geometry_crs for one in expected], crs=masks.crs).to_crs(layer.crs)
    tolerance = 1e-6 if "--dst-crs" not in options else 1e-10
    assert shapely.equals_exact(
        shapely.normalize(layer.geometry.values), shapely.normalize(placed.values), tolerance=tolerance
    ).all()
    assert new.with_name("new.gpkg.run.json").is_file() or new.with_name("new.run.json").is_file()


def test_what_was_deleted_from_the_layer_stays_away(found: Path, tmp_path: Path) -> None:
    layer = gpd.read_file(found)
    kept = layer.iloc[::2]
    kept.to_file(tmp_path / "kept.gpkg")
    result = outline(tmp_path / "kept.gpkg", "-o", tmp_path / "o.geojson", "--masks", found.with_suffix(".masks"))
    assert result.exit_code == 0, result.output
    assert gpd.read_file(tmp_path / "o.geojson")["id"].tolist() == kept["id"].tolist()
    # the masks alone give all of them
    assert outline(found.with_suffix(".masks"), "-o", tmp_path / "all.fgb").exit_code == 0
    assert len(gpd.read_file(tmp_path / "all.fgb")) == len(layer)


def test_what_cannot_be_drawn_again_says_what_to_do(found: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.gpkg"
    other.write_bytes(found.read_bytes())
    result = outline(other, "-o", tmp_path / "o.gpkg")
    assert result.exit_code == 3
    assert "geoground run ... --masks other.masks" in result.output
    (tmp_path / "other.masks").write_bytes(b"no masks")
    assert outline(other, "-o", tmp_path / "o.gpkg").exit_code == 3
    assert outline(found, "-o", found).exit_code == 5  # it exists
    assert not (tmp_path / "o.gpkg").exists()


def test_a_run_keeps_masks_only_where_nothing_is_lost(found: Path, tmp_path: Path) -> None:
    scene = str(found.with_name("colours.tif"))

    def refused(*words: str) -> Result:
        return CliRunner().invoke(geoground, ["run", scene, "things", "-o", str(tmp_path / "n.gpkg"), *words])

    assert refused("--masks", str(tmp_path / "n.masks")).exit_code == 2  # boxes have none
    assert refused("--outline", "mask", "--masks", scene).exit_code == 2  # no file of another kind
    assert refused("--outline", "mask", "--masks", str(found.with_suffix(".masks"))).exit_code == 5  # there is one
    assert refused("--outline", "mask", "--append", "--masks", str(tmp_path / "n.masks")).exit_code == 2
    assert not list(tmp_path.glob("n.*"))
