"""An executor on Ray for runs that ask for it, kept from one run to the next while they use the same model."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geogrounding.distributed.ray import RayExecutor
    from geogrounding.engine.parameters import Run
    from geogrounding.models.base import Model
    from geogrounding.models.segmenters.base import Segmenter


class Machines:
    """At most one executor, whose workers keep their models loaded."""

    def __init__(self) -> None:
        self._key = ""
        self._executor: RayExecutor | None = None
        self._sources: tuple[Any, Any] = (None, None)

    def for_run(self, params: Run) -> tuple[RayExecutor, Any, Any]:
        """The executor, and the sources of model and segmenter for it.

        Raises:
            ClusterError: Ray is not installed.
            SettingsError: a number of workers or cards is none.
        """
        from geogrounding.distributed.ray import RayExecutor

        given = params.model.model_options.given()
        key = json.dumps([params.model.model, given, params.segmenter, params.workers, params.gpus_per_worker])
        if self._executor is None or key != self._key:
            self.close()
            executor = RayExecutor(workers=params.workers, gpus_per_worker=params.gpus_per_worker)
            self._executor = executor.__enter__()
            self._key = key
            self._sources = (
                partial(_load_model, params.model.model, given),
                partial(_load_segmenter, params.segmenter, given.get("device"), given.get("dtype")),
            )
        return self._executor, *self._sources

    def close(self) -> None:
        """Stop the workers; a cluster that was there before stays."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.__exit__()


def _load_model(name: str, given: dict[str, Any]) -> Model:
    from geogrounding.models.load import load_model

    return load_model(name, **given)


def _load_segmenter(name: str, device: str | None, dtype: str | None) -> Segmenter:
    from geogrounding.models.segmenters.load import load_segmenter

    options: dict[str, Any] = {"dtype": dtype} if device is None else {"dtype": dtype, "device": device}
    return load_segmenter(name, **options)
