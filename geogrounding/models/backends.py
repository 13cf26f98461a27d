"""Backends of other packages, found by entry points.

A package adds a backend with an entry point of the group ``geogrounding.models``:

    [project.entry-points."geogrounding.models"]
    acme = "acme_grounding:load"

where ``load(name: str, options: ModelOptions) -> Model``. ``--model acme:some-name`` then calls it with ``some-name``,
and ``--model acme`` with an empty text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from geogrounding.errors import GeogroundingError, ModelError
from geogrounding.messages import first_line
from geogrounding.model_options import ModelOptions
from geogrounding.models.base import Model
from geogrounding.packaged import PACKAGED

GROUP = "geogrounding.models"
_NAME = re.compile(r"([A-Za-z][\w.-]+)(?::(.*))?", re.DOTALL | re.ASCII)
_OWN = frozenset({*PACKAGED, "null"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A backend of another package, and the name that was asked of it."""

    entry_point: EntryPoint
    name: str

    def load(self, options: ModelOptions) -> Model:
        """The model.

        Raises:
            ModelError: the package cannot be imported, fails, or returns something that is not a model.
        """
        where = f"the model backend {self.entry_point.name} ({self.entry_point.value})"
        try:
            model = self.entry_point.load()(self.name, options)
        except GeogroundingError:
            raise
        except Exception as error:  # the code of another package
            raise ModelError(f"{where} fails: {first_line(error)}", hint="Ask the authors of that package.") from error
        if not isinstance(model, Model):
            raise ModelError(
                f"{where} returned {type(model).__name__}, which is not a model",
                hint="See geogrounding.models.base.Model for what a model has.",
            )
        return model


def find(name: str) -> Backend | None:
    """The backend that a model name stands for; None for every other name."""
    parts = _NAME.fullmatch(name)
    if parts is None or parts.group(1) in _OWN:
        return None
    found = entry_points(group=GROUP, name=parts.group(1))
    return next((Backend(entry_point=entry, name=parts.group(2) or "") for entry in found), None)


def names() -> list[str]:
    """Names of the backends of installed packages, sorted."""
    return sorted({entry.name for entry in entry_points(group=GROUP)} - _OWN)
