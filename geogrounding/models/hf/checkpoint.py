"""Load weights into a transformers model: device, numeric type, adapter. Imports torch: import it late."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from geogrounding.errors import ModelError, SettingsError
from geogrounding.messages import first_line

_DTYPES = {
    "float32": torch.float32,
    "fp32": torch.float32,
    "bfloat16": torch.bfloat16,
    "bf16": torch.bfloat16,
    "float16": torch.float16,
    "fp16": torch.float16,
}


def choose_device(device: str | None = None) -> torch.device:
    """The device to run on; None or "auto" takes CUDA, then MPS, then the CPU.

    Raises:
        SettingsError: the name means no device.
        ModelError: the device is not here.
    """
    if device in (None, "auto"):
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(str(device))
    except RuntimeError as error:
        raise SettingsError(f"unknown device {device!r}", hint='Choose "cpu", "cuda", "cuda:1" or "mps".') from error
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise ModelError(f"there is no {device} here", hint='Leave the device out, or choose "cpu".')
    if chosen.type == "mps" and not torch.backends.mps.is_available():
        raise ModelError("there is no MPS device here", hint='Leave the device out, or choose "cpu".')
    if chosen.type not in ("cpu", "cuda", "mps"):
        raise SettingsError(f"device {device!r} is not supported", hint='Choose "cpu", "cuda" or "mps".')
    return chosen


def choose_dtype(dtype: str | None, device: torch.device) -> torch.dtype:
    """The numeric type of the weights; None or "auto" takes what the device is fast in.

    CUDA: bfloat16, or float16 before Ampere. MPS: float16. CPU: bfloat16 where it has AMX or AVX512-BF16 instructions
    (measured on a Zen 4: a 2048 x 2048 linear layer 3 times as fast as in float32), else float32. The choice looks at
    what the processor states, never at a clock, so that the same machine always gives the same answers.

    Raises:
        SettingsError: the name is unknown, or the type does not suit the device.
    """
    if dtype in (None, "auto"):
        if device.type == "cuda":
            return torch.bfloat16 if torch.cuda.get_device_capability(device)[0] >= 8 else torch.float16
        if device.type == "mps":
            return torch.float16
        return torch.bfloat16 if cpu_is_fast_in_bfloat16() else torch.float32
    chosen = _DTYPES.get(str(dtype).removeprefix("torch."))
    if chosen is None:
        raise SettingsError(f"unknown dtype {dtype!r}", hint="Choose float32, bfloat16 or float16.")
    if chosen is torch.float16 and device.type == "cpu":
        raise SettingsError("dtype float16 does not suit device cpu", hint="Choose bfloat16 or float32.")
    return chosen


def cpu_is_fast_in_bfloat16() -> bool:
    """Whether this processor states AMX or AVX512-BF16 instructions."""
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


def load(folder: Path, *, adapter: Path | None, device: torch.device, dtype: torch.dtype) -> Any:
    """Load a checked model folder, merge an adapter into it, and move it to the device.

    Returns:
        The model in evaluation mode, set to plain greedy decoding whatever its generation_config.json says.

    Raises:
        ModelError: transformers does not know the architecture, the weights do not fit it, or memory is too small.
    """
    import transformers

    library: Any = transformers  # its classes are only partly typed
    try:
        with quiet():
            model, report = library.AutoModelForImageTextToText.from_pretrained(
                folder,
                dtype=dtype,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
            )
            check_report(folder, report)
            own = model.generation_config
            model.generation_config = library.GenerationConfig(
                eos_token_id=own.eos_token_id,
                pad_token_id=own.pad_token_id,
                bos_token_id=own.bos_token_id,
                do_sample=False,
            )
            if adapter is not None:
                from geogrounding.models.hf.adapter import merge_adapter

                model = merge_adapter(model, adapter)
            return model.to(device).eval()
    except ModelError:
        raise
    except Exception as error:  # whatever a foreign folder makes the libraries raise
        raise ModelError(f"{folder} cannot be loaded: {first_line(error)}", hint=_hint(error)) from error


def check_report(folder: Path, report: dict[str, Any]) -> None:
    """Refuse a checkpoint that lacks weights.

    Raises:
        ModelError: weights are missing or of another shape.
    """
    # transformers fills missing weights with random numbers and only warns.
    missing = sorted(report.get("missing_keys", ())) + sorted(str(key) for key in report.get("mismatched_keys", ()))
    if missing:
        raise ModelError(
            f"{folder} lacks {len(missing)} weights of its architecture, such as {missing[0]}",
            hint="Download the model again; an adapter folder goes to --adapter.",
        )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception of torch means that memory ran out."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)


def release_memory(device: torch.device) -> None:
    """Give cached memory back, so that a smaller batch finds room."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def _hint(error: Exception) -> str:
    if is_out_of_memory(error):
        return "Memory is too small for this model: choose a smaller one, or serve it elsewhere and use --base-url."
    if "trust_remote_code" in str(error) or "custom code" in str(error):
        return "The model brings its own code, which is never run here: serve it elsewhere and use --base-url."
    if isinstance(error, ValueError | KeyError):
        return "Only image-text-to-text models that the installed transformers knows can run; a newer one may know it."
    return "Download the model again, or try --device cpu."


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence the progress bars and remarks of transformers for a while: the command line has its own."""
    import transformers

    logging: Any = transformers.utils.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
