"""The blind comparison: what is drawn, what is told, what is counted."""

from __future__ import annotations

import io
import json
import threading
import time
from pathlib import Path

import pytest
from PIL import Image
from scipy.stats import binomtest

from deepcrop.cli import app
from deepcrop.errors import RequestError
from deepcrop.manifest.mark_log import MarkLog
from deepcrop.review.compare import opened
from deepcrop.review.judgements import WinRate, better_of, entry_of, read_sheet, side_of, win_rates
from deepcrop.review.pairs import CENTER, Comparison, Cut, Pair, draw
from deepcrop.storage import Storage
from tests.report.browsing import NEEDS_CHROMIUM
from tests.report.synthetic import preset_variant, row, write_output
from tests.review.served import Served

COUNT = 12


@pytest.fixture
def outputs(tmp_path: Path) -> tuple[str, str]:
    """Two jobs on the same 12 photos: red on the left, blue on the right. One crops each side.

    Of the last four photos both have the same crops.
    """
    picture = Image.new("RGB", (300, 200), (200, 30, 30))
    picture.paste((30, 30, 200), (150, 0, 300, 200))
    folders = []
    for name, left in (("secret-new", 0), ("secret-old", 100)):
        folder = tmp_path / name
        rows = []
        for number in range(COUNT):
            path = tmp_path / "in" / f"{number:02d}.png"
            if not path.exists():
                path.parent.mkdir(exist_ok=True)
                picture.save(path)
            made = row(str(folder), str(path))
            x0 = left if number < 8 else 50
            made["variants"][0] |= {"x0": x0, "y0": 0, "x1": x0 + 200, "y1": 200}
            rows.append(made)
        write_output(folder, rows)
        folders.append(str(folder))
    return folders[0], folders[1]


def compared(outputs: tuple[str, str], count: int = 100) -> tuple[Comparison, MarkLog]:
    comparison, log, _ = opened(*outputs, count, 0, None, False)
    return comparison, log


def test_pairs_are_drawn_where_the_outputs_differ_the_same_each_time(outputs):
    comparison, _ = compared(outputs)
    assert len(comparison.pairs) == 8 and {pair.ratio for pair in comparison.pairs} == {"1x1"}
    assert comparison.compared == {"1x1": 12, "16x9": 12} and comparison.differing == {"1x1": 8}
    assert {pair.swapped for pair in comparison.pairs} == {True, False}
    assert compared(outputs)[0] == comparison
    assert draw(*outputs, 100, 0)[0].pairs == draw(*outputs, 100, 0)[0].pairs
    assert draw(*outputs, 100, 1)[0].pairs != comparison.pairs
    assert len(draw(*outputs, 3, 0)[0].pairs) == 3
    assert Comparison.of_json(comparison.to_json()) == comparison


def test_the_centre_is_compared_without_a_job_of_its_own(outputs):
    comparison, _ = draw(outputs[0], CENTER, 100, 0)
    assert len(comparison.pairs) == 8
    for pair in comparison.pairs:
        assert pair.cuts[1].box == (50, 0, 250, 200) and pair.cuts[0].box == (0, 0, 200, 200)


def test_equal_outputs_are_an_answer_and_not_kept(outputs, tmp_path, capsys):
    assert app.exit_status(["compare", outputs[0], outputs[0]]) == 0
    told = capsys.readouterr()
    [line] = told.out.splitlines()
    assert line.startswith("nothing to judge: 24 crops of") and line.endswith("are the same")
    assert told.err == ""
    assert app.exit_status(["compare", outputs[0], outputs[0], "--results", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["differing"] == {} and record["rates"] == {}
    assert not (Path(outputs[0]) / "comparisons").exists()


def with_rules(folder: Path, photo: Path, *square: dict) -> str:
    """A job of one photo: these files of presets of 1:1, and a crop of 16:9."""
    made = row(str(folder), str(photo))
    plain, wide = made["variants"]
    made["variants"] = [*(preset_variant(plain, **each) for each in square), wide]
    write_output(folder, [made])
    return str(folder)


def test_whole_photos_are_no_crops(outputs, tmp_path, capsys):
    photo = tmp_path / "in" / "00.png"
    blurred = {"preset": "card", "width": 100, "fit": "blur"}
    padded = with_rules(tmp_path / "padded", photo, blurred)
    comparison, _ = draw(padded, outputs[0], 10, 0)
    assert comparison.compared == {"16x9": 1} and comparison.left_out == 1
    assert not comparison.pairs
    # A crop of the ratio stands for it, wherever it comes among the presets.
    moved = {"preset": "tiny", "width": 100, "x0": 0, "x1": 200}
    both = with_rules(tmp_path / "both", photo, blurred, moved, blurred | {"preset": "last"})
    comparison, _ = draw(both, CENTER, 10, 0)
    assert [pair.cuts[0].box for pair in comparison.pairs] == [(0, 0, 200, 200)]
    assert comparison.left_out == 0
    alone = with_rules(tmp_path / "alone", photo, blurred, moved | {"aspect": "4x5"})
    assert app.exit_status(["compare", alone, "center", "--no-kinds", "--results"]) == 0
    assert "crops that differ: 1 of 2; left out as whole photos: 1" in capsys.readouterr().out


def test_retargeted_photos_are_compared_with_one_another_alone(outputs, tmp_path):
    whole = dict.fromkeys(("x0", "y0", "x1", "y1", "score"))
    folders = []
    for name in ("one", "two"):
        made = row(str(tmp_path / name), str(tmp_path / "in" / "00.png"))
        made["variants"] = [each | whole for each in made["variants"]]
        write_output(tmp_path / name, [made])
        folders.append(str(tmp_path / name))
    assert len(draw(*folders, 10, 0)[0].pairs) == 2
    for other in (CENTER, outputs[0]):
        with pytest.raises(RequestError, match="in common; left out as whole photos: 2"):
            draw(folders[0], other, 10, 0)


def test_pairs_are_headed_by_the_name_of_their_ratio_or_size():
    def label(ratio):
        return Pair("a", ratio, "", (Cut(None, "a"), Cut(None, "b")), False).label

    assert [label(each) for each in ("16x9", "600x315px")] == ["16:9", "600x315px"]


def test_outputs_without_a_photo_in_common_are_refused(outputs, tmp_path):
    write_output(tmp_path / "other", [row(str(tmp_path / "other"), "/elsewhere/a.jpg")])
    with pytest.raises(RequestError, match="in common"):
        draw(outputs[0], str(tmp_path / "other"), 10, 0)


def test_win_rates_and_their_intervals(outputs):
    for first, second in ((7, 3), (0, 5), (40, 0), (1, 1)):
        found = WinRate(first, 0, second)
        wanted = binomtest(first, first + second).proportion_ci(method="wilson")
        assert found.rate == first / (first + second)
        assert found.interval == pytest.approx((wanted.low, wanted.high), abs=1e-6)
    assert WinRate(2, 4, 2).rate == 0.5
    comparison, log = compared(outputs)
    for number, pair in enumerate(comparison.pairs):
        log.append([entry_of(pair, side_of(pair, "first" if number < 6 else "alike"), "anna")])
    log.append([entry_of(comparison.pairs[0], side_of(comparison.pairs[0], "second"), "bela")])
    log.append([entry_of(comparison.pairs[1], side_of(comparison.pairs[1], "second"), "anna")])
    rates = win_rates(comparison, log)
    assert rates["all"] == rates["ratio 1x1"] == WinRate(5, 2, 2)
    for pair in comparison.pairs:
        for side in ("left", "right", "alike"):
            assert side_of(pair, better_of(pair, side)) == side


def test_sheets_are_written_judged_and_taken_in(outputs, tmp_path, capsys):
    command = ["compare", *outputs, "--no-kinds"]
    folder = tmp_path / "sheets"
    assert app.exit_status([*command, "--sheets", str(folder)]) == 0
    assert f"8 pairs on 1 sheet in {folder};" in capsys.readouterr().out
    comparison, log = compared(outputs)
    table = folder / "judgements.csv"
    assert len(table.read_text().splitlines()) == 9
    with Image.open(folder / "pairs-001.png") as sheet:
        assert sheet.width > 1000
    lines = [
        f"{number},{side_of(pair, 'first')}" for number, pair in enumerate(comparison.pairs, 1)
    ]
    table.write_text("number,better\n" + "\n".join(lines[:-1]) + "\n8,\n")
    capsys.readouterr()
    assert app.exit_status([*command, "--judgements", str(table), "--json"]) == 0
    told = capsys.readouterr().out
    assert "7 judgements taken in" in told
    assert json.loads(told[told.index("{") :])["rates"]["all"]["first"] == 7
    log.refresh()
    assert len(log.entries) == 7
    with pytest.raises(RequestError, match="line 2: better 'up'"):
        read_sheet("number,better\n1,up\n", comparison, "anna")
    with pytest.raises(RequestError, match="line 3: number '9': expected 1 to 8"):
        read_sheet("number,better\n1,left\n9,left\n", comparison, "anna")


def test_what_photos_show_is_told_from_the_network(photos):
    from deepcrop.methods import registry
    from deepcrop.review.kinds import kind_of

    method = registry.load("saliency", device="cpu")
    seen = method.look([photos["astronaut"], photos["chelsea"]])
    assert [kind_of(each) for each in seen] == ["people", "animals"]


def serving(comparison: Comparison, log: MarkLog):
    """Serve a comparison in a thread; returns the server and requests to it."""
    from deepcrop.review.compare_app import CompareApp, compare_app
    from deepcrop.review.guard import new_token
    from deepcrop.review.pair_pictures import PairPictures
    from deepcrop.review.server import listen, server_of

    place, token = listen("127.0.0.1", 0), new_token()
    judged = CompareApp(comparison, log, PairPictures(Storage()), "anna")
    server = server_of(compare_app(judged, token, place.hosts))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [place.socket]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    return server, thread, Served(place.port, token, None)


@NEEDS_CHROMIUM
def test_it_is_played_by_keys_seeing_the_pictures_alone(browser, outputs):
    from tests.review.test_sharing import until

    comparison, log = compared(outputs)
    server, thread, served = serving(comparison, log)
    # Nothing that the page gets tells whose crop is where.
    answers = [served.ask("GET", path) for path in ("", "api/pairs?by=anna", "api/pair/0/left")]
    for each in answers:
        assert each.status == 200 and b"secret" not in each.data and b"swapped" not in each.data
    assert served.ask("GET", "api/results?by=anna").status == 403
    left = Image.open(io.BytesIO(answers[2].data))
    red, _, blue = left.resize((1, 1)).getpixel((0, 0))
    assert left.size == (760, 760) and (blue > red) == comparison.pairs[0].swapped
    wrong = served.post(
        "api/judgements", {"number": 99, "better": "left", "by": "x", "id": "a" * 8}
    )
    assert wrong.status == 422 and "expected 0 to 7" in wrong.json["error"]
    context = browser.new_context()
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"http://127.0.0.1:{served.port}/{served.token}/")
    until(page, "() => document.querySelector('#left img').naturalWidth > 0")
    # The person likes more blue: that is the second output's crop.
    bluest = """(side) => {
        const canvas = document.createElement("canvas").getContext("2d");
        canvas.drawImage(document.querySelector(`#${side} img`), 0, 0, 1, 1);
        return canvas.getImageData(0, 0, 1, 1).data[2];
    }"""
    for number in range(8):
        until(page, f"() => document.querySelector('#place').textContent === '{number + 1} of 8'")
        until(
            page,
            "n => ['left', 'right'].every((side) => { const image ="
            " document.querySelector(`#${side} img`); return image.complete &&"
            " image.src.includes(`/pair/${n}/`) && image.naturalWidth > 0; })",
            number,
        )
        blue = page.evaluate(bluest, "left") > page.evaluate(bluest, "right")
        page.keyboard.press("ArrowLeft" if blue else "ArrowRight")
    page.keyboard.press("z")
    until(page, "() => document.querySelector('#place').textContent === '8 of 8'")
    page.keyboard.press("ArrowDown")
    until(page, "() => document.querySelector('#rates tr') !== null")
    assert page.locator("#rates tr").first.inner_text().split("\t")[:5] == [
        "all",
        "8",
        "0",
        "1",
        "7",
    ]
    assert "secret-new" in page.locator("#results-lead").inner_text()
    assert complaints == []
    context.close()
    server.should_exit = server.force_exit = True
    thread.join(20)
    assert win_rates(comparison, log)["all"] == WinRate(0, 1, 7)
