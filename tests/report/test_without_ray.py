"""A page and the exports are made of a job's output, where Ray cannot be imported."""

import pytest

from tests.report.synthetic import row, write_output
from tests.test_floors import run_without_ray

COMMAND = "from deepcrop.cli import main\nsys.argv[0] = 'deepcrop'\nmain()"


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        (("report", "--machine", "g5.xlarge"), "report/index.html"),
        (("export", "--as", "xmp", "--to", "sidecars"), "sidecars/a.jpg.xmp"),
    ],
    ids=["report", "export"],
)
def test_commands_on_a_jobs_output_need_no_ray(tmp_path, monkeypatch, arguments, written):
    write_output(tmp_path, [row(str(tmp_path), "/in/a.jpg")])
    monkeypatch.chdir(tmp_path)
    command, *options = arguments
    done = run_without_ray(COMMAND, command, str(tmp_path), *options)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / written).exists()
