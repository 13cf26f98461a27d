"""Model folders and hub repositories: found, checked before anything is loaded, and identified by a fingerprint.

Weights are read from safetensors only: a pickle can run code when it is opened. Nothing here imports torch.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, Literal

from geogrounding.errors import ModelError
from geogrounding.messages import first_line

Role = Literal["model", "adapter", "processor"]

_WEIGHTS: dict[Role, str] = {"model": "model.safetensors", "adapter": "adapter_model.safetensors"}
_CONFIG: dict[Role, str] = {"model": "config.json", "adapter": "adapter_config.json"}
_DOWNLOADED = (
    "*.safetensors",
    "*.safetensors.index.json",
    "*.json",
    "*.jinja",
    "*.txt",
    "*.model",
    "README.md",
    "LICENSE*",
)
_DOWNLOADED_PROCESSOR = ("*.json", "*.jinja", "*.txt", "*.model")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".msgpack", ".h5")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[\w.-]{1,96}(@[\w./-]{1,100})?", re.ASCII)
_HUB_TIMEOUT_S = 8.0

_MAX_HEADER_BYTES = 100_000_000
"""The limit of the safetensors format itself."""
_MAX_JSON_BYTES = 64_000_000
_SAMPLE_BYTES = 256
_FINGERPRINTED = (".json", ".jinja", ".txt", ".model", ".safetensors")


def find(source: str, role: Role) -> Path:
    """The local folder that holds ``source``, downloaded from the hub where it must be.

    A hub id (``owner/name`` or ``owner/name@revision``) that is complete in the Hugging Face cache is used as it lies
    there, without any request; otherwise it is downloaded (safetensors and text files only), unless
    ``HF_HUB_OFFLINE`` is set.

    Raises:
        ModelError: there is no such folder or repository, it cannot be reached, or it holds no usable weights.
    """
    folder = local_path(source)
    if folder.is_dir():
        check_folder(folder, role)
        return folder
    if folder.exists():
        raise ModelError(f"{source} is a file, not a {role} folder", hint="Give the folder that holds config.json.")
    if not _HUB_ID.fullmatch(source):
        raise ModelError(
            f"there is no {role} folder {source}",
            hint='Give an existing folder, a hub id such as "Qwen/Qwen2.5-VL-3B-Instruct", "builtin" or "null".',
        )
    repository, _, revision = source.partition("@")
    return _from_hub(repository, revision or None, role)


def local_path(source: str) -> Path:
    """A user's text as a path, ``~`` expanded; text that can be no path becomes one that does not exist."""
    path = Path(os.path.expanduser(source))  # noqa: PTH111 - Path.expanduser raises for unknown users
    try:
        path.is_dir()
    except (OSError, ValueError):  # too long for a path
        return Path("no such path")
    return path


def _from_hub(repository: str, revision: str | None, role: Role) -> Path:
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    patterns = list(_DOWNLOADED_PROCESSOR if role == "processor" else _DOWNLOADED)
    try:
        cached = Path(snapshot_download(repository, revision=revision, allow_patterns=patterns, local_files_only=True))
        check_folder(cached, role)
        return cached
    except (OSError, ValueError, ModelError):
        pass  # absent or incomplete: ask the hub
    try:
        folder = Path(
            snapshot_download(repository, revision=revision, allow_patterns=patterns, etag_timeout=_HUB_TIMEOUT_S)
        )
    except GatedRepoError as error:
        raise ModelError(
            f"the hub wants an account for {repository}",
            hint="Accept its terms on huggingface.co, then run: hf auth login",
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise ModelError(
            f"the hub has no {role} {repository}" + (f" at revision {revision}" if revision else ""),
            hint="Check the spelling; private repositories need: hf auth login",
        ) from error
    except (OSError, ValueError, HfHubHTTPError, httpx.HTTPError) as error:
        raise ModelError(
            f"{repository} is not complete in the local cache and the hub cannot be reached ({first_line(error)})",
            hint=f"Run once with network: hf download {repository}; or give the folder of a copy.",
        ) from error
    check_folder(folder, role)
    return folder


def check_folder(folder: Path, role: Role) -> None:
    """Refuse a folder that lacks a configuration or safetensors weights, or whose weight files are damaged.

    Raises:
        ModelError: says which file is missing or broken.
    """
    if role == "processor":
        if not any((folder / name).is_file() for name in ("preprocessor_config.json", "processor_config.json")):
            raise ModelError(
                f"{folder} holds no preprocessor_config.json: how images are prepared for the model is unknown",
                hint='Take it from the original model with --processor, for example "Qwen/Qwen2.5-VL-3B-Instruct".',
            )
        return
    if not (folder / _CONFIG[role]).is_file():
        raise ModelError(
            f"{folder} holds no {_CONFIG[role]}", hint=f"Give the folder that save_pretrained wrote the {role} to."
        )
    for path in weight_files(folder, role):
        read_header(path)


def weight_files(folder: Path, role: Role) -> list[Path]:
    """The safetensors files of a model or adapter, sorted.

    Raises:
        ModelError: there are none, only pickles, or a shard is missing.
    """
    single = folder / _WEIGHTS[role]
    if single.is_file():
        return [single]
    index = folder / (_WEIGHTS[role] + ".index.json")
    if index.is_file():
        weight_map = read_json(index).get("weight_map")
        names = set(weight_map.values()) if isinstance(weight_map, dict) else set()
        if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
            raise ModelError(f"{index} names no weight files", hint="Download the model again.")
        paths = sorted(folder / name for name in names)
        missing = [path.name for path in paths if not path.is_file()]
        if missing:
            raise ModelError(
                f"{folder} lacks {', '.join(missing[:3])} ({len(missing)} missing)", hint="Download the model again."
            )
        return paths
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in _PICKLES)
    if pickles:
        raise ModelError(
            f"{folder} holds its weights only as {pickles[0]}, a format that can run code when it is opened",
            hint="Convert it once where you trust its origin: load it with transformers and call "
            f'model.save_pretrained("{folder.name}-safe"), which writes safetensors.',
        )
    raise ModelError(f"{folder} holds no {single.name}", hint="Download the model again, with its *.safetensors files.")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a model folder.

    Raises:
        ModelError: too large, not JSON, or not an object.
    """
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise ModelError(
                f"{path} is larger than {_MAX_JSON_BYTES // 1_000_000} MB", hint="This is no file of a model."
            )
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read: {first_line(error)}", hint="Download the model again.") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} holds no JSON object", hint="Download the model again.")
    return content


def read_header(path: Path) -> dict[str, Any]:
    """Read and check the header of a safetensors file: name -> {dtype, shape, data_offsets}.

    Raises:
        ModelError: the header is damaged or the file is shorter or longer than it says.
    """
    try:
        with path.open("rb") as file:
            header, data_start = _header(file)
            size = path.stat().st_size
        position = 0
        for start, stop in sorted(_offsets(entry) for name, entry in header.items() if name != "__metadata__"):
            if start != position:
                raise ValueError("its tensors overlap or leave gaps")
            position = stop
        if data_start + position != size:
            raise ValueError(f"{size} bytes where {data_start + position} are declared")
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ModelError(f"{path} is damaged: {first_line(error)}", hint="Download the model again.") from error
    return header


def _header(file: BinaryIO) -> tuple[dict[str, Any], int]:
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= _MAX_HEADER_BYTES:
        raise ValueError(f"a header of {length} bytes")
    raw = file.read(length)
    if len(raw) != length:
        raise ValueError("it ends inside its header")
    header = json.loads(raw)
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    return header, 8 + length


def _offsets(entry: Any) -> tuple[int, int]:
    start, stop = entry["data_offsets"]
    if not (isinstance(start, int) and isinstance(stop, int) and 0 <= start <= stop):
        raise ValueError("impossible offsets in its header")
    return start, stop


def fingerprint(folders: Iterable[Path], settings: object) -> str:
    """Identity of weights, texts and settings, as 32 hexadecimal digits.

    Configuration, tokenizer and template files count with every byte. A weight file counts with its header and the
    first and middle 256 bytes of each tensor: training changes nearly every value of a tensor it touches, and reading
    gigabytes at every start would cost more than it finds. Names of folders and times of files do not count, so that
    a copy is the same model. The device does not count either, so that a run can be resumed on another machine;
    ``settings`` must hold the numeric type, which matters more.
    """
    digest = hashlib.blake2b(digest_size=16)
    for folder in folders:
        for path in sorted(folder.iterdir()):
            if path.suffix not in _FINGERPRINTED or not path.is_file():
                continue
            digest.update(f"\0{path.name}\0{path.stat().st_size}\0".encode())
            with path.open("rb") as file:
                if path.suffix == ".safetensors":
                    _sample(file, digest)
                else:
                    while block := file.read(1 << 20):
                        digest.update(block)
    digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _sample(file: BinaryIO, digest: hashlib.blake2b) -> None:
    header, data_start = _header(file)
    digest.update(json.dumps(header, sort_keys=True).encode())
    for name in sorted(header):
        if name == "__metadata__":
            continue
        start, stop = _offsets(header[name])
        for position in (start, (start + stop) // 2):
            file.seek(data_start + position)
            digest.update(file.read(min(_SAMPLE_BYTES, stop - position)))
