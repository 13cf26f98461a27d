"""The options of a model besides its name: one definition for ``load_model``, the command line and the engine."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, get_args

from geogrounding.errors import SettingsError
from geogrounding.messages import quote
from geogrounding.types import BoxOrder, CoordinateConvention, Dtype, PromptStyle

_MAX_TEXT = 4096
_CHOICES: dict[str, tuple[str, ...]] = {
    "dtype": get_args(Dtype),
    "coordinates": get_args(CoordinateConvention),
    "box_order": get_args(BoxOrder),
    "style": get_args(PromptStyle),
}
_COUNTS = ("batch_size", "concurrency", "max_new_tokens", "max_pixels")
_TEXTS = ("adapter", "processor", "device", "base_url")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """What may be said of a model besides its name; None leaves the choice to the model.

    Raises:
        SettingsError: a value is out of range or is not one of the choices.
    """

    adapter: str | None = None
    """PEFT adapter on top of the model, a folder or hub id."""
    processor: str | None = None
    """Folder or hub id of tokenizer, image processor and chat template."""
    device: str | None = None
    """``cpu``, ``cuda``, ``cuda:1`` or ``mps``; None takes the fastest there is."""
    dtype: Dtype | None = None
    batch_size: int | None = None
    """Images times questions answered together."""
    coordinates: CoordinateConvention | None = None
    """What the numbers in replies mean; None takes what the model's family writes (``models.families``)."""
    box_order: BoxOrder | None = None
    """Order of the four numbers of a box; None takes that of the model's family."""
    style: PromptStyle | None = None
    base_url: str | None = None
    """Of an OpenAI-compatible server."""
    api_key: str | None = field(default=None, repr=False)
    concurrency: int | None = None
    """Requests in flight to the server."""
    timeout_s: float | None = None
    """For one request to the server, seconds."""
    max_new_tokens: int | None = None
    """Where a reply is cut off."""
    max_pixels: int | None = None
    """Largest image shown to the model, pixels."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value is not None and value not in choices:
                raise SettingsError(f"unknown {name} {quote(value)}", hint=f"Choose one of {', '.join(choices)}.")
        for name in _COUNTS:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingsError(f"{name} {value} is not positive")
        for name in _TEXTS:
            value = getattr(self, name)
            if value is not None and not 1 <= len(value) <= _MAX_TEXT:
                raise SettingsError(f"{name} is empty or longer than {_MAX_TEXT} characters")
        if self.timeout_s is not None and not 0 < self.timeout_s < math.inf:
            raise SettingsError(f"timeout_s {self.timeout_s} is not a positive number of seconds")

    def given(self) -> dict[str, Any]:
        """Those that are not None, by name."""
        return {name: value for name in OPTION_NAMES if (value := getattr(self, name)) is not None}


OPTION_NAMES = tuple(option.name for option in fields(ModelOptions))
"""Names of the options, in the order of the class."""
