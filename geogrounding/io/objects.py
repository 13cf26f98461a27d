"""Results in an object store: ``s3://bucket/key``, ``gs://bucket/key``, ``az://container/key``.

A layer is written locally as any other, then uploaded whole with its description, which goes first: where the layer is
under its name, all is in place. An object appears when its upload is complete, or not at all. Before the first chip a
few bytes are written under a name of their own and removed, so that a store that refuses does so at once. Where the
upload fails, the local files stay and are named. obstore reads credentials from the environment; they are kept nowhere.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from geogrounding.errors import OutputError
from geogrounding.messages import first_line, quote, without_secrets

SCHEMES = ("s3://", "gs://", "az://")
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
"""Variables of a store that speaks S3 but is not Amazon's."""
CONNECT_TIMEOUT, TIMEOUT = "20s", "300s"


def is_object(output: object) -> bool:
    """Whether an output is an object of a store."""
    return isinstance(output, str) and output.strip().lower().startswith(SCHEMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPlace:
    """An object that is to be written."""

    url: str
    """Without credentials, query and fragment."""
    bucket: str
    """Scheme and bucket."""
    key: str

    @classmethod
    def parse(cls, address: str) -> ObjectPlace:
        """Read ``s3://bucket/key``.

        Raises:
            OutputError: bucket or key are missing, or it holds more than these.
        """
        parts = urlsplit(address.strip())
        key = parts.path.strip("/")
        plain = "@" not in parts.netloc and not parts.query and not parts.fragment
        if not parts.netloc or not key or not plain or re.search(r"(^|/)\.{0,2}(/|$)", key) or key != key.strip():
            raise OutputError(
                f"{quote(without_secrets(address))} is no place for a layer",
                hint="Write s3://BUCKET/FOLDER/NAME.gpkg; credentials belong into the environment.",
            )
        bucket = f"{parts.scheme.lower()}://{parts.netloc}"
        return cls(url=f"{bucket}/{key}", bucket=bucket, key=key)

    @property
    def name(self) -> str:
        """Of the object, without folders."""
        return self.key.rpartition("/")[2]

    @property
    def folder(self) -> Path:
        """Where its files stand until they are uploaded: in the current folder, of its own for each address."""
        digest = hashlib.sha256(self.url.encode()).hexdigest()[:8]
        return Path(f"upload-{re.sub(r'[^A-Za-z0-9._-]', '_', self.name)[:60]}-{digest}")

    def exists(self) -> bool:
        """Whether there is an object of this name.

        Raises:
            OutputError: the store cannot be asked.
        """
        import obstore
        from obstore.exceptions import NotFoundError

        with self._errors("cannot be looked at"):
            try:
                obstore.head(self._store(), self.key)
            except (NotFoundError, FileNotFoundError):
                return False
        return True

    def check(self) -> None:
        """Write a few bytes beside it and remove them.

        Raises:
            OutputError: the store cannot be reached or refuses.
        """
        import obstore

        trial = f"{self.key}.{os.urandom(4).hex()}.check"
        with self._errors("cannot be written to"):
            obstore.put(self._store(), trial, b"geogrounding checks that it may write here\n")
        # A bucket that may be written to but not deleted from is fine.
        with contextlib.suppress(Exception):
            obstore.delete(self._store(), trial)

    def upload(self, files: list[tuple[Path, str]]) -> None:
        """Upload files, in order, each under the name of the object and an ending.

        Raises:
            OutputError: one could not be uploaded; the files stay where they are, and are named.
        """
        import obstore

        kept = f"the layer is complete in {files[-1][0]}"
        for path, ending in files:
            with self._errors(f"cannot be written, {kept}"):
                obstore.put(self._store(), self.key + ending, path)

    def _store(self) -> Any:
        from obstore.store import from_url

        plain = any(os.environ.get(name, "").lower().startswith("http://") for name in ENDPOINTS)
        options: Any = {"connect_timeout": CONNECT_TIMEOUT, "timeout": TIMEOUT, "allow_http": plain}
        retry: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=60)}
        return from_url(self.bucket, client_options=options, retry_config=retry)

    @contextlib.contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        require_obstore()
        try:
            yield
        except OutputError:
            raise
        except Exception as error:  # noqa: BLE001 (obstore's errors have no useful base, and some are OSError)
            reason = _reason(error)
            raise OutputError(
                f"{self.url} {what}: {reason}",
                hint="Check bucket, rights and room of the store; then the same command with --resume.",
            ) from None


def require_obstore() -> None:
    """Check that obstore is there.

    Raises:
        OutputError: it is not.
    """
    try:
        import obstore  # noqa: F401
    except ImportError:
        raise OutputError(
            "results in an object store need a further package", hint='pip install "geogrounding[cloud]"'
        ) from None


def _reason(error: Exception) -> str:
    """Why a store refused: its own code and words where its answer has them, without addresses' secrets."""
    text = without_secrets(error)
    code = re.search(r"<Code>([^<]{1,100})</Code>", text)
    words = re.search(r"<Message>([^<]{1,200})</Message>", text)
    if code is not None:
        return f"{code[1]}: {words[1]}" if words is not None else code[1]
    status = re.search(r"status(?: code)?:? ?([1-5]\d\d[^:\n,]{0,40})", text)
    if status is not None:
        return f"the store answers {status[1].strip()}"
    return first_line(Exception(text))
