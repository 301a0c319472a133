from itertools import accumulate
from typing import Any

import av.error
import numpy as np
import pytest
from av.audio.codeccontext import AudioCodecContext
from av.packet import Packet
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.audio.opus import RATE, Head, Timeline, is_silence, packet_samples, silence


def opus_decoder(name: str, channels: int) -> Any:
    decoder = AudioCodecContext.create(name, "r")
    decoder.extradata = b"OpusHead\x01" + bytes([channels]) + b"\0\0" + RATE.to_bytes(4, "little") + b"\0\0\0"
    return decoder


@given(st.binary(min_size=1, max_size=60))
def test_packet_samples_matches_libopus(data: bytes) -> None:
    try:
        frames = opus_decoder("libopus", 2).decode(Packet(data))
    except av.error.FFmpegError:
        return
    assert sum(frame.samples for frame in frames) == packet_samples(data)


@given(st.integers(0, 255), st.integers(0, 255))
def test_packet_samples_is_at_most_the_format_maximum(toc: int, second: int) -> None:
    length = packet_samples(bytes([toc, second]))
    assert 0 <= length <= 5760
    assert length % 120 == 0


@pytest.mark.parametrize(
    ("first_bytes", "milliseconds"),
    [
        ([0 << 3], 10),
        ([3 << 3], 60),
        ([11 << 3 | 1], 120),
        ([12 << 3], 10),
        ([15 << 3], 20),
        ([28 << 3], 2.5),
        ([31 << 3 | 4], 20),
        ([31 << 3 | 3, 6], 120),
        ([31 << 3 | 3, 0x80 | 3], 60),
    ],
)
def test_packet_samples_by_table_2_of_rfc_6716(first_bytes: list[int], milliseconds: float) -> None:
    assert packet_samples(bytes([*first_bytes, 1, 2])) == milliseconds * 48


@pytest.mark.parametrize("data", [b"", bytes([31 << 3 | 3]), bytes([31 << 3 | 3, 0]), bytes([31 << 3 | 3, 7])])
def test_invalid_packets_have_no_samples(data: bytes) -> None:
    assert packet_samples(data) == 0


@pytest.mark.parametrize("decoder", ["opus", "libopus"])
@given(steps=st.integers(1, 200), stereo=st.booleans())
def test_silence_decodes_to_the_requested_number_of_zeros(decoder: str, steps: int, stereo: bool) -> None:
    made = list(silence(steps * 120, stereo=stereo))
    assert sum(length for _, length in made) == steps * 120
    assert all(is_silence(data) for data, _ in made)
    context = opus_decoder(decoder, 2 if stereo else 1)
    for data, length in made:
        (frame,) = context.decode(Packet(data))
        assert (frame.samples, packet_samples(data)) == (length, length)
        assert not frame.to_ndarray().any()


@given(st.binary(min_size=1, max_size=14))
def test_is_silence_accepts_only_generated_silence(data: bytes) -> None:
    if is_silence(data):
        assert (data, packet_samples(data)) in list(silence(packet_samples(data), stereo=bool(data[0] & 4)))


def test_head_is_parsed() -> None:
    assert Head.parse(b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0") == (2, 312, 0)
    assert Head.parse(b"OpusTags\x01\x02\x38\x01\x80\xbb\0\0\0\0\0") is None
    assert Head.parse(None) is None


def placed(timeline: Timeline, stamps: list[int], lengths: list[int]) -> list[tuple[int, int]]:
    """Return (packet number, position)."""
    clock, found = 0, list[tuple[int, int]]()
    for missing, n in timeline.place(
        (at, length, n) for n, (at, length) in enumerate(zip(stamps, lengths, strict=True))
    ):
        clock += missing
        found.append((n, clock))
        clock += lengths[n]
    assert clock == timeline.clock
    return found


LENGTHS = st.sampled_from([120, 240, 480, 960, 1920, 2880])
GAPS = st.one_of(st.just(0), st.just(0), st.just(0), st.integers(600, 500_000))


@given(st.integers(0, 3_000_000), st.lists(st.tuples(LENGTHS, GAPS), min_size=1, max_size=80))
def test_the_clock_follows_the_source(start: int, entries: list[tuple[int, int]]) -> None:
    lengths = [length for length, _ in entries]
    ends = list(accumulate((length + gap for length, gap in entries), initial=start))
    timeline = Timeline()
    for n, at in placed(timeline, ends[:-1], lengths):
        assert abs(at - ends[n]) < 480
        if entries[n - 1][1] or n == 0:
            assert abs(at - ends[n]) <= 60
    assert timeline.dropped == timeline.resets == 0
    assert abs(timeline.clock - (ends[-1] - entries[-1][1])) < 480


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-190, 190), st.sampled_from([0, 0, 0, 0, 960, 4800, 96_000])), min_size=30, max_size=200
    )
)
def test_jitter_does_not_accumulate(entries: list[tuple[int, int]]) -> None:
    true = list(accumulate((960 + gap for _, gap in entries[:-1]), initial=48_000))
    timeline = Timeline()
    found = placed(timeline, [at + jitter for at, (jitter, _) in zip(true, entries, strict=True)], [960] * len(true))
    assert len(found) == len(true)
    assert all(abs(at - true[n]) <= 190 + 480 for n, at in found)


@given(st.floats(0.98, 1.02), st.integers(500, 3000))
def test_drift_does_not_accumulate(speed: float, count: int) -> None:
    stamps = [round(n * 960 * speed) for n in range(count)]
    timeline = Timeline()
    assert all(abs(at - stamps[n]) <= 960 for n, at in placed(timeline, stamps, [960] * count))


def test_a_single_late_timestamp_has_no_effect() -> None:
    stamps = [n * 960 for n in range(40)]
    stamps[20] += 2880
    timeline = Timeline()
    assert placed(timeline, stamps, [960] * 40) == [(n, n * 960) for n in range(40)]


def test_a_single_early_timestamp_has_no_effect() -> None:
    stamps = [n * 960 for n in range(40)]
    stamps[20] -= 2880
    timeline = Timeline()
    assert placed(timeline, stamps, [960] * 40) == [(n, n * 960) for n in range(40)]


def test_repeated_packets_are_dropped() -> None:
    stamps = [n * 960 for n in [*range(20), 17, 18, 19, *range(20, 40)]]
    timeline = Timeline()
    found = placed(timeline, stamps, [960] * len(stamps))
    assert timeline.dropped == 3
    assert found[-1][1] == 39 * 960


@pytest.mark.parametrize("leap", [-30 * RATE, 30 * 24 * 3600 * RATE])
def test_the_clock_continues_after_a_timestamp_reset(leap: int) -> None:
    stamps = [100 * RATE + n * 960 + (leap if n >= 20 else 0) for n in range(40)]
    timeline = Timeline()
    found = placed(timeline, stamps, [960] * 40)
    assert timeline.resets == 1
    assert np.diff([at for _, at in found]).tolist() == [960] * 39


def test_packets_without_timestamps_are_consecutive() -> None:
    timeline = Timeline()
    entries = [(4800 if n == 0 else None, 960, n) for n in range(30)]
    assert [missing for missing, _ in timeline.place(entries)] == [4800] + [0] * 29
