"""The check of a job's input and output before anything starts."""

from __future__ import annotations

import pytest

import deepcrop
from deepcrop.engine.preflight import without_empty_folders
from deepcrop.errors import RequestError
from deepcrop.job import Job


@pytest.mark.parametrize("name", ["readme.txt", "list.csv"])
def test_an_input_that_is_refused_leaves_no_empty_output_behind(tmp_path, name):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_text("nothing to see\n")
    asked = tmp_path / "in" / (name if name.endswith(".csv") else "")
    job = Job(input=str(asked), output=f"{tmp_path}/new/out", method="center", aspects=["1:1"])
    with pytest.raises(RequestError, match=f"input {tmp_path}/in"):
        deepcrop.run(job)
    assert [each.name for each in tmp_path.iterdir()] == ["in"]


def test_folders_that_were_there_or_are_not_empty_stay(tmp_path):
    def refuse(output, file):
        with without_empty_folders(str(output)):
            output.mkdir(exist_ok=True)
            if file:
                (output / file).write_text("kept")
            raise RequestError("wrong")

    (tmp_path / "old").mkdir()
    for name, file in (("old", None), ("new", "a.txt")):
        with pytest.raises(RequestError, match="wrong"):
            refuse(tmp_path / name, file)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["new", "old"]
