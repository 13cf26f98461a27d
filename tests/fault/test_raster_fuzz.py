"""Mutated TIFFs end in pixels or in one of our errors: no crash, no hang, no other exception, no runaway memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

MUTANTS = 10_000
FAST_SHARE = 100
"""One in this many is read in the fast run."""
LONGEST_SECONDS = 10.0
PEAK_MIB = 2_000
BATCH = 500
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("count", [MUTANTS // FAST_SHARE, pytest.param(MUTANTS, marks=pytest.mark.slow)])
def test_mutated_tiffs_end_in_pixels_or_in_our_errors(tmp_path: Path, count: int) -> None:
    outcomes: Counter[str] = Counter()
    longest, peak_mib = 0.0, 0
    for first in range(0, count, BATCH):
        number = min(BATCH, count - first)
        command = [sys.executable, "-m", "tests.fault.fuzz_raster", str(first), str(number), str(tmp_path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60 + number * LONGEST_SECONDS)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        last = lines[-1]["number"] if lines else "none"
        assert done.returncode == 0, f"died with {done.returncode} after mutant {last}: {done.stderr[-2000:]}"
        assert len(lines) == number
        for line in lines:
            assert line["outcome"] != "escaped", f"mutant {line['number']}: {line['detail']}"
            outcomes[line["outcome"]] += 1
        longest = max(longest, *(line["seconds"] for line in lines))
        peak_mib = max(peak_mib, lines[-1]["peak_mib"])
        assert "Traceback" not in done.stderr
        assert "Warning" not in done.stderr
    print(f"{count} mutants: {dict(outcomes)}, longest {longest:.2f} s, peak {peak_mib} MiB")
    assert longest < LONGEST_SECONDS
    assert peak_mib < PEAK_MIB
    # The mutations reach all three ends, or they would prove little.
    assert set(outcomes) == {"read", "partly", "refused"}
