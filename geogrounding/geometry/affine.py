"""Points through an affine transform: the one place where its six numbers meet coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from affine import Affine


def apply_affine(transform: Affine, x: Any, y: Any) -> tuple[Any, Any]:
    """Transform coordinates ``x`` and ``y``, numbers or arrays of one shape; ``affine`` itself takes no arrays.

    Args:
        transform: such as ``scene.transform`` (scene px to CRS) or its inverse.
        x: to the right.
        y: down in pixels, up in most CRSs.
    """
    a, b, c, d, e, f = (float(value) for value in tuple(transform)[:6])
    return a * x + b * y + c, d * x + e * y + f
