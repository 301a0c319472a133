"""Recordings of any length for the audio bench, made of the sample meeting's packets."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.packet import Packet

from bench.measure import ROOT

SOURCES = sorted((ROOT / "samples" / "meeting" / "tracks").iterdir(), key=lambda path: path.stem.rsplit("-", 1)[-1])
"""The tracks by start time, with which their names end."""
LENGTH = 245_000
"""Milliseconds after which the sample meeting is repeated."""
MILLISECONDS = Fraction(1, 1000)
FIRST = 60_000
"""Milliseconds before the mute, where there is one."""


@dataclass(frozen=True)
class Meeting:
    """A number of tracks of `minutes` each; for `muted` minutes from the second minute on, no track has packets."""

    tracks: int
    minutes: float
    muted: float = 0

    def __str__(self) -> str:
        return f"{self.tracks} x {self.minutes:g} min" + (f", {self.muted:g} min muted" if self.muted else "")

    def record(self, folder: Path) -> list[Path]:
        """Write the tracks as Daily stores them: each with its offset, and without packets while muted."""
        paths = [folder / f"{number}.webm" for number in range(self.tracks)]
        for number, path in enumerate(paths):
            self._track(SOURCES[number % len(SOURCES)], path, shift=1_000 * (number // len(SOURCES)))
        return paths

    def _track(self, source: Path, target: Path, shift: int) -> None:
        """Repeat a source's packets up to the length; `shift` in milliseconds keeps copies from being equal."""
        end, muted = round(self.minutes * 60_000), range(FIRST, FIRST + round(self.muted * 60_000))
        with (
            av.open(str(source)) as old,
            av.open(str(target), "w", format="webm", options={"live": "1", "fflags": "+bitexact"}) as opened,
        ):
            # PyAV's types leave parameters open.
            new: Any = opened
            stream = old.streams.audio[0]
            packets = [(packet.pts or 0, bytes(packet)) for packet in old.demux(stream) if packet.size]
            track = new.add_stream_from_template(stream)
            for begin in range(shift, end, LENGTH):
                for pts, data in packets:
                    at = begin + pts
                    if at >= end or at in muted:
                        continue
                    packet = Packet(data)
                    packet.stream, packet.pts, packet.dts, packet.time_base = track, at, at, MILLISECONDS
                    new.mux(packet)
