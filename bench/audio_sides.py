"""Both sides of the audio bench: our code and ffmpeg pad and mix one recording, as processes."""

from pathlib import Path

import av

from bench.audio_meeting import Meeting
from bench.audio_quality import Quality, quality
from bench.measure import Cost, python, run, total

LAME = 7
FFMPEG = ("ffmpeg", "-v", "error", "-nostdin", "-y")
FILL = ("-af", "aresample=async=1:first_pts=0", "-c:a", "libopus", "-b:a", "32k", "-application", "voip")
MP3 = ("-c:a", "libmp3lame", "-b:a", "128k", "-compression_level", str(LAME))
IMPORTS = {"pad": "from domain.audio.padding import pad", "mix": "from domain.audio.mixdown import mix"}
OURS = {
    "pad": f"""
import sys
from pathlib import Path
{IMPORTS["pad"]}
for source, target in zip(sys.argv[1::2], sys.argv[2::2]):
    pad(Path(source), Path(target))
""",
    "mix": f"""
import sys
from pathlib import Path
{IMPORTS["mix"]}
mix([Path(track) for track in sys.argv[4:]], Path(sys.argv[1]), duration=float(sys.argv[2]), quality=int(sys.argv[3]))
""",
}


class Sides:
    """A recording's files in a folder, and both implementations."""

    def __init__(self, meeting: Meeting, folder: Path) -> None:
        folder.mkdir()
        self.meeting, self.sources = meeting, meeting.record(folder)
        self.padded = [path.with_suffix(".padded.webm") for path in self.sources]
        self.mp3, self.their_mp3 = folder / "ours.mp3", folder / "theirs.mp3"

    def ours(self, work: str) -> Cost:
        """Pad or mix with our code; mixing needs the output of our padding."""
        if work == "pad":
            pairs = zip(self.sources, self.padded, strict=True)
            return python(OURS[work], *(path for pair in pairs for path in pair))
        return python(OURS[work], self.mp3, self.meeting.minutes * 60, LAME, *self.padded)

    def start_up(self, work: str) -> Cost:
        """Only run the imports of our code."""
        return python(IMPORTS[work])

    def ffmpeg(self, work: str) -> Cost:
        """Pad or mix with ffmpeg."""
        if work == "pad":
            return total([run([*FFMPEG, "-i", path, *FILL, path.with_suffix(".ffmpeg.webm")]) for path in self.sources])
        inputs = [part for track in self.padded for part in ("-i", track)]
        graph = f"amix=inputs={len(self.padded)}:duration=longest:normalize=0,pan=stereo|c0=c0|c1=c0"
        return run([*FFMPEG, *inputs, "-filter_complex", graph, *MP3, self.their_mp3])

    def sound(self, seconds: float) -> dict[str, tuple[Quality, float]]:
        """Return the quality of both mp3 files' first seconds, and their lengths."""
        found: dict[str, tuple[Quality, float]] = {}
        for name, mp3 in (("ffmpeg", self.their_mp3), ("ours", self.mp3)):
            with av.open(str(mp3)) as opened:
                length = (opened.duration or 0) / av.time_base
            found[name] = quality(self.padded, mp3, seconds), length
        return found
