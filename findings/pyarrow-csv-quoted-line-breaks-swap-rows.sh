#!/usr/bin/env bash
# pyarrow.csv: a valid CSV file of quoted line breaks comes back with the right number of rows, two of
# them wrong
#
# Run with   pyarrow 26.0.1, Python 3.11, x86-64.
#
# Behaviour  read_csv cuts the file into blocks of 1 MiB at line breaks, and by default treats
#            every line break as the end of a row, also one inside quotes. Within a block the parser reads
#            quoted line breaks right, so small files are right. If a block's edge falls on one,
#            the row is split: its first line is lost, its second line becomes a row of its own. If
#            that line has as many commas as a row, nothing is raised, and the number of rows may
#            even be right.
#
# Expected   An error, or the rows. Files of under 1 MiB, which is what tests have, give the rows.
#
# Seen       A table of 40,000 rows such as  /x/7.jpg,"A square, at noon\nwith people, and dogs"
#              40,000 rows read, 2 sources missing, 2 that never were: ['with people']
#            The length of the captions determines the position of the edges: of 12 such files 6 are
#            read wrong without an error, 6 raise "CSV parser got out of sync with chunker", none is right.
#            ParseOptions(newlines_in_values=True) reads all of them right.
#
# Affects    Lists of photos with captions, exports of shops and of press agencies: descriptions with
#            line breaks. A check of the number of rows finds nothing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1
"$work/venv/bin/python" - <<'PYTHON'
import csv
import io
import sys

import pyarrow as pa
import pyarrow.csv

ROWS = 40_000


def listing(padding):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("uri", "caption"))
    for number in range(ROWS):
        caption = f"A square, at noon{'x' * padding}\nwith people, and dogs"
        writer.writerow((f"/x/{number}.jpg", caption))
    return text.getvalue().encode()


wanted = {f"/x/{number}.jpg" for number in range(ROWS)}
silent = raised = right = 0
same_count = False
for padding in range(12):
    data = listing(padding)
    assert len(list(csv.reader(io.StringIO(data.decode())))) == ROWS + 1  # it is a valid file
    try:
        read = pa.csv.read_csv(io.BytesIO(data))["uri"].to_pylist()
    except pa.ArrowInvalid as error:
        raised += 1
        continue
    strange = [uri for uri in read if uri not in wanted]
    missing = len(wanted - set(read))
    if not strange and not missing:
        right += 1
        continue
    silent += 1
    if len(read) == ROWS and not same_count:
        same_count = True
        print(
            f"{len(read):,} rows read, {missing} sources missing, "
            f"{len(strange)} that never were: {sorted(set(strange))}"
        )
print(f"of 12 files: {silent} wrong without a word, {raised} raised, {right} right")
whole = pa.csv.read_csv(
    io.BytesIO(listing(0)), parse_options=pa.csv.ParseOptions(newlines_in_values=True)
)
assert set(whole["uri"].to_pylist()) == wanted
if not (silent and same_count):
    sys.exit("changed: no file is read wrong without a word")
print("still there")
PYTHON
