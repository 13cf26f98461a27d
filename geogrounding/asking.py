"""Questions about a scene or a vector layer: a sentence, a number, and the features behind them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from geogrounding.errors import IncompleteError, InputError, OutputError, SettingsError
from geogrounding.execution.layer_query import Layer, LayerWorld, nouns_of, read_contexts, read_layer
from geogrounding.execution.model_plan import plan_by_model
from geogrounding.execution.scene import RasterSource, settings_of
from geogrounding.io.atomic import partial_folder, publish
from geogrounding.io.destination import Destination
from geogrounding.models.base import Writer
from geogrounding.packaged import PACKAGED, default_model
from geogrounding.query.answer import Answered, answer_plan, json_values
from geogrounding.query.contradictions import check_unit
from geogrounding.query.plan import QueryPlan
from geogrounding.query.read import read_query
from geogrounding.settings import RunOptions

if TYPE_CHECKING:
    import geopandas as gpd

    from geogrounding.execution.executor import ModelSource, SegmenterSource
    from geogrounding.execution.report import Progress, RunReport

VECTOR_ENDINGS = frozenset(
    {".gpkg", ".geojson", ".json", ".geojsonl", ".geojsons", ".ndjson", ".fgb", ".shp", ".parquet", ".kml", ".gml"}
)
"""Files that are vector layers by their name; everything else is opened as a raster."""
_DRIVERS = {".gpkg": "GPKG", ".geojson": "GeoJSON", ".geojsonl": "GeoJSONSeq", ".fgb": "FlatGeobuf"}
LON_LAT = "EPSG:4326"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to a question."""

    answer: str
    """One sentence; it begins with yes or no where that was asked."""
    value: float | int | bool | None
    """The number in it: a count, a length, an area, a share; True or False; None where there is no answer."""
    unit: str | None
    """Of the value: m, m2, the unit asked for, %, degrees; None of counts and of yes and no."""
    features: tuple[Any, ...]
    """Ids of the features behind the answer: the field ``id`` of a layer, else numbers from 1."""
    plan: QueryPlan
    steps: tuple[Mapping[str, Any], ...]
    """What was found, and what each step left over: ``step`` in words, ``count``."""
    unknown: tuple[str, ...]
    """Unknown words; what they stand for was not searched."""
    layer: gpd.GeoDataFrame
    """The features with what was measured of them."""
    report: RunReport | None = None
    """Of a raster: what the run did."""

    def json_values(self) -> dict[str, Any]:
        """What ``geoground ask --json`` writes."""
        return {
            "answer": self.answer, "value": self.value, "unit": self.unit, "features": list(self.features),
            "plan": self.plan.plain_values(), "steps": [dict(step) for step in self.steps],
            "unknown": list(self.unknown),
        }  # fmt: skip


def is_vector(source: object) -> bool:
    """Whether a source is the path of a vector layer, by its name."""
    return isinstance(source, str | os.PathLike) and Path(source).suffix.lower() in VECTOR_ENDINGS


def plan_query(query: str | QueryPlan, *, names: tuple[str, ...] = (), model: ModelSource | None = None) -> QueryPlan:
    """Take a query apart; a plan is returned as it is.

    Args:
        query: in English; the grammar is in docs/questions.md.
        names: nouns besides those of the lexicon: names of context layers, classes of a model.
        model: a language model that plans what the grammar cannot read; it is loaded only then. A model that writes no
            text, such as the built-in one, changes nothing.

    Raises:
        SettingsError: the query contradicts itself, a unit does not fit or is missing, a distance is negative.
    """
    if isinstance(query, QueryPlan):
        return query
    if not query.strip():
        raise SettingsError("the query is empty", hint='Write what is asked, such as "how many ships are there?"')
    plan = read_query(query, names)
    if not plan.unread or model is None or (isinstance(model, str) and model in PACKAGED):
        return plan
    from geogrounding.execution.executor import open_model

    with open_model(model) as writer:
        made = plan_by_model(query, writer, names) if isinstance(writer, Writer) else None
    return plan if made is None else made


def ask(  # noqa: PLR0913 - keyword-only options of the public function
    source: RasterSource,
    query: str | QueryPlan,
    *,
    context: Mapping[str, str | Path] | None = None,
    label_field: str | None = None,
    model: ModelSource | None = None,
    segmenter: SegmenterSource = "builtin",
    output: Path | None = None,
    overwrite: bool = False,
    allow_failed: bool = False,
    journal: Path | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    **options: Unpack[RunOptions],
) -> Reply:
    """Answer a question about a raster, or about a vector layer (which needs neither raster nor model).

    Args:
        source: a raster as for ``ground``, or the path of a vector layer.
        query: a question in English, or its plan.
        context: vector layers by the names that the question uses for them.
        label_field: of a vector layer: the column that says what each row is; None takes ``label`` where there is one.
        model: a name for ``load_model``, a loaded model, or a function that loads it; None: what ``GEOGROUND_MODEL``
            names, or "builtin". Of a vector layer it is asked only to plan what the grammar cannot read.
        segmenter: of a raster: the same for ``load_segmenter``; draws what colours and shapes are measured in.
        output: a layer to write the features behind the answer to.
        overwrite: replace an existing layer.
        allow_failed: of a raster: answer even when chips failed.
        journal: of a raster: record of finished chips, which stays when the question is cut off; None keeps none.
        resume: go on with an existing journal.
        on_progress: of a raster: called after each batch of chips.
        options: of a raster: fields of ``RunSettings``.

    Raises:
        SettingsError: the question contradicts itself, or cannot be measured here.
        IncompleteError: chips failed and ``allow_failed`` is not set.
        GeogroundingError: see ``geogrounding.errors``.
    """
    model = default_model() if model is None else model
    contexts = {name: Path(path) for name, path in (context or {}).items()}
    if is_vector(source):
        if options:
            raise SettingsError(f"a vector layer takes no option {next(iter(options))}", hint="These are for rasters.")
        return _ask_layer(Path(str(source)), query, contexts, label_field, output, overwrite, model)
    if label_field is not None:
        raise SettingsError("a raster has no label field", hint="Leave --label-field out, or give a vector layer.")
    settings, opened = settings_of(source, ("?",), **options)
    plan = plan_query(query, names=nouns_of(None, read_contexts(contexts)))
    asked = plan.query.strip() or "?"
    settings = replace(settings, expressions=(asked,), contexts=contexts, plans={asked: plan.json_text()})

    from geogrounding.io.write_layer import check_output, to_geodataframe
    from geogrounding.pipeline import walk_scene, write_result

    if output is not None:
        check_output(output, overwrite)
    with (
        tempfile.TemporaryDirectory(prefix="geogrounding-") as folder,
        walk_scene(
            settings,
            model,
            Path(folder) / "run.journal" if journal is None else journal,
            segmenter=segmenter,
            opened=opened,
            resume=resume,
            overwrite=overwrite,
            on_progress=on_progress,
            plan_again=not isinstance(query, QueryPlan),
        ) as walk,
    ):
        if not walk.report.complete and not allow_failed:
            chip, reason = walk.report.failed_chips[0]
            raise IncompleteError(
                f"{len(walk.report.failed_chips)} of {walk.report.chips} chips failed; the first, {chip}: {reason}",
                hint="--allow-failed (allow_failed=True) answers from what was seen.",
            )
        if output is not None:
            write_result(walk, Destination(path=output, overwrite=overwrite))
        layer = to_geodataframe(walk.collection, walk.scene.crs)
        reply = _reply(walk.collection.answers[asked], tuple(int(i) for i in layer["id"]), layer, walk.report)
        walk.journal.remove()  # reasoning of features was read from it
        return reply


def _reply(answered: Answered, features: tuple[Any, ...], layer: Any, report: RunReport | None) -> Reply:
    values = json_values(answered, list(features))
    return Reply(
        answer=answered.answer, value=values["value"], unit=answered.unit, features=features, plan=answered.plan,
        steps=answered.steps, unknown=answered.unknown, layer=layer, report=report,
    )  # fmt: skip


def _ask_layer(
    path: Path,
    query: str | QueryPlan,
    contexts: Mapping[str, Path],
    label_field: str | None,
    output: Path | None,
    overwrite: bool,
    model: ModelSource,
) -> Reply:
    if not path.exists():
        raise InputError(f"no such file: {path}", hint="Give a raster or a vector layer.")
    if output is not None:
        _check_output(output, overwrite)
    layer = read_layer(path, label_field=label_field)
    others = read_contexts(contexts)
    plan = plan_query(query, names=nouns_of(layer, others), model=model)
    check_unit(plan, metres=True)
    answered = answer_plan(LayerWorld(layer, others).world, plan, where=f"the layer {layer.name}")
    rows = [_rows(layer, selection.things.ids[selection.chosen]) for selection in answered.selections]
    frame = _frame(layer, answered, rows)
    if output is not None:
        _write(frame, output)
    features = tuple(layer.ids[row] for some in rows for row in some)
    return _reply(answered, features, frame, None)


def _rows(layer: Layer, ids: np.ndarray) -> list[int]:
    """Rows of the layer itself among things, which may also be of a context layer."""
    return [int(i) for i in ids if 0 <= i < len(layer.ids)]


def _frame(layer: Layer, answered: Answered, rows: list[list[int]]) -> gpd.GeoDataFrame:
    """The rows behind the answer, with what was measured and why they were chosen."""
    import pandas as pd

    parts = []
    for selection, reason, some in zip(answered.selections, answered.reasons, rows, strict=True):
        frame = layer.frame.iloc[some].copy()
        at = np.flatnonzero(np.isin(selection.things.ids, some))
        for name, values in selection.measured.items():
            frame[_free(name, frame)] = np.round(values[at], 3) if len(at) == len(some) else np.nan
        frame[_free("reasoning", frame)] = reason
        parts.append(frame)
    return parts[0] if len(parts) == 1 else pd.concat(parts)


def _free(name: str, frame: Any) -> str:
    """A name of a column that the layer does not have yet."""
    while name in frame.columns:
        name += "_asked"
    return name


def _check_output(output: Path, overwrite: bool) -> None:
    if output.suffix.lower() not in (*_DRIVERS, ".parquet"):
        raise OutputError(
            f"{output.name}: the extension {output.suffix!r} is not a known vector format",
            hint=f"End the name in one of {', '.join((*_DRIVERS, '.parquet'))}.",
        )
    if not output.absolute().parent.is_dir():
        raise OutputError(f"the folder {output.absolute().parent} does not exist", hint="Create it first.")
    if output.exists() and not overwrite:
        raise OutputError(f"{output} exists already", hint="Give --overwrite, or another name.")


def _write(frame: gpd.GeoDataFrame, output: Path) -> None:
    ending = output.suffix.lower()
    if ending.startswith(".geojson"):
        frame = frame.to_crs(LON_LAT)
        numbers = frame.select_dtypes("number")  # text has no types: readers would make an empty column one of text
        frame = frame.drop(columns=[name for name in numbers if numbers[name].isna().all()])
    try:
        with partial_folder(output.absolute()) as folder:
            made = folder / f"layer{ending}"
            if ending == ".parquet":
                frame.to_parquet(made)
            else:
                if ending == ".gpkg" and "fid" in frame.columns:
                    frame = frame.drop(columns="fid")
                frame.to_file(made, driver=_DRIVERS[ending], engine="pyogrio")
            publish([(made, output.absolute())])
    except (OSError, RuntimeError, ValueError) as error:
        raise OutputError(
            f"cannot write {output}: {error}", hint="Check the folder and the room on the disk."
        ) from error
