"""What a service is started with, and its limits."""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geogrounding.errors import InputError, SettingsError
from geogrounding.messages import shorten

TOKEN_VARIABLE = "GEOGROUND_TOKEN"  # noqa: S105 - the name of a variable
MIN_TOKEN_CHARS = 16
_ROOT_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what one request, one user and all users together may take."""

    body_bytes: int = 4 << 20
    """Of a request that is no upload."""
    upload_bytes: int = 8 << 30
    silence_s: float = 60.0
    """A request whose body stops coming for so long is refused."""
    free_bytes: int = 1 << 30
    """Room that must stay free on the disk: less, and uploads and new jobs are refused."""
    waiting_jobs: int = 200
    """Of all users."""
    waiting_jobs_per_user: int = 50
    kept_jobs: int = 2_000
    """Finished jobs; the oldest ones are removed with their results."""
    job_s: float = 24 * 3600.0
    """A job that runs longer is ended."""
    turn_s: float = 600.0
    """After so long a run makes room for another user's job, and goes on after it by its journal."""
    live_features: int = 20_000
    """Provisional features of a job that are sent while it runs."""
    inline_features: int = 5_000
    """Features in one answer; above it clients read pages or vector tiles."""
    streams: int = 500
    """Open event streams."""
    sync_s: float = 60.0
    """A synchronous execution that takes longer is answered as an asynchronous one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """One service.

    Raises:
        SettingsError: the token is too short, the root path is none, or the service would be open to other machines
            without one of its own.
        InputError: a folder does not exist.
    """

    data: tuple[Path, ...]
    """Folders whose rasters may be asked about."""
    state: Path
    """Folder of jobs, uploads and trained models; made where it is missing."""
    token: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 8000
    hosts: tuple[str, ...] = ()
    """Names by which browsers reach it, besides the address: behind a proxy, or in a network."""
    root_path: str = ""
    """Path of another site that it is below, behind a proxy, such as ``/geoground``; it also answers without."""
    models: tuple[Path, ...] = ()
    """Folders of models and training runs that users may choose."""
    machines: dict[str, Any] = field(default_factory=dict)
    """``executor``, ``workers`` and ``gpus_per_worker`` of searches (docs/engine.md); empty: one process here."""
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if len(self.token) < MIN_TOKEN_CHARS or not self.token.isascii() or not self.token.isprintable():
            raise SettingsError(
                f"the token has fewer than {MIN_TOKEN_CHARS} characters, or others than printable ASCII",
                hint=f'Set {TOKEN_VARIABLE} to a random text, such as that of: python3 -c "import secrets; '
                'print(secrets.token_urlsafe())"',
            )
        if self.root_path and not _ROOT_PATH.fullmatch(self.root_path):
            raise SettingsError(
                f"{shorten(self.root_path)} is no path of a site",
                hint="Give it with a slash before and none after it, such as /geoground.",
            )
        if not self.data:
            raise SettingsError("no folder of rasters is given", hint="Add --data FOLDER.")
        for folder in self.data:
            if not folder.is_dir():
                raise InputError(f"{folder} is no folder", hint="Give the folder that holds the rasters.")

    @property
    def address(self) -> str:
        """Where a browser on this machine finds it."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def token_of_environment(host: str) -> tuple[str, bool]:
    """The token, and whether it was made here.

    Raises:
        SettingsError: other machines can reach the host and no token is set.
    """
    token = os.environ.get(TOKEN_VARIABLE, "")
    if token:
        return token, False
    if not is_loopback(host):
        raise SettingsError(
            f"--host {host} lets other machines in, and {TOKEN_VARIABLE} is not set",
            hint=f"Set {TOKEN_VARIABLE} to a random text that you give to the users.",
        )
    return secrets.token_urlsafe(24), True
