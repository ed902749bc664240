#!/usr/bin/env bash
# pyarrow: a partition column that is also in the files is refused by one of its two readers, whatever
# its type
#
# Run with   pyarrow 26.0.1, pandas 3.1.1, duckdb 2.0.1, polars 2.1.0, Python 3.11, x86-64.
#
# Behaviour  In a folder  aspect=1x1/part.parquet  the column "aspect" comes from the folder's name.
#            If the file has it too, the two types must be equal, and pyarrow infers two types:
#            read_table (and so pandas) a dictionary, dataset(partitioning="hive") a string.
#
# Expected   The values agree, so every reader reads the folder, as DuckDB and Polars do.
#
# Seen       column in the file   read_table, pandas   dataset("hive")   DuckDB   Polars
#            string               refused              reads             reads    reads
#            dictionary           reads                refused           reads    reads
#            The error is "Unable to merge: Field aspect has incompatible types".
#
# Affects    Anyone who writes self-contained files: readers of a glob, and of single files, ignore
#            folders' names, so the column has to be in the files too. Then one of pyarrow's readers
#            can't open the folder.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    pyarrow==26.0.1 pandas==3.1.1 duckdb==2.0.1 polars==2.1.0
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import os
import sys

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq

READERS = {
    "read_table": lambda root: pq.read_table(root)["aspect"].to_pylist(),
    "pandas": lambda root: list(pd.read_parquet(root)["aspect"]),
    'dataset("hive")': lambda root: (
        pa.dataset.dataset(root, partitioning="hive").to_table()["aspect"].to_pylist()
    ),
    "DuckDB": lambda root: [a for (a,) in duckdb.sql(f"select aspect from '{root}/*/*.parquet'").fetchall()],
    "Polars": lambda root: pl.read_parquet(f"{root}/*/*.parquet")["aspect"].to_list(),
}


def outcome(read, root):
    try:
        return "reads" if read(root) == ["1x1"] else "reads something else"
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        assert "incompatible types" in str(error), error
        return "refused"


column = pa.array(["1x1"])
seen = {}
for kind, values in (("string", column), ("dictionary", column.dictionary_encode())):
    os.makedirs(f"{kind}/aspect=1x1")
    pq.write_table(pa.table({"aspect": values, "n": [1]}), f"{kind}/aspect=1x1/part.parquet")
    seen[kind] = {name: outcome(read, kind) for name, read in READERS.items()}
    print(f"{kind:10}", *(f"{name}: {how};" for name, how in seen[kind].items()))
expected = {
    "string": ("refused", "refused", "reads", "reads", "reads"),
    "dictionary": ("reads", "reads", "refused", "reads", "reads"),
}
if {kind: tuple(how.values()) for kind, how in seen.items()} != expected:
    sys.exit("changed: some reader treats the column otherwise")
print("still there")
PYTHON
