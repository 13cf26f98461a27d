"""The only way to the engine: the client of engine/, kept warm, with the settings of the user.

Everything here may be called from any thread.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.core import QgsApplication

from . import settings
from .engine import Cancelled, EngineClient, EngineError, command_for
from .engine.service import Service, is_address, split_link
from .messages import tr
from .remote_engine import RemoteEngine

__all__ = ["Cancelled", "EngineError", "Link", "failures", "service_of", "train_request"]

WITH_MODEL = frozenset({"plan", "run", "load"})
PROBE_S = 120.0
"""For the first answer of a test: importing torch from a cold disk is slow."""

OnEvent = Callable[[dict[str, Any]], None]


def _nothing() -> None:
    """No one listens."""


class Link:
    """One engine for panel, settings and algorithms; started by the first request, and again after it ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: EngineClient | RemoteEngine | None = None
        self._command: list[str] = []
        self._closed = False
        self.facts: dict[str, Any] = {}
        """What the engine said about itself at the last test."""
        self.on_settings_changed: Callable[[], None] = _nothing
        """Called in the main thread."""

    def call(
        self,
        method: str,
        params: dict[str, Any],
        *,
        on_event: OnEvent | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        """Ask the engine and wait; ``on_event`` is called in this thread.

        Raises:
            Cancelled: the user stopped it.
            EngineError: no engine is set up, it refused, or it died.
        """
        chosen = settings.load()
        if method in WITH_MODEL:
            params = {**params, **model_options(chosen, str(params.get("model", "")))}
        elif method == "train" and chosen.device not in ("", "auto"):
            params = {**params, "settings": {"device": chosen.device, **params["settings"]}}
        return self._client_for(chosen).call(method, params, on_event=on_event, cancelled=cancelled)

    def probe(self, chosen: settings.Settings, cancelled: Callable[[], bool] = lambda: False) -> dict[str, Any]:
        """What an engine says about itself, whether its settings are kept or not.

        Raises:
            Cancelled: the user stopped it.
            EngineError: it does not work.
        """
        client = _new_client(_command(chosen), chosen)
        try:
            found = client.call("test", {}, cancelled=cancelled, timeout_s=PROBE_S)
        finally:
            client.close()
        self.facts = found
        return found

    def find(self) -> str:
        """An engine on the search path, or of the variable GEOGROUND_ENGINE; empty where there is none."""
        named = os.environ.get("GEOGROUND_ENGINE", "")
        return named or shutil.which("geoground") or ""

    def log(self) -> list[str]:
        """The last lines that the engine wrote."""
        client = self._client
        return list(client.diagnostics()["log"]) if client is not None else []

    def settings_changed(self) -> None:
        """Take new settings: an engine with others ends at the next request."""
        self.on_settings_changed()

    def close(self) -> None:
        """End the engine, for good."""
        with self._lock:
            self._closed = True
            client, self._client = self._client, None
        if client is not None:
            client.close()

    @property
    def pid(self) -> int | None:
        """The process of the engine while it runs."""
        client = self._client
        return None if client is None else client.pid

    def _client_for(self, chosen: settings.Settings) -> EngineClient | RemoteEngine:
        command = _command(chosen)
        with self._lock:
            if self._closed:
                raise EngineError(tr("The plugin is being unloaded."))
            old = self._client
            if old is None or command != self._command:
                self._client, self._command = _new_client(command, chosen), command
            else:
                old = None
            client = self._client
        if old is not None:
            old.close()
        return client


def service_of(chosen: settings.Settings) -> Service:
    """The service that the settings name.

    Raises:
        EngineError: the address is none.
    """
    address, token = split_link(chosen.engine)
    return Service(address, token or chosen.token, QgsApplication.userLoginName())


def _command(chosen: settings.Settings) -> list[str]:
    """How the engine of the settings is started, or where it is."""
    if is_address(chosen.engine):
        return [chosen.engine, chosen.token]
    return command_for(chosen.engine, arguments(chosen))


def _new_client(command: list[str], chosen: settings.Settings) -> EngineClient | RemoteEngine:
    return RemoteEngine(service_of(chosen)) if is_address(chosen.engine) else EngineClient(command)


def arguments(chosen: settings.Settings) -> list[str]:
    """Options of ``geoground engine``."""
    return ["--idle-minutes", str(chosen.idle_minutes), "--models", str(settings.models_folder(chosen))]


def model_options(chosen: settings.Settings, model: str) -> dict[str, Any]:
    """The part of a request that says where a model runs; one in a folder runs here even where there is a server."""
    options: dict[str, Any] = {}
    if chosen.device not in ("", "auto"):
        options["device"] = chosen.device
    if chosen.server_url and not Path(model).is_dir():
        options["base_url"] = chosen.server_url
        key = os.environ.get("GEOGROUND_API_KEY", "")
        if key:
            options["api_key"] = key
    return {"model_options": options} if options else {}


def models_of(found: dict[str, Any]) -> list[str]:
    """Names of the models that a user can choose, of an answer with ``models``: no server, no model for measuring."""
    listed = found.get("models") or []
    usable = [m for m in listed if isinstance(m, dict) and m.get("name") and m.get("present", True)]
    return [str(model["name"]) for model in usable if model.get("kind") not in ("server", "null")]


def train_request(method: str, output: Path, training: dict[str, Any]) -> dict[str, Any]:
    """The request for a training run, by reward (``grpo``) or by example (``sft``)."""
    given = {name: value for name, value in training.items() if value is not None}
    return {"method": method, "output": str(output), "keep_cancelled": False, "settings": given}


def failures(result: dict[str, Any]) -> list[str]:
    """The chips that were not answered, a line each."""
    listed = result.get("failed_chips") or []
    return [f"{one.get('chip', '?')}: {one.get('reason', '')}" for one in listed if isinstance(one, dict)]
