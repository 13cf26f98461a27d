"""From a model's text to detections on the chip, whatever the text is.

``parse_answer`` never raises and its work is bounded: 64 KB of text, 500 boxes, finite numbers. Everything it leaves
out is counted with a reason (``Reason``). The coordinate convention is passed in, never inferred: a model that writes
in another convention loses its boxes with a reason that names the suspicion.
"""

from __future__ import annotations

from collections.abc import Sequence

from geogrounding.models.families import BoxConvention
from geogrounding.models.parsing.drawn import mask_of
from geogrounding.models.parsing.find_boxes import locate
from geogrounding.models.parsing.found import Located, Reason
from geogrounding.models.parsing.placing import MAX_BOXES, place
from geogrounding.models.parsing.sections import blank
from geogrounding.models.parsing.token_scores import Tokens, score_spans
from geogrounding.types import Answer, CoordinateConvention, Detection, Task

__all__ = ["MAX_BOXES", "MAX_TEXT_BYTES", "Reason", "clean_reasoning", "parse_answer"]

MAX_TEXT_BYTES = 64 * 1024
MAX_LABEL_CHARACTERS = 200
MAX_REASONING_CHARACTERS = 8000


def parse_answer(  # noqa: PLR0913 - keyword-only options of the public function
    text: str,
    *,
    image_size_px: tuple[int, int],
    model_size_px: tuple[int, int] | None = None,
    coordinates: CoordinateConvention | BoxConvention,
    task: Task,
    default_label: str,
    tokens: Tokens | None = None,
    logprobs: Sequence[float | None] | None = None,
    truncated: bool = False,
) -> Answer:
    """Turn a reply into detections in pixels of the chip.

    Args:
        text: the reply; any text at all. Only its first 64 KB are read.
        image_size_px: (width, height) of the chip.
        model_size_px: (width, height) of the image the model saw after its processor resized it; None when equal.
            Used with ``resized-pixels`` only.
        coordinates: what the numbers mean; a name alone stands for boxes in the order x, y, x, y.
        task: ``refer`` keeps the first box only.
        default_label: for boxes without a label of their own.
        tokens: the reply's tokens (see ``scoring.Tokens``). With ``logprobs`` they give the scores; without them a
            score that the model wrote itself is taken, otherwise the score is None.
        logprobs: the natural logarithm of each token's probability.
        truncated: the reply was cut at the token limit, so that a number at its very end may lack digits.

    Returns:
        Boxes clipped to the chip with swapped corners put right, in the order of the text, and what was dropped.
        ``raw_text`` is the part of the text that was read, with lone surrogates replaced.
    """
    shown = _storable(text[:MAX_TEXT_BYTES])
    if not shown.isascii():
        shown = shown.encode()[:MAX_TEXT_BYTES].decode(errors="ignore")
    found = locate(shown)
    if len(shown) < len(text):
        found.drop(Reason.TOO_LONG)
    if truncated:
        _drop_cut_box(found, shown)
        found.drop(Reason.TRUNCATED)
    convention = coordinates if isinstance(coordinates, BoxConvention) else BoxConvention(coordinates=coordinates)
    placed = place(found, shown, image_size_px, model_size_px or image_size_px, convention)
    if task == "refer":
        for box, *_ in placed[1:]:
            found.drop(Reason.NOT_ONE, shown[box.span[0] : box.span[1]])
        del placed[1:]
    scores: list[float | None] = [box.stated_score for box, *_ in placed]
    if tokens is not None and logprobs is not None:
        scores = score_spans(tokens, logprobs, [box.number_spans for box, *_ in placed], text=shown)
    return Answer(
        reasoning=clean_reasoning(found.reasoning),
        detections=tuple(
            Detection(
                box_chip_px=box_chip_px,
                label=_label(box.label) or default_label,
                score=score,
                keypoints_chip_px=keypoints_chip_px,
                mask=mask_of(outline_px, box_chip_px) if outline_px else None,
            )
            for (box, box_chip_px, keypoints_chip_px, outline_px), score in zip(placed, scores, strict=True)
        ),
        dropped=tuple(found.drops),
        raw_text=shown,
    )


def clean_reasoning(text: str) -> str:
    """Reasoning as it is stored: no special tokens or control characters, at most 8,000 characters."""
    return _storable(blank(text[: 2 * MAX_REASONING_CHARACTERS]).strip()[:MAX_REASONING_CHARACTERS])


def _drop_cut_box(found: Located, text: str) -> None:
    """Drop the last box of a reply that was cut where its last number may go on."""
    if found.boxes and max(stop for _, stop in found.boxes[-1].number_spans) == len(text):
        box = found.boxes.pop()
        found.drop(Reason.CUT_OFF, text[box.span[0] : box.span[1]])


def _storable(text: str) -> str:
    """The text with lone surrogates replaced, character for character, so that it can be written as UTF-8."""
    return (
        text
        if text.isascii()
        else "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)
    )


def _label(label: str | None) -> str:
    """A label on one line without control characters, at most 200 characters."""
    return _storable(" ".join(blank((label or "")[: 4 * MAX_LABEL_CHARACTERS]).split()))[:MAX_LABEL_CHARACTERS]
