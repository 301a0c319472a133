"""Both sides of the audio bench: how ours and how ffmpeg pad, mix and take peaks of one recording, as processes."""

from pathlib import Path

import av

from bench.measure import Cost, added, python, run
from bench.meeting import Meeting
from bench.quality import Quality, quality

LAME = 7
FFMPEG = ("ffmpeg", "-v", "error", "-nostdin", "-y")
FILL = ("-af", "aresample=async=1:first_pts=0", "-c:a", "libopus", "-b:a", "32k", "-application", "voip")
MP3 = ("-c:a", "libmp3lame", "-b:a", "128k", "-compression_level", str(LAME))
RAW = ("-f", "s16le", "-")
OURS = {
    "pad": """
import sys
from pathlib import Path
from domain.audio.padding import pad
for source, target in zip(sys.argv[1::2], sys.argv[2::2]):
    pad(Path(source), Path(target))
""",
    "mix": """
import sys
from pathlib import Path
from domain.audio.mixdown import mix
mix([Path(track) for track in sys.argv[4:]], Path(sys.argv[1]), duration=float(sys.argv[2]), quality=int(sys.argv[3]))
""",
    "peaks": """
import sys
from pathlib import Path
from domain.audio.peaks import peaks_of
peaks_of(Path(sys.argv[1]))
""",
}


class Sides:
    """A recording's files in a folder, and both ways of working on them."""

    def __init__(self, meeting: Meeting, folder: Path) -> None:
        folder.mkdir()
        self.meeting, self.sources = meeting, meeting.record(folder)
        self.padded = [path.with_suffix(".padded.webm") for path in self.sources]
        self.mp3, self.their_mp3 = folder / "ours.mp3", folder / "theirs.mp3"
        self._theirs = [path.with_suffix(".ffmpeg.webm") for path in self.sources]

    def ours(self, work: str) -> Cost:
        """Do a work as the product does: mixing needs what padding made, and the peaks alone what mixing made."""
        pairs = [path for pair in zip(self.sources, self.padded, strict=True) for path in pair]
        arguments = {
            "pad": pairs,
            "mix": [self.mp3, self.meeting.minutes * 60, LAME, *self.padded],
            "peaks": [self.mp3],
        }
        return python(OURS[work], *arguments[work])

    def start_up(self, work: str) -> Cost:
        """Only import what a work needs."""
        return python(next(line for line in OURS[work].splitlines() if line.startswith("from reflector_assets")))

    def ffmpeg(self, work: str) -> Cost:
        """Do the same with ffmpeg."""
        if work == "pad":
            pairs = zip(self.sources, self._theirs, strict=True)
            return added([run([*FFMPEG, "-i", source, *FILL, target]) for source, target in pairs])
        if work == "peaks":
            return run([*FFMPEG, "-i", self.mp3, *RAW])
        inputs = [part for track in self.padded for part in ("-i", track)]
        graph = f"amix=inputs={len(self.padded)}:duration=longest:normalize=0,pan=stereo|c0=c0|c1=c0"
        return run([*FFMPEG, *inputs, "-filter_complex", graph, *MP3, self.their_mp3])

    def sound(self, seconds: float) -> dict[str, tuple[Quality, float]]:
        """Say how good both mp3 files are in their first seconds, and how long they are."""
        found: dict[str, tuple[Quality, float]] = {}
        for name, mp3 in (("ffmpeg", self.their_mp3), ("ours", self.mp3)):
            with av.open(str(mp3)) as opened:
                length = (opened.duration or 0) / av.time_base
            found[name] = quality(self.padded, mp3, seconds), length
        return found
