"""A real server of the S3 protocol (moto), started for the tests from an environment of its own: .ci/s3."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SERVER = Path(__file__).resolve().parents[1] / ".venv-s3" / "bin" / "moto_server"
BUCKET = "archive"
SECRET = "hunter2hunter2"


@dataclass(frozen=True)
class Store:
    """A running server with an empty bucket."""

    address: str

    def request(self, method: str, path: str, data: bytes | None = None) -> tuple[int, bytes]:
        """A plain request; moto checks no signature."""
        request = urllib.request.Request(f"{self.address}{path}", data=data, method=method)
        request.add_header("Content-Type", "application/octet-stream")  # a form would be taken for fields
        request.add_header("Authorization", "AWS4-HMAC-SHA256 Credential=test/20240101/us-east-1/s3/aws4_request")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def keys(self) -> list[str]:
        """Names of all objects."""
        listed = self.request("GET", f"/{BUCKET}?list-type=2")[1].decode()
        return [part.partition("</Key>")[0] for part in listed.split("<Key>")[1:]]

    def get(self, key: str) -> bytes:
        """An object."""
        status, data = self.request("GET", f"/{BUCKET}/{key}")
        assert status == 200, data
        return data

    def put(self, key: str, data: bytes) -> None:
        """Make an object."""
        assert self.request("PUT", f"/{BUCKET}/{key}", data)[0] == 200

    def empty(self) -> None:
        """Remove all objects."""
        for key in self.keys():
            self.request("DELETE", f"/{BUCKET}/{key}")


@contextmanager
def store() -> Iterator[Store]:
    """Start a server."""
    if not SERVER.exists():
        pytest.skip("no server of the S3 protocol here: run .ci/s3")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PYTHON"))}
    process = subprocess.Popen(
        [str(SERVER), "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    try:
        made = Store(f"http://127.0.0.1:{port}")
        end = time.monotonic() + 120
        while True:
            try:
                if made.request("PUT", f"/{BUCKET}")[0] == 200:
                    break
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None, "the server ended"
                assert time.monotonic() < end, "the server does not answer"
        yield made
    finally:
        process.terminate()
        process.wait(60)
