"""What a job would take: projected from a trial, and from a table of prices."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

import deepcrop
from deepcrop import cli
from deepcrop.cli.output import show_plan
from deepcrop.engine.layout import Layout, Node, plan_for_nodes
from deepcrop.errors import RequestError
from deepcrop.job import Job
from deepcrop.planning.plan import project
from deepcrop.planning.prices import TABLE, Machine, Prices
from deepcrop.planning.trial import Estimate, Trial

PRICES = Prices.read()
STAGES = {"fetch": 0.01, "decode": 0.02, "infer": 0.1, "render": 0.05, "write": 0.02}
TRIAL = Trial(
    sources=36_000,
    timed=108,
    steady=48,
    layout=Layout(True, 2, 0.9, 0.0),
    fixed=20.0,
    seconds=Estimate(0.1, 0.01),
    stages=STAGES,
    bytes_in=Estimate(1000.0),
    bytes_out=Estimate(2.0**20, 2.0**18),
    variants=3.0,
    failed=0.0,
)
CPUS = Machine(cpus=16, hour=0.5)


def test_twice_the_actors_take_half_the_time_and_intervals_scale_alike():
    here = project(TRIAL, TRIAL.layout, PRICES, None, "", 1)
    assert here.seconds == Estimate(3620.0, 360.0) and here.machine_cost is None
    job = Job(input="/in", output="/out", method="center", aspects=("1:1",))
    there = project(TRIAL, plan_for_nodes(job, [Node(16, 0)] * 2), PRICES, CPUS, "2 x big", 2)
    assert there.seconds.value == pytest.approx(20 + 3600 / 16)
    assert there.seconds.error == pytest.approx(360 / 16)
    assert there.machine_cost.value == pytest.approx(there.seconds.value / 3600 * 2 * 0.5)
    assert there.reads == 36_000 and there.writes == 3 * 36_000 + 72 + 36
    assert there.bytes_out == Estimate(36_000 * 2.0**20, 36_000 * 2.0**18)


def test_the_slowest_pool_decides_and_gpus_count_by_the_hour():
    one = replace(TRIAL, layout=Layout(False, 1, 0.25, 1.0, cpu_actors=4))
    two = project(one, replace(one.layout, actors=2), PRICES, None, "", 1)
    assert two.seconds.value == pytest.approx(20 + 1800)
    assert two.gpu_hours.value == pytest.approx(2 * two.seconds.value / 3600)
    fewer = project(one, replace(one.layout, actors=2, cpu_actors=1), PRICES, None, "", 1)
    assert fewer.seconds.value == pytest.approx(20 + 3600 * 0.7)


def test_times_are_said_in_units_that_a_person_uses_with_the_start_up_in_them(capsys):
    show_plan(project(TRIAL, TRIAL.layout, PRICES, None, "", 1), PRICES)
    lines = {line.split("  ")[0]: line.rstrip() for line in capsys.readouterr().out.splitlines()}
    assert lines["time"].endswith("60 min ± 6 min, of which start-up 20 s")
    assert lines["worked on"].endswith("108, of which 0% failed")
    assert lines["timed"].endswith("48 of them, while all processes were at work")
    assert "GPU hours" not in lines and "hours" not in lines
    few = replace(TRIAL, steady=TRIAL.timed)
    show_plan(project(few, TRIAL.layout, PRICES, None, "", 1), PRICES)
    assert "all of them, also while processes were starting" in capsys.readouterr().out
    show_plan(project(few, TRIAL.layout, PRICES, None, "", 1), PRICES, sampled=False)
    said = capsys.readouterr().out
    assert "108 done before, of which 0% failed" in said and "timed" not in said
    small = replace(TRIAL, sources=4, fixed=9.0)
    show_plan(project(small, TRIAL.layout, PRICES, None, "", 1), PRICES)
    assert "9.4 s ± 0.04 s, of which start-up 9 s" in capsys.readouterr().out


def test_prices_are_checked_and_an_unknown_machine_is_named(tmp_path):
    (tmp_path / "prices.yaml").write_text(TABLE.read_text().replace("hour: 0.714", "hour: cheap"))
    with pytest.raises(RequestError, match=r"machines\.c7i\.4xlarge\.hour"):
        Prices.read(tmp_path / "prices.yaml")
    with pytest.raises(RequestError, match=r"'pdp-11'.*one of: c7i\.4xlarge"):
        PRICES.machine("pdp-11")


def test_an_unknown_machine_is_refused_before_anything_is_announced(tmp_path, capsys):
    (tmp_path / "job.yaml").write_text("input: in\noutput: out\naspects: ['1:1']\n")
    with pytest.raises(SystemExit) as stop:
        cli.main(["plan", str(tmp_path / "job.yaml"), "--machine", "foo"])
    said = capsys.readouterr().err
    assert stop.value.code == 2 and said.startswith("deepcrop: machine 'foo': not in the table")


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_plan_of_all_sources_says_exactly_what_the_job_then_makes(corpus, tmp_path, capsys):
    job = Job.parse(
        {"input": str(corpus), "output": str(tmp_path / "out"), "method": "center"}
        | {"aspects": ["1:1", "16:9"], "gpus": 0}
    )
    (tmp_path / "job.yaml").write_text(job.to_yaml())
    with pytest.raises(SystemExit) as stop:
        cli.main(["plan", str(tmp_path / "job.yaml"), "--json"])
    assert not stop.value.code
    planned = json.loads(capsys.readouterr().out)
    assert list((tmp_path / "out").iterdir()) == []
    result = deepcrop.run(job)
    written = [path.stat().st_size for path in (tmp_path / "out" / "variants").rglob("*.jpg")]
    assert planned["sources"] == planned["timed"] == result.sources == 24
    assert planned["failed"] == result.failed / 24
    assert planned["bytes_out"] == {"value": pytest.approx(sum(written)), "error": 0.0}
    assert planned["seconds"]["value"] > 0
