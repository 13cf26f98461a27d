"""Training on several devices: ``accelerate launch`` starts one process for each, and each of them calls this module.

python -m accelerate.commands.launch --num_processes 2 -m geogrounding.training.launch JOB.json
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from geogrounding.errors import GeogroundingError, ModelError, SettingsError
from geogrounding.training import run_log
from geogrounding.training.choices import Method
from geogrounding.training.config import GRPOSettings, SFTSettings, TrainSettings, describe, make_settings
from geogrounding.training.run_folder import check_new, is_main, read_record

REPEATABLE = ("MKL_CBWR", "AUTO,STRICT")
"""Makes MKL's products reproducible to the last bit, whatever the alignment of a matrix in memory, so that a resumed run ends
with the weights of an uninterrupted one. MKL reads the variable before its first product."""


def train(
    method: Method,
    settings: TrainSettings,
    output: Path,
    *,
    resume: bool = False,
    on_log: run_log.OnLog | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Any:
    """Train in this process.

    Returns:
        ``runner.TrainingResult``.

    Raises:
        SettingsError, InputError, ModelError, OutputError: what cannot work.
    """
    os.environ.setdefault(*REPEATABLE)
    if isinstance(settings, GRPOSettings) and method == "grpo":
        from geogrounding.training.grpo import train_grpo

        return train_grpo(settings, output, resume=resume, on_log=on_log, on_note=on_note)
    if isinstance(settings, SFTSettings) and method == "sft":
        from geogrounding.training.sft import train_sft

        return train_sft(settings, output, resume=resume, on_log=on_log, on_note=on_note)
    raise SettingsError(f"settings of {type(settings).__name__} do not go with {method}")


def launch(method: Method, settings: TrainSettings, output: Path, *, processes: int, resume: bool = False) -> None:
    """Train in several processes, one for each device, and wait for them; they share the output of this process.

    Args:
        method: which training.
        settings: of the run.
        output: folder of the run.
        processes: how many.
        resume: go on with the run in the folder.

    Raises:
        SettingsError: the batch cannot be divided.
        OutputError: the folder exists.
        ModelError: a process failed; its message is on standard error.
    """
    if isinstance(settings, GRPOSettings):
        from geogrounding.training.base_model import is_builtin

        settings = settings.completed(builtin=is_builtin(settings.model))
        settings.check_batch(processes)
    if not resume:
        check_new(output)
    job = {"method": method, "settings": describe(settings), "output": str(output), "resume": resume}
    with tempfile.TemporaryDirectory(prefix="geoground-train-") as folder:
        file = Path(folder) / "job.json"
        file.write_text(json.dumps(job), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            *_launcher(settings, processes),
            "-m",
            "geogrounding.training.launch",
            str(file),
        ]
        code = subprocess.run(command, check=False).returncode  # noqa: S603 - our own interpreter and file
    if code:
        raise ModelError(f"training in {processes} processes failed", hint="The first message above says why.")


def _launcher(settings: TrainSettings, processes: int) -> list[str]:
    if settings.device == "cpu":  # accelerate wants MPI for several processes on CPUs
        return ["torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    launcher = ["accelerate.commands.launch", "--num_processes", str(processes), "--num_machines", "1"]
    return [*launcher, "--mixed_precision", "no", "--dynamo_backend", "no", "--multi_gpu"]


def settings_of_run(folder: Path, kind: type[TrainSettings]) -> Mapping[str, Any]:
    """The settings that a run in a folder was begun with.

    Raises:
        ModelError: the folder holds no readable record.
        SettingsError: the record holds no settings.
    """
    config = read_record(folder).get("config")
    if not isinstance(config, dict):
        raise SettingsError(f"the record in {folder} has no settings", hint="Begin a new run in another folder.")
    return {name: value for name, value in config.items() if name in kind.model_fields}


def main(file: Path) -> int:
    """One of the processes: read the job and train; the first one reports."""
    job = json.loads(file.read_text(encoding="utf-8"))
    kind: type[TrainSettings] = GRPOSettings if job["method"] == "grpo" else SFTSettings

    def report(numbers: Mapping[str, float]) -> None:
        print(run_log.one_line(numbers), file=sys.stderr, flush=True)

    def note(text: str) -> None:
        print(f"Warning: {text}", file=sys.stderr, flush=True)

    try:
        settings = make_settings(kind, job["settings"])
        train(job["method"], settings, Path(job["output"]), resume=job["resume"], on_log=report, on_note=note)
    except GeogroundingError as error:
        if is_main():
            print(f"Error: {error}", f"Hint: {error.hint}" if error.hint else "", sep="\n", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
