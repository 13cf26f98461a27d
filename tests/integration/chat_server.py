"""Real chat servers for tests, each a process of its own on loopback.

Run as a script this file is a small OpenAI-compatible server (standard library, Pillow, numpy): its "model" finds the
bounding box of the white pixels of the image it is sent, and says None to a prompt that speaks of nothing.

    python chat_server.py [--port P] [--answers N]     answer N requests, then hold every further one without a reply
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def answer(body: dict[str, Any]) -> dict[str, Any]:
    """A chat completion for a request with one image."""
    import numpy as np
    from PIL import Image

    image, text = body["messages"][0]["content"]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(image["image_url"]["url"].split(",")[1]))))
    rows, columns = np.nonzero((pixels > 200).all(axis=2))
    if "nothing" in text["text"] or not len(rows):
        content = "<think>I look for white.</think><answer>None</answer>"
    else:
        box = [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]
        found = json.dumps([{"bbox_2d": box, "label": "white"}])
        content = f"<think>I look for white.</think><answer>```json\n{found}\n```</answer>"
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
    if body.get("logprobs"):
        choice["logprobs"] = {
            "content": [
                {"token": c, "bytes": list(c.encode()), "logprob": math.log(0.5) if c.isdigit() else -1e-6}
                for c in content
            ]
        }
    return {"object": "chat.completion", "model": body["model"], "choices": [choice]}


class ChatHandler(BaseHTTPRequestHandler):
    """GET /v1/models and POST /v1/chat/completions."""

    protocol_version = "HTTP/1.1"
    answers_left = math.inf
    lock = threading.Lock()

    def do_GET(self) -> None:
        self.reply(200, {"object": "list", "data": [{"id": "colour-blobs", "object": "model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.lock:
            type(self).answers_left -= 1
            held = self.answers_left < 0
        if held:
            with self.lock:  # a line and its end are two writes
                print("held", flush=True)
            threading.Event().wait()
        self.reply(200, answer(body))

    def reply(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing: standard output carries the port."""


class Process:
    """A server process; killed at the end, whatever happened."""

    url = ""

    def __init__(self, command: list[str], **options: Any) -> None:
        self.popen = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, **options)

    def line(self) -> str:
        """The next line of its output; empty when it has ended."""
        assert self.popen.stdout is not None
        return str(self.popen.stdout.readline()).strip()

    def signal(self, number: int) -> None:
        os.kill(self.popen.pid, number)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.popen.kill()
        self.popen.communicate()


class ServerProcess(Process):
    """This file as a server."""

    def __init__(self, *, answers: int | None = None, port: int = 0) -> None:
        options = [] if answers is None else ["--answers", str(answers)]
        super().__init__([sys.executable, __file__, "--port", str(port), *options])
        self.url = f"http://127.0.0.1:{int(self.line())}/v1"


class ServeTransformers(Process):
    """``transformers serve`` with a tiny LLaVA that says one known text."""

    def __init__(self, folder: Path) -> None:
        from tests.integration.tiny_models import save_tiny

        pieces = ["[[0, ", "0, 2", "8, 2", "8]]"]
        self.reply = "".join(pieces)
        self.model = str(save_tiny(folder / "tiny-llava", "llava", say=pieces))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "transformers.cli.transformers", "serve", self.model]
        command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
        self.log = folder / "serve.log"
        with self.log.open("w") as log:
            super().__init__(command, stderr=log, env=environment)
        self.url = f"http://127.0.0.1:{port}/v1"
        while not self._is_up():
            if self.popen.poll() is not None:
                raise RuntimeError(f"transformers serve ended: {self.log.read_text()[-2000:]}")
            time.sleep(0.1)  # another process starts; there is nothing else to wait on

    def _is_up(self) -> bool:
        try:
            with urllib.request.urlopen(self.url.removesuffix("/v1") + "/health", timeout=5) as reply:
                return bool(reply.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def main() -> None:
    """Serve on a free port, which is the first line of the output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--answers", type=float, default=math.inf)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    ChatHandler.answers_left = options.answers
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with ThreadingHTTPServer(("127.0.0.1", options.port), ChatHandler) as server:
        server.daemon_threads = True
        print(server.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
