"""Read the colour description in an AV1 sequence header (AV1 specification, section 5.5)."""

from __future__ import annotations


class _Bits:
    """Reads a byte string bit by bit, the highest bit first; bits past the end are zero."""

    def __init__(self, data: bytes) -> None:
        self.number = int.from_bytes(data, "big")
        self.left = 8 * len(data)

    def read(self, count: int) -> int:
        self.left -= count
        shifted = self.number >> self.left if self.left >= 0 else 0
        return shifted & ((1 << count) - 1)


def colour_description(stream: bytes) -> tuple[int, int] | None:
    """Return the code points (ITU-T H.273) of colour primaries and transfer characteristics.

    Args:
        stream: AV1's open bitstream units from the first on; a few hundred bytes suffice.

    Returns:
        The two code points; None if no sequence header describes the colours.
    """
    at = 0
    while at < len(stream):
        kind, extended, sized = (
            stream[at] >> 3 & 15,
            stream[at] >> 2 & 1,
            stream[at] >> 1 & 1,
        )
        at += 1 + extended
        size, shift = (0, 0) if sized else (len(stream) - at, 0)
        while sized and at < len(stream) and shift < 56:
            size |= (stream[at] & 127) << shift
            at, shift, more = at + 1, shift + 7, stream[at] & 128
            if not more:
                break
        if kind == 1:
            return _sequence_header(_Bits(stream[at : at + min(size, 256)]))
        at += size
    return None


def _sequence_header(bits: _Bits) -> tuple[int, int] | None:
    profile = bits.read(3)
    bits.read(1)  # still_picture
    reduced = bits.read(1)
    if reduced:
        bits.read(5)  # seq_level_idx
    else:
        _operating_points(bits)
    widths = bits.read(4) + 1, bits.read(4) + 1
    bits.read(widths[0])
    bits.read(widths[1])
    if not reduced and bits.read(1):  # frame_id_numbers_present_flag
        bits.read(7)
    bits.read(3)  # use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
    if not reduced:
        _tools(bits)
    bits.read(3)  # enable_superres, enable_cdef, enable_restoration
    high_bitdepth = bits.read(1)
    if profile == 2 and high_bitdepth:
        bits.read(1)  # twelve_bit
    if profile != 1:
        bits.read(1)  # mono_chrome
    if not bits.read(1):  # color_description_present_flag
        return None
    primaries, characteristics = bits.read(8), bits.read(8)
    return (primaries, characteristics) if bits.left >= 0 else None


def _operating_points(bits: _Bits) -> None:
    decoder_model, delay = 0, 0
    if bits.read(1):  # timing_info_present_flag
        bits.read(32)
        bits.read(32)
        if bits.read(1):  # equal_picture_interval: num_ticks_per_picture_minus_1, uvlc()
            zeros = 0
            while not bits.read(1) and zeros < 32 and bits.left > 0:
                zeros += 1
            bits.read(zeros)
        if decoder_model := bits.read(1):
            delay = bits.read(5) + 1
            bits.read(32 + 5 + 5)
    initial_delay = bits.read(1)
    for _ in range(bits.read(5) + 1):
        bits.read(12)  # operating_point_idc
        if bits.read(5) > 7:  # seq_level_idx
            bits.read(1)  # seq_tier
        if decoder_model and bits.read(1):
            bits.read(delay)
            bits.read(delay)
            bits.read(1)
        if initial_delay and bits.read(1):
            bits.read(4)


def _tools(bits: _Bits) -> None:
    bits.read(4)  # interintra, masked compound, warped motion, dual filter
    if bits.read(1):  # enable_order_hint
        bits.read(2)
        order_hint = True
    else:
        order_hint = False
    choose = bits.read(1)  # seq_choose_screen_content_tools
    screen_content = 2 if choose else bits.read(1)
    if screen_content and not bits.read(1):  # seq_choose_integer_mv
        bits.read(1)
    if order_hint:
        bits.read(3)
