"""Write a report: report.html (self-contained), metrics.json and answers.jsonl.

Names of images, classes and expressions are untrusted: everything is escaped, and the page forbids itself scripts and
connections.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from PIL import Image, ImageDraw

from geogrounding.errors import InputError, OutputError
from geogrounding.evaluation.evaluate import Evaluation
from geogrounding.evaluation.plot import draw_curves
from geogrounding.evaluation.predict import Prediction
from geogrounding.io.atomic import partial_folder, publish

IMAGES = 8
"""Number of worst and of best images shown."""
SIDE_PX = 560
FILES = ("report.html", "metrics.json", "answers.jsonl")
_TRUE, _FOUND = (60, 220, 80), (255, 110, 20)
_QUESTIONS_SHOWN = 12
_STYLE = """
body { font: 15px/1.5 sans-serif; max-width: 1200px; margin: 2em auto; padding: 0 1em; color: #222; }
table { border-collapse: collapse; margin: 1em 0; } td, th { padding: 2px 12px 2px 0; text-align: left; }
td.n { text-align: right; font-variant-numeric: tabular-nums; } tr:nth-child(even) { background: #f4f4f4; }
figure { display: inline-block; vertical-align: top; width: 46%; margin: 1%; } img, svg { max-width: 100%; }
figcaption { font-size: 13px; overflow-wrap: anywhere; } .t { color: #1a9c33; } .f { color: #d9560b; }
svg { max-width: 800px; display: block; }
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuse a place that the report could not be written to, before the work and not after it.

    Raises:
        OutputError: it is a file, its parent is missing, or it holds a report that may not be replaced.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file", hint="Give a folder for the report.")
    if not folder.exists() and not folder.absolute().parent.is_dir():
        raise OutputError(f"the folder of the report is missing: {folder.absolute().parent}", hint="Make it first.")
    taken = [name for name in FILES if (folder / name).exists()]
    if taken and not overwrite:
        raise OutputError(f"{folder / taken[0]} exists", hint="Give --overwrite, or another folder.")


def write_report(evaluation: Evaluation, folder: Path, *, overwrite: bool = False) -> None:
    """Write the three files, all or none.

    Raises:
        OutputError: they cannot be written.
    """
    check_folder(folder, overwrite=overwrite)
    try:
        folder.mkdir(exist_ok=True)
        with partial_folder(folder / FILES[0]) as partial:
            with (partial / FILES[0]).open("w", encoding="utf-8", errors="backslashreplace") as page:
                page.writelines(_page(evaluation))
            (partial / FILES[1]).write_text(json.dumps(evaluation.metrics, indent=2) + "\n", encoding="utf-8")
            with (partial / FILES[2]).open("w", encoding="utf-8") as answers:
                answers.writelines(json.dumps(record) + "\n" for record in records(evaluation))
            publish([(partial / name, folder / name) for name in FILES])
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"the report cannot be written to {folder}: {error.strerror or error}") from error


def records(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    """Question, ground truth and answer of each sample, in plain values."""
    for prediction, quality in zip(evaluation.predictions, evaluation.quality, strict=True):
        sample = prediction.sample
        yield {
            "id": sample.id,
            "image": sample.image.name,
            "window_px": sample.window_px,
            "expression": sample.expression,
            "category": sample.category,
            "true_boxes_px": np.round(sample.boxes_px, 2).tolist(),
            "boxes_px": np.round(prediction.kept.boxes_px, 2).tolist(),
            "scores": [None if np.isnan(score) else round(float(score), 4) for score in prediction.kept.scores],
            "quality": round(quality, 4),
            "failure": prediction.failure,
        }


def _page(evaluation: Evaluation) -> Iterator[str]:
    metrics = evaluation.metrics
    title = f"{metrics['task']}: {metrics['model']}"
    yield f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><style>{_STYLE}</style></head><body>'
    yield f"<h1>{escape(title)}</h1>"
    yield f"<p>{_summary(evaluation)}</p>"
    rows = []
    for name, value in metrics.items():
        if name == "per_class" or name.endswith("_ci"):
            continue
        interval = metrics.get(f"{name}_ci")
        between = "" if interval is None else f"{_number(interval[0])} to {_number(interval[1])}"
        rows.append((name, _number(value), between))
    yield _table(("metric", "value", "95% interval over images"), rows)
    if metrics["per_class"]:
        names = list(next(iter(metrics["per_class"].values())))
        yield "<h2>By class</h2>"
        yield _table(
            ("class", *names),
            [(kind, *(_number(own[n]) for n in names)) for kind, own in metrics["per_class"].items()],
        )
    yield f"<h2>{escape(evaluation.curves.title)}</h2>{draw_curves(evaluation.curves)}"
    worst, best = _extremes(evaluation)
    legend = '<p><b class="t">green</b>: true. <b class="f">orange</b>: answered.</p>'
    for heading, some in (("Worst images", worst), ("Best images", best)):
        yield f"<h2>{heading}</h2>{legend}"
        for group in some:
            yield _image_with_answers(group)
    yield "</body></html>\n"


def _summary(evaluation: Evaluation) -> str:
    metrics = evaluation.metrics
    words = f"{metrics['questions']} questions about {metrics['pictures']} images, {metrics['chips']} chips."
    if metrics["failed"]:
        words += f" {metrics['failed']} images were not wholly answered; they count as answered by what was found."
    if metrics.get("masks") == "boxes":
        words += " The model answers with boxes, which count as masks."
    return escape(words)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["<tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>"]
    for first, *rest in rows:
        cells = "".join(f'<td class="n">{escape(cell)}</td>' for cell in rest)
        lines.append(f"<tr><td>{escape(first)}</td>{cells}</tr>")
    return "<table>" + "".join(lines) + "</table>"


def _number(value: object) -> str:
    return "-" if value is None else str(value)


_Group = list[tuple[Prediction, float]]


def _extremes(evaluation: Evaluation) -> tuple[list[_Group], list[_Group]]:
    """The images with the lowest and the highest mean quality; none in both lists."""
    groups: dict[Any, _Group] = {}
    for prediction, quality in zip(evaluation.predictions, evaluation.quality, strict=True):
        groups.setdefault(prediction.image, []).append((prediction, quality))
    ranked = sorted(groups.values(), key=lambda group: float(np.mean([quality for _, quality in group])))
    worst = ranked[: min(IMAGES, (len(ranked) + 1) // 2)]
    return worst, ranked[len(worst) :][-IMAGES:][::-1]


def _image_with_answers(group: _Group) -> str:
    sample = group[0][0].sample
    captions = [f"<b>{escape(sample.image.name)}</b>"]
    for prediction, quality in group[:_QUESTIONS_SHOWN]:
        failure = f" ({escape(prediction.failure)})" if prediction.failure else ""
        captions.append(f"{escape(prediction.sample.expression)}: {quality:.2f}{failure}")
    if len(group) > _QUESTIONS_SHOWN:
        captions.append(f"and {len(group) - _QUESTIONS_SHOWN} more")
    try:
        image = f'<img alt="" src="data:image/jpeg;base64,{_drawn(group)}">'
    except (InputError, OSError) as error:
        image = f"<p>The image cannot be shown: {escape(str(error))}</p>"
    return f"<figure>{image}<figcaption>{'<br>'.join(captions)}</figcaption></figure>"


def _drawn(group: _Group) -> str:
    """The image with all true and answered boxes, as base64 of a JPEG."""
    sample = group[0][0].sample
    image = Image.fromarray(sample.pixels())
    factor = min(1.0, SIDE_PX / max(image.size))
    image = image.resize((max(1, round(image.width * factor)), max(1, round(image.height * factor))))
    draw = ImageDraw.Draw(image)
    for prediction, _ in group:
        for polygon in prediction.sample.polygons_px:
            for part in shapely.get_parts(polygon):
                if isinstance(part, shapely.Polygon) and not part.is_empty:
                    draw.line([(x * factor, y * factor) for x, y, *_ in part.exterior.coords], fill=_TRUE, width=2)
        for boxes, colour, grow in ((prediction.sample.boxes_px, _TRUE, 0), (prediction.kept.boxes_px, _FOUND, 1)):
            for x0, y0, x1, y1 in (boxes * factor).tolist():
                draw.rectangle((x0 - grow, y0 - grow, max(x1, x0) + grow, max(y1, y0) + grow), outline=colour, width=2)
    data = io.BytesIO()
    image.save(data, "JPEG", quality=80)
    return base64.b64encode(data.getvalue()).decode("ascii")


def metrics_table(metrics: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The metrics that a person looks at first: (name, value, interval)."""
    rows = []
    for name, value in metrics.items():
        if f"{name}_ci" in metrics or name in ("n", "n_none", "pictures", "failed"):
            interval = metrics.get(f"{name}_ci")
            rows.append((name, _number(value), "" if interval is None else f"{interval[0]} to {interval[1]}"))
    return rows
