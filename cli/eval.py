"""``geoground eval``: how good a model is on labelled images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from geogrounding.errors import IncompleteError, OutputError, SettingsError
from geogrounding.types import DataFormat, OnError, Task

from . import build
from . import options as opt
from .terminal import count, duration, say, table, to_json

if TYPE_CHECKING:
    from geogrounding.datasets.sample import Samples
    from geogrounding.evaluation import Evaluation

PROBLEMS_SHOWN = 5
"""Labels that cannot be used, and images that failed, that are named on the terminal."""
PER_CLASS_SHOWN = 40

DATA = opt.together(
    opt.option(
        "--data",
        required=True,
        type=click.Path(path_type=Path),
        section="Data",
        metavar="FILE|FOLDER",
        help="Labels: a COCO file, VRSBench, DIOR-RSVG or RRSIS-D XML, EarthReason, JSONL of Geo-R1, ms-swift or TRL.",
    ),
    opt.folder_option(
        "--images",
        section="Data",
        help="Folder of the images. Default: beside the labels.",
    ),
    opt.option(
        "--format",
        "data_format",
        type=click.Choice(get_args(DataFormat)),
        default="auto",
        show_default=True,
        section="Data",
        help="Format of the labels. auto goes by their content.",
    ),
    opt.option(
        "--split",
        section="Data",
        metavar="NAME",
        help="Part of a folder of labels that holds several, such as test.",
    ),
    opt.option(
        "--on-error",
        type=click.Choice(get_args(OnError)),
        default="skip",
        show_default=True,
        section="Data",
        help="Labels that cannot be used are left out and named, or end the command.",
    ),
    opt.option(
        "--negatives",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        section="Data",
        metavar="N",
        help="Also ask about so many classes that an image does not show (COCO, labels of all classes).",
    ),
    opt.option(
        "--limit",
        type=click.IntRange(min=1),
        section="Data",
        metavar="N",
        help="Only so many images, drawn by --seed.",
    ),
)


@click.command(cls=opt.Command)
@DATA
@opt.option(
    "--task",
    type=click.Choice(get_args(Task)),
    section="Question",
    help="refer: the one target of an expression. detect: all boxes. segment: masks, of --segmenter. "
    "Default: what the labels hold; a COCO file is for detect.",
)
@opt.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    section="Question",
    metavar="SCORE",
    help="Boxes that score less do not count; average precision looks at all of them. Default: what suits the model.",
)
@opt.MODEL
@opt.GRID
@opt.OUTLINES
@opt.file_option(
    "--json",
    "json_file",
    section="Result",
    help="Write the metrics as one JSON object.",
)
@opt.folder_option(
    "--report",
    section="Result",
    help="Write report.html with tables, a curve, the worst and best images; metrics.json; answers.jsonl.",
)
@opt.option("--overwrite", is_flag=True, section="Result", help="Replace existing results.")
@opt.option(
    "--resamples",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    section="Result",
    metavar="N",
    help="How often images are drawn again for the 95% intervals; 0 for none.",
)
@opt.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, section="Result", help="Of all draws.")
@opt.ALLOW_FAILED
@opt.QUIET
@opt.VERBOSE
def command(data: Path, json_file: Path | None, report: Path | None, **options: Any) -> None:
    """Measure a model on labelled images, each answered as `geoground run` would answer it.

    A COCO file alone is enough: the expressions are then the class names, and refer takes the classes that stand once
    in an image. The table goes to standard output; every metric has a 95% interval over images.

    \b
    Examples:
      geoground eval --data test.json --images img/
      geoground eval --data test.json --images img/ --task refer --model runs/b --json m.json
      geoground eval --data EarthReason --split val --task segment --segmenter facebook/sam2.1-hiera-large
      geoground eval --data test.json --negatives 3 --limit 50 --report report/
      geoground eval --data VRSBench_EVAL_referring.json --images img/ --model ./Geo-R1 --device cuda
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    quiet, allow_failed, overwrite = (options.pop(name) for name in ("quiet", "allow_failed", "overwrite"))
    _check_json(json_file, overwrite=overwrite)
    names = ("tile_size", "overlap", "resolution_m", "scales", "outline", "simplify_m")
    settings = {name: value for name in names if (value := options.pop(name)) is not None}
    segmenter = build.segmenter_loader(options)
    load = build.model_loader(options)

    from geogrounding.settings import RunSettings

    # The grid is checked before anything is read: a wrong option must not cost a model's loading.
    RunSettings(
        source="",
        expressions=("any",),
        min_score=options["min_score"],
        pixel_coordinates=True,
        **{"task": options["task"] or "segment", **settings},
    )
    if settings.get("outline", "mask") not in ("mask", "regular", "oriented"):
        raise SettingsError(
            f"the outline {settings['outline']} has no mask to measure", hint="Choose mask, regular or oriented."
        )

    from geogrounding.evaluation import evaluate
    from geogrounding.evaluation.report import check_folder, write_report

    if report is not None:
        check_folder(report, overwrite=overwrite)
    samples = _read(data, options, quiet=quiet)
    masks = any(sample.task == "segment" for sample in samples.samples)
    with (
        closing(load()) as model,
        closing(segmenter()) if masks else nullcontext() as drawn,
        _progress(quiet=quiet) as on_image,
    ):
        found = evaluate(
            model,
            samples.samples,
            segmenter=drawn,
            min_score=options["min_score"],
            limit=options["limit"],
            seed=options["seed"],
            resamples=options["resamples"],
            settings=settings,
            on_image=on_image,
        )
    if json_file is not None:
        _write_json(found.metrics, json_file, overwrite=overwrite)
    if report is not None:
        write_report(found, report, overwrite=overwrite)
    if not quiet:
        _show(found, report, json_file)
    _check_failures(found, allow_failed=allow_failed)


def _read(data: Path, options: dict[str, Any], *, quiet: bool) -> Samples:
    from geogrounding.datasets.read import read_samples

    samples = read_samples(
        data,
        options["images"],
        format=options["data_format"],
        task=options["task"],
        with_negatives=options["negatives"],
        split=options["split"],
        on_error=options["on_error"],
    )
    if samples.problems and not quiet:
        for problem in samples.problems[:PROBLEMS_SHOWN]:
            say(f"Left out: {problem.origin}: {problem.reason}")
        if len(samples.problems) > PROBLEMS_SHOWN:
            say(f"... and {len(samples.problems) - PROBLEMS_SHOWN} more; --on-error refuse ends at the first")
    return samples


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on a terminal; elsewhere a line at each tenth of the way."""
    import sys

    if quiet:
        yield None
    elif not sys.stderr.isatty():

        def line(done: int, total: int) -> None:
            if done * 10 // total > (done - 1) * 10 // total:
                say(f"{done} of {count(total, 'image')}")

        yield line
    else:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("images"), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)


def _show(found: Evaluation, report: Path | None, json_file: Path | None) -> None:
    from geogrounding.evaluation.report import metrics_table

    metrics = found.metrics
    click.echo(table([("METRIC", "VALUE", "95% INTERVAL"), *metrics_table(metrics)]))
    per_class = metrics["per_class"]
    if per_class:
        names = list(next(iter(per_class.values())))
        rows = [("CLASS", *(name.upper() for name in names))]
        for kind, own in list(per_class.items())[:PER_CLASS_SHOWN]:
            rows.append((kind, *("-" if own[name] is None else str(own[name]) for name in names)))
        click.echo()
        click.echo(table(rows))
        if len(per_class) > PER_CLASS_SHOWN:
            click.echo(f"... and {len(per_class) - PER_CLASS_SHOWN} more classes, all in --json")
    say(
        f"{count(metrics['questions'], 'question')} about {count(metrics['pictures'], 'image')}, "
        f"{count(metrics['chips'], 'chip')}; {duration(metrics['seconds'])}"
    )
    if metrics.get("masks") == "boxes":
        say("The model answers with boxes; they count as masks.")
    if json_file is not None:
        say(f"Metrics: {json_file}")
    if report is not None:
        say(f"Report: {report / 'report.html'}")


def _check_failures(found: Evaluation, *, allow_failed: bool) -> None:
    failures = found.failures
    for image, reason in failures[:PROBLEMS_SHOWN]:
        say(f"Image {image}: {reason}")
    if len(failures) > PROBLEMS_SHOWN:
        say(f"... and {len(failures) - PROBLEMS_SHOWN} more")
    if failures and not allow_failed:
        raise IncompleteError(
            f"{count(len(failures), 'image')} could not be wholly answered; the metrics count what was found",
            hint="--allow-failed accepts the metrics as they are.",
        )


def _check_json(path: Path | None, *, overwrite: bool) -> None:
    """Refuse a file that could not be written, before the work and not after it."""
    if path is None:
        return
    if not path.absolute().parent.is_dir():
        raise OutputError(f"the folder of {path} is missing", hint="Make it first.")
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists", hint="Give --overwrite, or another name.")


def _write_json(metrics: Mapping[str, Any], path: Path, *, overwrite: bool) -> None:
    from geogrounding.io.atomic import partial_folder, publish

    _check_json(path, overwrite=overwrite)
    try:
        with partial_folder(path) as partial:
            (partial / "metrics.json").write_text(to_json(metrics, indent=2) + "\n", encoding="utf-8")
            publish([(partial / "metrics.json", path)])
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
