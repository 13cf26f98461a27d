"""Read a labelled data set of any supported format into samples and a list of records that could not be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from geogrounding.datasets.images import ImageFolder, MalformedError
from geogrounding.datasets.readers import coco, earthreason, jsonl, voc, vrsbench
from geogrounding.datasets.readers.records import LabelFiles, Wanted, parse_records
from geogrounding.datasets.sample import Problem, Sample, Samples
from geogrounding.errors import InputError, SettingsError
from geogrounding.types import DataFormat, OnError, Task

_Reader = Callable[[Path, ImageFolder, LabelFiles, Wanted], Iterator[Sample | Problem]]
_READERS: Mapping[str, _Reader] = {
    "coco": coco.read,
    "vrsbench": vrsbench.read,
    "voc": voc.read,
    "earthreason": earthreason.read,
    "geo-r1": jsonl.read_geo_r1,
    "ms-swift": jsonl.read_swift,
    "trl": jsonl.read_trl,
}


def read_samples(
    data: Path,
    images: Path | None = None,
    *,
    format: DataFormat = "auto",
    task: Task | None = None,
    with_negatives: int = 0,
    split: str | None = None,
    on_error: OnError = "skip",
) -> Samples:
    """Read a data set.

    Args:
        data: the label file, or the folder of label files.
        images: the folder of images; None looks beside the labels, and in a folder ``images`` there. No image outside
            this folder is opened, whatever the labels say.
        format: of the labels; "auto" goes by their content.
        task: what the samples are for; None is what the labels hold. A label that cannot serve the task is a problem.
        with_negatives: absent classes to ask about in each image (COCO only; the labels must cover all classes).
        split: which part of a folder that holds several is read: EarthReason's and RRSIS-D's ``train``, ``val``, ``test``,
            or a list ``NAME.txt`` as DIOR-RSVG has it; None is all of it.
        on_error: "skip" leaves out what cannot be used and lists it, "refuse" raises at the first.

    Returns:
        Samples in the order of the labels.

    Raises:
        InputError: the labels cannot be read, hold nothing that can be used, or something that cannot and ``on_error`` is
            "refuse".
        SettingsError: an option is unknown or does not suit the format.
    """
    for name, value, known in (("format", format, DataFormat), ("on_error", on_error, OnError)):
        if value not in get_args(known):
            raise SettingsError(f"{name} {value!r} is unknown", hint=f"Choose one of: {', '.join(get_args(known))}.")
    if task is not None and task not in get_args(Task):
        raise SettingsError(f"task {task!r} is unknown", hint=f"Choose one of: {', '.join(get_args(Task))}.")
    files = LabelFiles()
    chosen = detect_format(data, split) if format == "auto" else format
    if with_negatives and chosen != "coco":
        raise SettingsError(
            f"labels of the format {chosen} hold their own negatives", hint="Leave out --negatives (with_negatives)."
        )
    if split is not None and (chosen not in ("voc", "earthreason") or not data.is_dir()):
        raise SettingsError("a split is chosen from a folder of label files", hint="Name the label file of the split.")
    folder = ImageFolder(images) if images is not None else _images_beside(data, chosen, split)
    samples: list[Sample] = []
    problems: list[Problem] = []
    for item in _READERS[chosen](data, folder, files, Wanted(task=task, negatives=with_negatives, split=split)):
        if isinstance(item, Sample):
            samples.append(item)
            continue
        problems.append(item)
        if on_error == "refuse":
            raise InputError(f"{item.origin}: {item.reason}", hint="Correct the record, or skip what cannot be used.")
    if not samples:
        first = f"; the first problem, {problems[0].origin}: {problems[0].reason}" if problems else ""
        raise InputError(f"{data} holds no sample that can be used{first}", hint=f"It was read as {chosen}.")
    return Samples(samples=tuple(samples), problems=tuple(problems), format=chosen, files=files.digests)


def _images_beside(data: Path, chosen: DataFormat, split: str | None) -> ImageFolder:
    """The folder of images where none is given: beside the labels, in the usual subfolders."""
    if chosen == "voc":
        return ImageFolder((voc.label_folder(data) or data).parent, voc.IMAGE_FOLDERS)
    if chosen == "earthreason":
        return ImageFolder((earthreason.split_folder(data, split) or data) / "images")
    return ImageFolder(data.parent, vrsbench.IMAGE_FOLDERS if chosen == "vrsbench" else ("images",))


def detect_format(data: Path, split: str | None = None) -> DataFormat:
    """The format of labels by their content.

    Raises:
        InputError: the file cannot be read or is of no known format.
    """
    if data.is_dir() or data.suffix.lower() == ".txt":
        if voc.label_folder(data) is not None:
            return "voc"
        if earthreason.split_folder(data, split) is not None:
            return "earthreason"
        if next(data.glob("*.json"), None) is not None:
            return "vrsbench"
        raise InputError(
            f"{data} holds no labels of a known format", hint="Name the label file, or the folder of XML or JSON files."
        )
    content = LabelFiles().read(data)
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start == b"{" and b'"annotations"' in content and b'"categories"' in content:
        return "coco"
    if b"[refer]" in content and b"conversations" in content:
        return "vrsbench"
    for _, record in parse_records(content, data.name):
        if isinstance(record, MalformedError):
            continue
        return _format_of_record(record, data)
    raise InputError(f"{data.name} holds no record that can be read", hint="Is it JSONL, one record a line?")


def _format_of_record(record: Mapping[str, Any], data: Path) -> DataFormat:
    if "objects" in record and "messages" in record:
        return "ms-swift"
    if "ground_truth" in record and "question" in record:
        return "vrsbench"
    if "problem" in record or "conversations" in record:
        return "geo-r1"
    if "prompt" in record or "messages" in record:
        return "trl"
    raise InputError(
        f"the records of {data.name} are of no known format: {', '.join(map(str, list(record)[:8]))}",
        hint="Name the format with --format.",
    )
