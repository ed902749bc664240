#!/usr/bin/env bash
# DuckDB: the scores 0.5 and 1.5 of a folder's second Parquet file are read as 0 and 2
#
# Run with   duckdb 2.0.1, pyarrow 26.0.1, pandas 3.1.1, polars 2.1.0, Python 3.11, x86-64.
#
# Behaviour  The schema of 'folder/*.parquet' is that of the first file by name. Later files are cast
#            to it, and a cast from DOUBLE to BIGINT rounds, half to even, without a warning; a column
#            that the first file lacks is left out without a warning.
#
# Expected   The common type of both (DOUBLE), as in a UNION of the two files, or an error.
#
# Seen       0.parquet holds whole scores (int64), from a program that had no other scores yet;
#            1.parquet holds 0.5 and 1.5.
#              select score from 'folder/*.parquet'         1, 2, 0, 2
#              ... union all of both files                  1.0, 2.0, 0.5, 1.5
#              read_parquet(..., union_by_name = true)      1.0, 2.0, 0.5, 1.5
#            pandas and Polars refuse this folder. If only 1.parquet has a column, pandas (through
#            pyarrow) drops it without a warning, as DuckDB does; Polars refuses.
#
# Affects    Anyone who appends to a folder of Parquet files: means and thresholds over scores, prices
#            and coordinates that are off by up to a half, depending on which file sorts first.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    duckdb==2.0.1 pyarrow==26.0.1 pandas==3.1.1 polars==2.1.0
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import os
import sys

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq


def folder(name, *tables):
    os.mkdir(name)
    for number, table in enumerate(tables):
        pq.write_table(pa.table(table), f"{name}/{number}.parquet")


def scores(query):
    return [score for (score,) in duckdb.sql(query).fetchall()]


def outcome(read):
    try:
        return read()
    except Exception as error:
        return f"refused ({type(error).__name__})"


folder("mixed", {"score": [1, 2]}, {"score": [0.5, 1.5]})
glob = scores("select score from 'mixed/*.parquet'")
union = scores(
    "select score from 'mixed/0.parquet' union all select score from 'mixed/1.parquet'"
)
named = scores("select score from read_parquet('mixed/*.parquet', union_by_name = true)")
print("glob          ", glob)
print("union all     ", union)
print("union_by_name ", named)
print("pandas        ", outcome(lambda: list(pd.read_parquet("mixed")["score"])))
print("Polars        ", outcome(lambda: pl.read_parquet("mixed/*.parquet")["score"].to_list()))

folder("wider", {"id": [1]}, {"id": [2], "note": ["only here"]})
columns = {
    "DuckDB": outcome(lambda: duckdb.sql("select * from 'wider/*.parquet'").columns),
    "pandas": outcome(lambda: list(pd.read_parquet("wider").columns)),
    "Polars": outcome(lambda: pl.read_parquet("wider/*.parquet").columns),
}
print("columns of a folder whose second file has one more:", columns)
right = [1.0, 2.0, 0.5, 1.5]
if not (glob == [1, 2, 0, 2] and sorted(union) == sorted(named) == sorted(right)):
    sys.exit("changed: the glob isn't rounded, or the union is")
if columns["DuckDB"] != ["id"] or columns["pandas"] != ["id"]:
    sys.exit("changed: a later file's column isn't left out")
print("still there")
PYTHON
