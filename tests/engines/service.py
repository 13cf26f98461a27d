"""A service in a process of its own, with the models of ``service_worker``, for tests.

Run as ``python -m tests.engines.service FOLDER PORT REAL``; REAL is 1 for the built-in model, 0 for the test models.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from geogrounding.service.server import serve
from geogrounding.service.settings import Limits, ServiceSettings

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-of-the-tests"
MODELS = ("gated", "hostile", "dying", "broken")


@dataclass
class Running:
    """A service that runs, or can be started again after a kill."""

    folder: Path
    real: bool = False
    port: int = 0
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def data(self) -> Path:
        return self.folder / "scenes"

    @property
    def gate(self) -> Path:
        return self.folder / "gate"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, token: str = TOKEN, **headers: str) -> httpx.Client:
        return httpx.Client(
            base_url=self.address, headers={"authorization": f"Bearer {token}", **headers}, timeout=120, trust_env=False
        )

    def start(self) -> None:
        self.port = self.port or _free_port()
        environment = {**os.environ, "GEOGROUND_TEST_GATE": str(self.gate), "OMP_NUM_THREADS": "1"}
        arguments = [str(self.folder), str(self.port), "1" if self.real else "0"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.engines.service", *arguments],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith("http"), "the service has not started"

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None


@contextmanager
def service(folder: Path, *, real: bool = False) -> Iterator[Running]:
    """A service over ``folder``/scenes that is ended afterwards."""
    running = Running(folder, real)
    (folder / "scenes").mkdir(exist_ok=True)
    running.start()
    try:
        yield running
    finally:
        running.gate.unlink(missing_ok=True)
        if running.process is not None:
            running.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(state: str, port: str, real: str) -> None:
    folder = Path(state)
    models = []
    for name in MODELS if real == "0" else ():
        models.append(folder / "given" / name)
        models[-1].mkdir(parents=True, exist_ok=True)
    settings = ServiceSettings(
        data=(folder / "scenes",), state=folder / "state", token=TOKEN, port=int(port), models=tuple(models),
        hosts=("maps.example.org", *os.environ.get("GEOGROUND_TEST_HOSTS", "").split()), root_path="/geoground",
        limits=Limits(inline_features=50, turn_s=3600, waiting_jobs_per_user=4, body_bytes=100_000, silence_s=3),
    )  # fmt: skip
    if os.environ.get("GEOGROUND_TEST_EXECUTOR") == "ray":
        settings = replace(settings, machines={"executor": "ray", "workers": 1})
    worker = None if real == "1" else [sys.executable, "-m", "tests.engines.service_worker"]
    training = None if real == "1" else [sys.executable, "-m", "tests.engines.service_training"]
    serve(
        settings, lambda address: print(address, flush=True), worker_command=worker, training_command=training
    )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:4])
