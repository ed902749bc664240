"""Lists are text: every value is carried over as it was, whatever stands in it."""

from __future__ import annotations

import csv
import datetime
import decimal
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepcrop.errors import RequestError
from deepcrop.schema import IMAGES
from deepcrop.schema import SOURCES as SCHEMA
from deepcrop.sources import list_files as lists
from deepcrop.sources.discovery import list_small, list_sources
from deepcrop.sources.list_files import plain_type, read_list
from deepcrop.stages.item import from_listing, to_table
from deepcrop.storage import Storage

ODD = ["00120", "123456789012345678901", "2024-01-01", "1e5", "NaN", "NULL", "true", " x ", "0x1F"]
ODD += ["1,5", '"', "line\nbreak", "line\r\nbreak", "\ttab", "é日本🖼", "N/A", "-0", "1_000"]


def read(path, data: bytes) -> pa.Table:
    path.write_bytes(data)
    return read_list(str(path), Storage())


@pytest.fixture
def refused(tmp_path):
    """What is said of a list that is wrong, without the start that names it."""

    def said(data: bytes, name: str = "list.csv") -> str:
        (tmp_path / name).write_bytes(data)
        with pytest.raises(RequestError) as caught:
            list_sources(str(tmp_path / name), Storage())
        text = str(caught.value)
        assert text.startswith(f"input {tmp_path / name}: ") and "\n" not in text
        return text.partition(f"{name}: ")[2]

    return said


def test_values_stay_the_text_that_they_were(tmp_path):
    sink = io.StringIO()
    csv.writer(sink).writerows(
        [["uri", "sku", "caption"], *(["/x/a.jpg", odd, odd] for odd in ODD)]
    )
    table = read(tmp_path / "list.csv", sink.getvalue().encode())
    assert table["sku"].to_pylist() == table["caption"].to_pylist() == ODD
    assert table.schema.types == [pa.string()] * 3


def quoted(value: str) -> str:
    """A value as RFC 4180 has it (Python's writer leaves a lone CR without quotes)."""
    return '"' + value.replace('"', '""') + '"' if set(value) & set(',"\r\n') else value


texts = st.text(st.sampled_from('ab,"\n\r\t ;éß0'), max_size=12)
cells = st.lists(texts, min_size=2, max_size=2)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@given(rows=st.lists(cells, max_size=12), share=st.integers(1, 5), data=st.data())
def test_rows_come_back_whatever_stands_in_them(tmp_path_factory, end, rows, share, data):
    lines = ["uri,note,more"]
    for number, row in enumerate(rows):
        lines += data.draw(st.sampled_from([[], [""], ["", ""]]))
        lines.append(",".join([f"/x/{number}.jpg", *map(quoted, row)]))
    text = end.join(lines) + data.draw(st.sampled_from(["", end]))
    start = data.draw(st.sampled_from(["", "\ufeff"]))
    path = tmp_path_factory.getbasetemp() / "rows.csv"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lists, "ROWS", share)
        table = read(path, (start + text).encode())
    assert table["uri"].to_pylist() == [f"/x/{number}.jpg" for number in range(len(rows))]
    for at, name in enumerate(("note", "more")):
        assert table[name].to_pylist() == [row[at] or None for row in rows]
        assert table[name].type == pa.string()


@pytest.mark.parametrize("shift", [0, 1, 2, 3, 5, 7, 11, 13, 29, 31])
def test_quoted_line_breaks_survive_every_edge_of_a_block(tmp_path, shift):
    # 1 MiB and 64 KiB are the blocks of Arrow's reader and of Python's decoder: rows of some 38
    # bytes, shifted by a few, lie over their edges in every way.
    rows = [f'/x/{number}.jpg,"two lines\nof caption {number}"' for number in range(40_000)]
    head = "uri,caption\n" + "\n" * shift
    table = read(tmp_path / "list.csv", (head + "\n".join(rows)).encode())
    assert table["uri"].to_pylist() == [f"/x/{number}.jpg" for number in range(40_000)]
    assert table["caption"].to_pylist()[-1] == "two lines\nof caption 39999"


def test_a_value_may_be_longer_than_any_block(tmp_path):
    long = 'a "long",\n' * 400_000
    sink = io.StringIO()
    csv.writer(sink).writerows([["uri", "data"], ["/x/a.jpg", long], ["/x/b.jpg", ""]])
    table = read(tmp_path / "list.csv", sink.getvalue().encode())
    assert table["data"].to_pylist() == [long, None]


def test_an_empty_value_is_null_quoted_or_not(tmp_path):
    table = read(tmp_path / "list.csv", b'uri,a,b\n/x/1.jpg,,""\n/x/2.jpg, ,x\n')
    assert table.to_pylist()[0] == {"uri": "/x/1.jpg", "a": None, "b": None}
    assert table["a"].to_pylist()[1] == " "


def test_other_encodings_and_separators(tmp_path):
    text = "uri\tcaption\n/x/é.jpg\ta, b\n"
    for data in (text.encode(), text.encode("utf-8-sig"), text.encode("utf-16")):
        assert read(tmp_path / "list.tsv", data).to_pylist() == [
            {"uri": "/x/é.jpg", "caption": "a, b"}
        ]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty; expected a header with a column 'uri'"),
        (b"\n\n", "is empty"),
        (b"uri,caption\n", "no images there (ignored 0)"),
        (b"uri\n\n", "no images there (ignored 0)"),
        (b"path,caption\na.jpg,x\n", "no column 'uri' or 'url'; it has: path, caption"),
        (
            b"uri;caption\na.jpg;x\n",
            "no column 'uri' or 'url'; it has: uri;caption; values are separated by",
        ),
        (b"uri,sku,sku\na,b,c\n", "two columns are called 'sku'"),
        (b"uri,url,sku\na,b\n", "line 2: 2 values where the header has 3"),
        (b'uri,a\n/x/1.jpg,"two\nlines"\n\n/x/2.jpg,1,2\n', "line 5: 3 values where the header"),
        (b'uri,a\n/x/1.jpg,b\n/x/2.jpg,"never\nended\n', "line 3: unexpected end of data"),
        (b'uri,a\n/x/1.jpg,"b" c\n', "line 2: ',' expected after '\"'"),
        (b"uri,a\n/x/1.jpg,b\n/x/caf\xe9.jpg,c\n", "line 3: not UTF-8"),
        (b"uri,a\n/x/1.jpg,b\ns3://,c\n", "row 2: 's3://': expected s3://bucket/prefix"),
    ],
)
def test_a_wrong_list_says_what_and_where(refused, data, said):
    assert refused(data).startswith(said)


def test_what_is_no_parquet_says_so(refused):
    assert refused(b"uri\na.jpg\n", "list.parquet").startswith("cannot be read as a list")


def test_a_line_of_text_ends_at_line_breaks_alone(tmp_path):
    odd = ["/x/a\u2028b.jpg", "/x/a\x85b.jpg", "/x/a\x1cb.jpg", "/x/nbsp\u00a0"]
    table = read(tmp_path / "list.txt", "\r\n".join([*odd, "", "  /x/c.jpg\t"]).encode())
    assert table["uri"].to_pylist() == [*odd, "/x/c.jpg"]


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ("50,50", "focal point 50, 50: expected x and y from 0 to 1, shares of the width and height"
                  " (50 looks like a percentage: write 0.5)"),
        ("1.7,0.5", "focal point 1.7, 0.5: expected x and y from 0 to 1, shares of the width and"
                    " height (1.7 looks like a percentage: write 0.017)"),
        ("0.5,1200", "focal point 0.5, 1200: expected x and y from 0 to 1, shares of the width and"
                     " height (1200 looks like pixels: divide it by the width or height)"),
        ("-0.1,0.5", "focal point -0.1, 0.5: expected x and y from 0 to 1, shares of the width and"
                     " height"),
        ("nan,0.5", "focal point nan, 0.5: expected x and y from 0 to 1, shares of the width and"
                    " height"),
        ("0.5,", "focal point 0.5, empty: expected x and y from 0 to 1, shares of the width and"
                 " height"),
    ],
)  # fmt: skip
def test_a_focal_point_is_refused_with_its_row(refused, tmp_path, point, said):
    good = "/x/1.jpg,0,1\n/x/2.jpg,,\n"
    assert refused(f"uri,focal_x,focal_y\n{good}/x/3.jpg,{point}\n".encode()) == f"row 3: {said}"
    # Corrections are judged by the same rule.
    from deepcrop.sources.corrections_file import _validate

    x, y = (float(each) if each else None for each in point.split(","))
    row = dict.fromkeys(("aspect", "x1", "y1")) | {"source_uri": "/x", "kind": "focal"}
    assert _validate(row | {"x0": x, "y0": y}, set(), "crop") == said


def test_a_focal_point_in_words_names_its_column(refused):
    text = b"uri,focal_x,focal_y\n/x/1.jpg,,\n/x/2.jpg,left,0.5\n"
    assert refused(text) == "row 2: focal_x 'left': expected a number from 0 to 1"
    assert refused(b"uri,focal_x\n/x/1.jpg,0.5\n").startswith("row 1: focal point 0.5, empty")


@pytest.mark.parametrize("name", ["uri", "url"])
@pytest.mark.parametrize(
    ("values", "kind"), [([1, 2], "int64"), ([True], "bool"), ([["a.jpg"]], "list<")]
)
def test_addresses_that_are_no_text_are_refused(refused, name, values, kind):
    sink = io.BytesIO()
    pq.write_table(pa.table({name: values}), sink)
    said = refused(sink.getvalue(), "list.parquet")
    assert said.startswith(f"column 'uri': its values are {kind}")
    assert said.endswith("; expected text: paths or addresses")


def test_addresses_may_be_bytes_or_coded_text(tmp_path):
    for column in (pa.array([b"/x/a.jpg"]), pa.array(["/x/a.jpg"]).dictionary_encode()):
        pq.write_table(pa.table({"uri": column}), tmp_path / "list.parquet")
        table = read_list(str(tmp_path / "list.parquet"), Storage())
        assert table.to_pylist() == [{"uri": "/x/a.jpg"}]


def test_focal_points_are_read(tmp_path):
    table = read(tmp_path / "a.csv", b"uri,focal_y,focal_x\n/x/1.jpg, 0.25,1\n/x/2.jpg,, \n")
    assert table.to_pylist() == [
        {"uri": "/x/1.jpg", "focal_x": 1.0, "focal_y": 0.25},
        {"uri": "/x/2.jpg", "focal_x": None, "focal_y": None},
    ]


NOON = datetime.datetime(2024, 1, 1, 12, 0, 0, 123456)
TYPED = {
    "stock": pa.array([1, None], pa.int64()),
    "small": pa.array([200, None], pa.uint8()),
    "price": pa.array([decimal.Decimal("1.10"), None], pa.decimal128(10, 2)),
    "day": pa.array([NOON.date(), None], pa.date32()),
    "when": pa.array([NOON, None], pa.timestamp("ns", "UTC")),
    "flag": pa.array([True, None]),
    "ratio": pa.array([0.1, None], pa.float32()),
    "raw": pa.array([b"\0\xff", None]),
    "tags": pa.array([["a", "b"], None], pa.list_(pa.string())),
    "place": pa.array([{"x": 1, "y": None}, None], pa.struct([("x", pa.int8()), ("y", pa.null())])),
    "nothing": pa.nulls(2),
    "nothings": pa.array([[], None], pa.list_(pa.null())),
    "words": pa.array(["a", "b"]).dictionary_encode(),
    "large": pa.array(["a", None], pa.large_string()),
    "key": pa.array(["k", None]),
    "corrections": pa.array(["none", None]),
    "status": pa.array(["s", None]),
    "input_status": pa.array(["t", None]),
}


def test_columns_of_parquet_keep_their_types_to_the_manifest(tmp_path):
    path = tmp_path / "list.parquet"
    pq.write_table(pa.table({"uri": ["/x/a.jpg", "/x/b.jpg"]} | TYPED), path)
    listed = list_small(str(path), Storage()).table
    carried = pa.schema([each for each in listed.schema if each.name not in SCHEMA.names])
    renamed = {name: name for name in TYPED} | {"status": "input_input_status"}
    renamed |= {"key": "input_key", "corrections": "input_corrections"}
    assert sorted(carried.names) == sorted(renamed.values())
    rows = to_table(from_listing(listed), "center", carried)
    assert rows.schema.names == [*IMAGES.names, *carried.names]
    for name, column in TYPED.items():
        kind = plain_type(column.type)
        assert rows.schema.field(renamed[name]).type == kind
        assert rows[renamed[name]].combine_chunks() == column.cast(kind)
    assert rows["stock"].type == pa.int64() and rows["nothing"].type == pa.string()
    assert "null" not in str(rows.schema)


def test_columns_keep_their_types_and_places_when_the_list_changes(tmp_path):
    path = tmp_path / "list.parquet"

    def listed(before=None, **columns):
        pq.write_table(pa.table({"uri": ["/x/a.jpg"], **columns}), path)
        table = list_sources(str(path), Storage(), before).table
        return table.select(
            [name for name in table.column_names if name not in SCHEMA.names]
        ), table

    first, whole = listed(sku=[None], stock=[1], gone=["g"])
    second, _ = listed(whole, more=["m"], stock=[2.0], sku=[7])
    assert first.schema.equals(second.schema.remove(3))
    assert second.to_pylist() == [{"sku": "7", "stock": 2, "gone": None, "more": "m"}]
    with pytest.raises(RequestError, match=r"column 'stock': .*earlier list"):
        listed(whole, stock=["many"])
    with pytest.raises(RequestError, match=r"column 'stock': .*earlier list"):
        listed(whole, stock=[1.5])
