"""Splitting a padded track into files that a service accepts, at its quietest places, without decoding it."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, cast

import av
from av.container import InputContainer
from av.error import FFmpegError

from domain.errors import UnreadableAudio

# Overhead of a WebM file in bytes: per file, and at most per packet.
_FILE, _PACKET = 4096, 24
# Fraction of a part's bytes, at its end, that is searched for a place to cut.
_SEARCHED = 0.25
# Length in seconds of the window that is compared: a pause between words, not a gap between syllables.
_PAUSE = 0.5


class Part(NamedTuple):
    """A part of a track: its start in seconds of the track, and its file."""

    start: float
    path: Path


class _Packet(NamedTuple):
    at: float
    bytes: int


def split(track: Path, folder: Path, *, most_bytes: int) -> list[Part]:
    """Split a WebM/Opus track into parts in `folder` of at most `most_bytes` each; a short track is its only part.

    Opus spends few bytes on silence, so a cut is made in the middle of the half second with the fewest bytes, near
    the end of what fits. Raises UnreadableAudio.
    """
    if track.stat().st_size <= most_bytes:
        return [Part(0.0, track)]
    try:
        with av.open(track) as source:
            packets = [_Packet(float((p.pts or 0) * (p.time_base or 0)), p.size) for p in _packets(source)]
        starts = [0, *_cuts(packets, most_bytes - _FILE), len(packets)]
        with av.open(track) as source:
            found = _packets(source)
            return [
                Part(packets[first].at, _write(source, found, last - first, folder / f"{first}.webm"))
                for first, last in pairwise(starts)
            ]
    except FFmpegError as error:
        raise UnreadableAudio(f"{track.name} can't be read: {error.strerror}") from error


def _packets(source: InputContainer) -> "Iterator[av.Packet[Any]]":
    for packet in source.demux(audio=0):
        if packet.size and packet.pts is not None and packet.time_base is not None:
            yield packet


def _cuts(packets: list[_Packet], room: int) -> list[int]:
    """Return the numbers of the packets that begin a part."""
    cuts: list[int] = []
    first, size, searched = 0, 0, 0
    for number, packet in enumerate(packets):
        if number > first and size + packet.bytes + _PACKET > room:
            cuts.append(_quietest(packets, max(searched, first + 1), number))
            first = cuts[-1]
            size = sum(p.bytes + _PACKET for p in packets[first:number])
            searched = first
        size += packet.bytes + _PACKET
        if size <= room * (1 - _SEARCHED):
            searched = number
    return cuts


def _quietest(packets: list[_Packet], first: int, last: int) -> int:
    """Return the packet in the middle of the half second with the fewest bytes."""
    best, fewest, end, size = last, float("inf"), first, 0
    for begin in range(first, last):
        while end < last and packets[end].at - packets[begin].at < _PAUSE:
            size += packets[end].bytes
            end += 1
        lasted = packets[end - 1].at - packets[begin].at
        if size / max(lasted, 0.02) < fewest and (end < last or begin == first):
            best, fewest = (begin + end) // 2, size / max(lasted, 0.02)
        size -= packets[begin].bytes
    return best


def _write(source: InputContainer, packets: "Iterator[av.Packet[Any]]", count: int, path: Path) -> Path:
    begin: int | None = None
    with av.open(path, "w", format="webm") as target:
        stream = cast(Any, target).add_stream_from_template(source.streams.audio[0])
        for _, packet in zip(range(count), packets, strict=False):
            begin = packet.pts if begin is None else begin
            packet.pts = packet.dts = (packet.pts or 0) - (begin or 0)
            packet.stream = stream
            cast(Any, target).mux(packet)
    return path
