"""Recordings of any length for the audio benches, of the sample meeting's packets."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet

from bench.measure import ROOT

SOURCES = sorted((ROOT / "samples" / "meeting" / "tracks").iterdir(), key=lambda path: path.stem.rsplit("-", 1)[-1])
"""The tracks, first come first: a track's name ends with when it began."""
LENGTH = 245_000
"""Milliseconds after which the sample meeting begins again."""
MILLISECONDS = Fraction(1, 1000)
FIRST = 60_000
"""Milliseconds after which everybody is muted, where that is asked for."""


@dataclass(frozen=True)
class Meeting:
    """So many tracks of so many minutes; `muted` minutes nobody sends anything, from the second minute on."""

    tracks: int
    minutes: float
    muted: float = 0

    def __str__(self) -> str:
        return f"{self.tracks} x {self.minutes:g} min" + (f", {self.muted:g} min muted" if self.muted else "")

    def record(self, folder: Path) -> list[Path]:
        """Write its tracks as Daily stores them: each with its offset, and no packets where it is muted."""
        paths = [folder / f"{number}.webm" for number in range(self.tracks)]
        for number, path in enumerate(paths):
            self._track(SOURCES[number % len(SOURCES)], path, shift=1_000 * (number // len(SOURCES)))
        return paths

    def _track(self, source: Path, target: Path, shift: int) -> None:
        """Repeat a source's packets until it is long enough; `shift` in milliseconds tells copies apart."""
        end, muted = round(self.minutes * 60_000), range(FIRST, FIRST + round(self.muted * 60_000))
        with (
            av.open(str(source)) as old,
            av.open(str(target), "w", format="webm", options={"live": "1", "fflags": "+bitexact"}) as new,
        ):
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
