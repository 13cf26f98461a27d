"""A result in a line for people."""

from __future__ import annotations

from qgis.core import QgsFeature

from . import results
from .messages import tr


def facts_of(feature: QgsFeature) -> str:
    """Label, score, area, verdict."""
    score, area = _number(feature["score"]), _number(feature["area_m2"])
    parts = [text_of(feature["label"]) or tr("no label")]
    if score is not None:
        parts.append(tr("score {s}").format(s=f"{score:.2f}"))
    if area is not None:
        parts.append(f"{area:,.1f} m²" if area < 100 else f"{area:,.0f} m²")
    verdict = {results.ACCEPTED: tr("accepted"), results.REJECTED: tr("rejected")}.get(text_of(feature["review"]))
    return " · ".join([*parts, *([verdict] if verdict else [])])


def text_of(value: object) -> str:
    """A text of an attribute; empty where it has none."""
    return value if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
