"""The search of the quality at which a file keeps to a ceiling."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepcrop.image import LOWEST_QUALITY, encode, encode_below
from deepcrop.image.ceiling import MOST_TRIES
from tests.image.samples import photo


class Coder:
    """Encodes to as many bytes as a function of the quality says, and counts its calls."""

    def __init__(self, size):
        self.size, self.calls = size, []

    def __call__(self, quality):
        self.calls.append(quality)
        return range(max(1, round(self.size(quality))))  # which has a length, and takes no memory


@given(
    slope=st.floats(0.005, 0.08),
    bend=st.floats(0, 0.002),
    ceiling=st.integers(50, 200_000),
    quality=st.integers(20, 100),
)
def test_the_ceiling_is_kept_wherever_a_quality_keeps_it(slope, bend, ceiling, quality):
    coder = Coder(lambda each: 500 * math.exp(slope * each + bend * each * each / 10))
    data, found = encode_below(coder, quality, ceiling, 10)
    assert len(data) == len(coder(found))
    assert len(coder.calls) - 1 <= 1 + MOST_TRIES
    if len(Coder(coder.size)(10)) <= ceiling:
        assert len(data) <= ceiling
        best = max(each for each in range(10, quality + 1) if len(coder(each)) <= ceiling)
        assert best - found <= 8 or len(data) >= 0.8 * ceiling
    else:
        assert len(data) == min(len(coder(each)) for each in list(coder.calls))


def test_what_keeps_the_ceiling_is_encoded_once():
    coder = Coder(lambda quality: 10 * quality)
    assert encode_below(coder, 80, 800, 10) == (range(800), 80) and coder.calls == [80]


@pytest.mark.parametrize("format", sorted(LOWEST_QUALITY))
def test_real_encoders_keep_it_and_use_most_of_it(format):
    pixels = photo("coffee")[:240, :320]
    ceiling = len(encode(pixels, format)) // 2
    data, quality = encode_below(
        lambda each: encode(pixels, format, quality=each), 80, ceiling, LOWEST_QUALITY[format]
    )
    assert 0.75 * ceiling < len(data) <= ceiling and LOWEST_QUALITY[format] <= quality < 80
