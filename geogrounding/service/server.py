"""The service as a process: one lock on its state, uvicorn, an orderly end."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

from filelock import FileLock, Timeout

from geogrounding.errors import OutputError, SettingsError
from geogrounding.service.settings import ServiceSettings

MAX_CONNECTIONS = 2_000
KEEP_ALIVE_S = 75
"""Longer than the minute after which proxies and clients close what they do not use: they are never cut off."""
GRACE_S = 5
"""For open requests when the service ends; event streams would stay open for ever."""


def serve(
    settings: ServiceSettings,
    on_ready: Callable[[str], None],
    *,
    worker_command: Sequence[str] | None = None,
    training_command: Sequence[str] | None = None,
) -> None:
    """Serve until a signal; ``on_ready`` gets the address once requests are taken.

    Args:
        settings: folders, address, token, limits.
        on_ready: called once.
        worker_command: what the engine's worker is; for tests.
        training_command: what a training run is; for tests.

    Raises:
        OutputError: the folder of the state cannot be used, or another service uses it.
        SettingsError: the address cannot be used.
    """
    try:
        import uvicorn

        from geogrounding.service.app import make_app
    except ModuleNotFoundError as error:
        raise SettingsError(f"{error.name} is not installed", hint='pip install "geogrounding[service]"') from error

    try:
        settings.state.mkdir(parents=True, exist_ok=True)
        lock = FileLock(settings.state / "service.lock")
        lock.acquire(blocking=False)
    except Timeout as error:
        raise OutputError(
            f"another service uses {settings.state}", hint="End it, or choose another folder with --state."
        ) from error
    except OSError as error:
        raise OutputError(
            f"{settings.state} cannot be used: {error.strerror or error}", hint="Choose another folder with --state."
        ) from error
    with lock:
        bound = _bind(settings)
        config = uvicorn.Config(
            make_app(settings, worker_command=worker_command, training_command=training_command),
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
            lifespan="on",
            ws="none",
        )

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                if self.started:
                    on_ready(settings.address)

        Server(config).run(sockets=[bound])


def _bind(settings: ServiceSettings) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((settings.host, settings.port))
    except (OSError, OverflowError) as error:
        raise SettingsError(
            f"{settings.host}:{settings.port} cannot be used: {error}", hint="Choose another one with --port."
        ) from error
    return bound
