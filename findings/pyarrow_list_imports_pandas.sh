#!/usr/bin/env bash
# The first pyarrow.array of a plain Python list imports pandas, where pandas is installed: also of whole numbers with a type
# given and from_pandas=False, and also through RecordBatch.from_pylist. Nothing of pandas is used; a small program that
# writes a table pays some 0.2 s of processor for it. Schemas, arrays from buffers and files that are read do not do it.
# Seen with pyarrow 26.0.1 and pandas 3.1.1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1 pandas==3.1.1
"$folder/venv/bin/python" - <<'PY'
import subprocess
import sys

PROGRAM = "import sys, time, pyarrow as pa; b = time.process_time(); {}; print('pandas' in sys.modules, time.process_time() - b)"
CASES = {
    "schema": "pa.schema([('a', pa.int64())])",
    "from_buffers": "pa.Array.from_buffers(pa.int64(), 1, [None, pa.py_buffer(bytes(8))])",
    "array of a list": "pa.array([1], type=pa.int64(), from_pandas=False)",
    "from_pylist": "pa.RecordBatch.from_pylist([{'a': 1}], schema=pa.schema([('a', pa.int64())]))",
}
EXPECTED = {"schema": False, "from_buffers": False, "array of a list": True, "from_pylist": True}
import pandas
import pyarrow

print("pyarrow", pyarrow.__version__, "pandas", pandas.__version__)
seen = {}
for name, code in CASES.items():
    said = subprocess.run([sys.executable, "-c", PROGRAM.format(code)], capture_output=True, text=True, check=True).stdout
    imported, seconds = said.split()
    seen[name] = imported == "True"
    print(f"{name}: pandas imported {imported}, {float(seconds):.2f} s of processor")
print("as seen" if seen == EXPECTED else "CHANGED")
sys.exit(0 if seen == EXPECTED else 1)
PY
