"""``geoground outline``: other outlines for a result, without asking the model again."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from geogrounding.errors import InputError
from geogrounding.messages import quote
from geogrounding.settings import LEAST_FIT
from geogrounding.types import Outline

from . import build
from . import options as opt
from .terminal import count, say

ENDING = ".masks"


@click.command(cls=opt.Command)
@click.argument(
    "result",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A layer whose masks were kept beside it (run --masks NAME.masks for NAME.gpkg), or the masks themselves.",
)
@opt.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    section="Files",
    metavar="FILE",
    help="The new layer; the ending says the format.",
)
@opt.file_option("--masks", section="Files", metavar="FILE", help="Masks of RESULT, where they have another name.")
@opt.option(
    "--outline",
    type=click.Choice(get_args(Outline)),
    default="regular",
    show_default=True,
    section="Result",
    help="What geometries show; see geoground run.",
)
@opt.SIMPLIFY
@opt.option(
    "--least-fit",
    type=click.FloatRange(0, 1),
    default=LEAST_FIT,
    show_default=True,
    section="Result",
    metavar="IOU",
    help="How well right angles must fit the mask; what fits less keeps its mask.",
)
@opt.option("--dst-crs", section="Result", metavar="CRS", help="CRS of the new layer. Default: that of the scene.")
@opt.option("--layer", section="Result", metavar="NAME", help="Name of the new layer in a GeoPackage.")
@opt.option("--overwrite", is_flag=True, section="Result", help="Replace an existing result.")
@opt.option("--append", is_flag=True, section="Result", help="Add to an existing GeoPackage.")
@opt.CREATION_OPTIONS
@opt.QUIET
@opt.VERBOSE
def command(result: Path, output: Path, masks: Path | None, **options: Any) -> None:
    """Draw the outlines of RESULT again: simpler, finer, with right angles, turned boxes, without asking the model.

    Features that were deleted from the layer stay away (their id decides); attributes are those of the run.

    \b
    Examples:
      geoground run scene.tif building -o b.gpkg --outline mask --masks b.masks
      geoground outline b.gpkg -o footprints.gpkg --outline regular --simplify 0.5
      geoground outline b.masks -o fine.gpkg --outline mask --simplify 0
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    quiet = options.pop("quiet")
    creation = build.key_values(options.pop("creation_options"), "--co")
    file = masks or (result if result.suffix.lower() == ENDING else result.with_suffix(ENDING))
    if not file.is_file():
        raise InputError(
            f"the masks {quote(file)} are not there",
            hint=f"Keep them with: geoground run ... --masks {result.with_suffix(ENDING).name}",
        )

    from geogrounding.execution.kept_masks import open_masks
    from geogrounding.execution.redrawn import write_redrawn

    kept = open_masks(file)
    ids = None if result == file else _ids(result)
    written = write_redrawn(kept, output, ids=ids, creation_options=creation, **options)
    if not quiet:
        if ids is not None and written < len(ids):
            say(f"Note: {file.name} has no masks of {count(len(ids) - written, 'feature')} of {result.name}")
        say(f"{count(written, 'polygon')} -> {output}")


def _ids(result: Path) -> set[int]:
    """The features that a layer still has."""
    from geogrounding.io.read_layer import read_layer

    values = read_layer(result, layer_option="--masks with the masks alone", columns=("id",), what="result")["id"]
    try:
        return {int(value) for value in values}
    except (TypeError, ValueError):
        raise InputError(
            f"the field id of {result.name} holds no numbers", hint="Name the masks in its place."
        ) from None
