"""Run as a process by the fault tests: write a layer, over and over or once, and say when it starts.

    python -m tests.fault.write_ships PATH COUNT [LIMIT_BYTES]

With LIMIT_BYTES the process may write no larger file, as on a full disk. Exit code 5 stands for OutputError.
"""

from __future__ import annotations

import resource
import signal
import sys
from dataclasses import replace
from pathlib import Path

from geogrounding.errors import OutputError
from geogrounding.io.write_layer import write_layer
from tests.unit.features import UTM, some_features


def main() -> int:
    path, count = Path(sys.argv[1]), int(sys.argv[2])
    features = [replace(feature, reasoning="because " * 20) for feature in some_features(count)]
    if len(sys.argv) > 3:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    try:
        write_layer(path, features, crs=UTM, metadata={"run": "new"}, overwrite=True)
    except OutputError as error:
        sys.stdout.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
