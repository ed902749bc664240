"""Presets: how they may be written, what they ask for, and what is refused in one line."""

from __future__ import annotations

import pytest
import yaml

from deepcrop.cli import app
from deepcrop.errors import RequestError
from deepcrop.geometry import Size
from deepcrop.job import Job

CARD = {
    "aspect": "4:5",
    "widths": [320, 640],
    "densities": [1, 1.5],
    "formats": ["avif", "jpeg"],
    "quality": {"avif": 55},
    "max_bytes": "60k",
    "fit": {"head-cut": "pad", "width<600": "skip"},
}


def job(**fields) -> Job:
    return Job.parse({"input": "/in", "output": "/out", "method": "center"} | fields)


def test_a_preset_asks_for_each_width_density_and_format():
    found = job(outputs={"card": CARD}).requests
    assert [each.name for each in found] == [
        f"card/{width}w{density}.{name}"
        for width in (320, 640)
        for density in ("", "@1.5x")
        for name in ("avif", "jpeg")
    ]
    assert {each.slug for each in found} == {"4x5"}
    assert found[3].names == ("card/320w@1.5x",) and found[3].rendition.pixel_width == 480
    output = found[0].rendition.output
    assert output.pixels(320, 1.5) == Size(480, 600) and output.max_bytes == 60_000
    assert (output.quality_of("avif"), output.quality_of("jpeg")) == (55, 88)


def test_a_preset_of_an_exact_size_has_its_densities():
    found = job(outputs={"share": {"size": "1200x630", "densities": [1, 2]}}).requests
    assert [each.size for each in found] == [Size(1200, 630), Size(2400, 1260)]
    assert [each.names for each in found] == [
        ("share/1200w", "share/1200w-smaller"),
        ("share/1200w@2x", "share/1200w@2x-smaller"),
    ]
    assert {each.slug for each in found} == {"1200x630px"}


def test_a_text_says_the_same_as_fields():
    text = "4:5 widths=320,640 densities=1,1.5 formats=avif,jpeg quality=avif:55 max_bytes=60k"
    text += " fit=head-cut:pad,width<600:skip"
    assert job(outputs={"card": text}) == job(outputs={"card": CARD})


def test_a_job_with_presets_is_the_same_after_it_was_written_down():
    first = job(outputs={"card": CARD, "share": "1200x630 background=#fff"}, aspects=["1:1"])
    assert Job.parse(yaml.safe_load(first.to_yaml())) == first
    assert [each.name for each in first.requests[:2]] == ["1x1", "card/320w.avif"]
    assert first.slugs == ("1x1", "4x5", "1200x630px")


def test_the_command_takes_presets(capsys):
    words = ["run", "--input=/in", "--output=/out", "-mcenter", "--print-config"]
    assert app.exit_status([*words, "--preset", "card=4:5 widths=320 formats=avif"]) == 0
    found = yaml.safe_load(capsys.readouterr().out)["outputs"]
    assert found == {"card": {"aspect": "4:5", "widths": [320], "formats": ["avif"]}}
    assert app.exit_status([*words, "--preset", "card"]) == 2
    assert "--preset 'card': expected NAME=SPEC" in capsys.readouterr().err


def test_rules_keep_their_order_and_what_changes_no_file_changes_no_recipe():
    from deepcrop.recipes import Recipes

    def recipes(**fields):
        outputs = {"card": {"aspect": "4:5", "widths": [320], "formats": ["avif", "jpeg"]} | fields}
        return Recipes(job(outputs=outputs)).renderings

    first = {"width<600": "skip", "score<0.3": "pad"}
    assert recipes(fit=first) != recipes(fit=dict(reversed(first.items())))
    assert recipes(html_sizes="50vw") == recipes(background="#fff") == recipes()
    assert recipes(fit="pad", background="#fff") != recipes(fit="pad")
    faster = recipes(avif_speed=10)
    assert faster[0] != recipes()[0] and faster[1] == recipes()[1]


@pytest.mark.parametrize(
    ("preset", "words"),
    [
        ({"aspect": 245, "widths": [3]}, "in YAML write ratios in quotes"),
        ("4:5", "card: widths: missing"),
        ("100x100 widths=3", "widths: go with aspect"),
        ("widths=3", "needs either aspect, with widths, or size"),
        ("4:5 widths=3 nope=3", "nope: no such field; a preset has: aspect, size, widths"),
        ("4:5 widths=3,3", "widths: 3, 3: one is there twice"),
        ({"aspects": "4:5", "widths": [3]}, "aspects: no such field (do you mean aspect?)"),
        ("4:5 widths=0", "card: widths: '0': should be greater than or equal to 1"),
        ("4:5 widths=3,9,x", "card: widths: 'x': should be a valid integer"),
        ("4:5 widths=3 formats=gif", "card: formats: 'gif': should be 'avif', 'webp', 'jpeg'"),
        ("4:5 widths=3 quality=101", "card: quality: '101': should be less than or equal to 100"),
        ("4:5 widths=3 quality=best", "card: quality: 'best': should be a valid integer"),
        ("4:5 widths=3 quality=jpeg:101", "card: quality.jpeg: '101': should be less"),
        ("4:5 widths=3 quality=gif:50", "card: quality.gif: 'gif': should be 'avif'"),
        ("4:5 widths=3 densities=0", "card: densities: '0': should be greater than 0"),
        ("4:5 widths=3 quality=avif:50", "quality: avif is not among the formats"),
        ("4:5 widths=3 lossless=true", "lossless: jpeg can't be; webp, png, jxl can"),
        ("4:5 widths=3 max_bytes=60q", "'60q': expected a number of bytes"),
        ("4:5 widths=3 background=red", "'red': expected edge, or a colour"),
        ("4:5 widths=20000 formats=webp", "webp has at most 16383 pixels a side"),
        ("4:5 widths=3 fit=late:pad", "condition 'late': expected else, head-cut"),
        ("4:5 widths=3 fit=head-cut:burn", "head-cut: 'burn': expected crop, pad, blur"),
        ("4:5 nonsense", "'nonsense': expected a ratio, a size or FIELD=VALUE"),
    ],
)
def test_what_makes_no_sense_is_one_line_with_the_preset(preset, words):
    with pytest.raises(RequestError, match=r"outputs\.card") as raised:
        job(outputs={"card": preset})
    assert words in str(raised.value) and "\n" not in str(raised.value)


def test_a_field_inside_a_preset_is_not_set_by_an_option(capsys):
    words = ["run", "--input=/in", "--output=/out", "-mcenter", "--print-config"]
    words += ["--preset", "card=4:5 widths=320", "--set", "outputs.card.quality=80"]
    assert app.exit_status(words) == 2
    assert capsys.readouterr().err == (
        "deepcrop: outputs.card.quality: --set changes whole fields, and outputs.card.quality is a "
        "part of outputs: change it in the job file, or give --preset\n"
    )


def test_the_lowest_qualities_are_those_of_the_page():
    from deepcrop.image.ceiling import LOWEST_QUALITY
    from tests.docs.pages import DOCS

    told = ", ".join(f"{name} {each}" for name, each in LOWEST_QUALITY.items())
    assert f"at most to {told} (" in (DOCS / "outputs.md").read_text()


@pytest.mark.parametrize("name", ["1x1", "Card", "a/b", ""])
def test_a_preset_needs_a_name_that_no_ratio_has(name):
    with pytest.raises(RequestError, match="no name for a preset"):
        job(outputs={name: "4:5 widths=320"})


def test_rules_are_for_methods_that_crop_and_retargeting_obeys_the_licence():
    with pytest.raises(RequestError, match=r"outputs.card.fit: the method 'dnr' shows whole"):
        job(method="dnr", outputs={"card": "4:5 widths=320 fit=pad"})
    with pytest.raises(RequestError, match="of the method 'dnr'"):
        job(licence="commercial", outputs={"card": "4:5 widths=320 fit=head-cut:retarget"})
    allowed = job(outputs={"card": "4:5 widths=320 fit=head-cut:retarget"})
    assert "vgg19-slim" in {each.name for each in allowed.weights_terms}
