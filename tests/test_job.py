"""The specification of a job: what it accepts, and what it says of what it doesn't."""

import pytest

from deepcrop.errors import RequestError
from deepcrop.job import Job

GOOD = {"input": "in", "output": "out", "method": "center", "aspects": ["16:9", "32:18", "1:1"]}


def test_requests_are_unique_and_exact_sizes_come_last():
    job = Job.parse(GOOD | {"sizes": ["640x480"]})
    assert [request.slug for request in job.requests] == ["16x9", "1x1", "640x480px"]
    assert str(job.requests[-1].aspect) == "4:3"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"aspects": ["16x"]}, "aspect ratio '16x'.*such as 16:9"),
        ({"aspects": []}, "nothing to make: .*--aspect 16:9.*--size .*--preset"),
        ({"sizes": ["big"]}, "size 'big'.*such as 640x480"),
        ({"method": "magic"}, "method 'magic': unknown; one of: .*saliency"),
        ({"quality": 101}, "^quality: 101: should be less than or equal to 100$"),
        ({"format": "bmp"}, "format: 'bmp': .*'jpeg'"),
        ({"max_failed": "110%"}, "max_failed"),
        ({"max_failed": "some"}, "max_failed: 'some'"),
        ({"colour": "blue"}, "colour"),
        ({"exif_colour": "perhaps"}, "exif_colour"),
        ({"speed": 3}, "speed: no such field; a job has: input"),
        ({"aspect": ["1:1"]}, r"aspect: no such field \(do you mean aspects\?\); a job has"),
        ({"store.acl": "private"}, "store.acl: --set changes whole fields.*give --store"),
        ({"store": {"colour": 1}}, "store.colour: no such field; store has: cache_control"),
        ({"options": {"zoom": 2}}, "option 'zoom' of method 'center': unknown; it has: none"),
        ({"method": "saliency", "options": {"enough": 2}}, "enough.*at most 1"),
        ({"method": "saliency", "options": {"enough": "x"}}, "option 'enough'.*'x'"),
        ({"weights": "nothing"}, "weights 'nothing'"),
        ({"weights": "nowhere.safetensors"}, "no such file"),
        ({"weights": "mars"}, "weights 'mars': not of the method 'center'"),
        ({"method": "mars", "weights": "saliency"}, "not of the method 'mars'"),
        ({"input": " "}, "input: empty"),
        ({"format": "avif", "sizes": ["32769x10"]}, "sizes: 32769x10: avif has at most 32768"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(change, words):
    with pytest.raises(RequestError, match=words) as caught:
        Job.parse(GOOD | change)
    assert "\n" not in str(caught.value)


def test_a_missing_field_is_named():
    with pytest.raises(RequestError, match="output: missing"):
        Job.parse({"input": "in", "method": "center", "aspects": ["1:1"]})


def test_yaml_says_what_differs_from_the_defaults_and_reads_back(tmp_path):
    job = Job.parse(GOOD | {"max_failed": "10%", "quality": 70})
    assert job.max_failed == 0.1
    path = tmp_path / "job.yaml"
    path.write_text(job.to_yaml())
    assert Job.read(path) == job
    assert "batch_size" not in path.read_text()
    assert Job.read(path, {"quality": 71}).quality == 71


@pytest.mark.parametrize("text", ["[1, 2", "- a\n- b", "just words"])
def test_a_file_that_holds_no_job_is_refused(tmp_path, text):
    path = tmp_path / "job.yaml"
    path.write_text(text)
    with pytest.raises(RequestError, match=r"job\.yaml"):
        Job.read(path)


@pytest.mark.parametrize("ratios", ["[1:1, 16:9]", "1:1"])
def test_ratios_that_yaml_takes_for_numbers_are_told(tmp_path, ratios):
    path = tmp_path / "job.yaml"
    path.write_text(f"input: in\noutput: out\nmethod: center\naspects: {ratios}\n")
    with pytest.raises(RequestError, match=r"aspects: 61: .*in YAML write ratios in quotes"):
        Job.read(path)


def test_one_ratio_is_a_list_of_one():
    assert Job.parse({**GOOD, "aspects": "16:9"}).aspects == ("16:9",)


def test_the_fingerprint_changes_with_what_changes_results_only():
    first = Job.parse(GOOD)
    assert Job.parse(GOOD | {"batch_size": 3, "max_failed": 0.5}).fingerprint == first.fingerprint
    for change in ({"quality": 5}, {"aspects": ["1:1"]}, {"method": "saliency"}, {"input": "x"}):
        assert Job.parse(GOOD | change).fingerprint != first.fingerprint
    ignored = Job.parse(GOOD | {"exif_colour": "ignore"})
    assert ignored.fingerprint != first.fingerprint


def test_a_folder_in_place_of_a_job_file_is_told_how_to_be_the_input(tmp_path):
    with pytest.raises(RequestError, match=f"is a folder, .*--input {tmp_path}"):
        Job.read(tmp_path)


def test_a_missing_field_names_its_option():
    with pytest.raises(RequestError, match="input: missing; give --input"):
        Job.parse({"output": "/out", "aspects": ["1:1"]})
