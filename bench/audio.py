"""Padding and mixing against the ffmpeg program, measured side by side: `python -m bench.audio`.

Every figure is a whole process's: interpreter, imports and all. The recording is made of the sample meeting's packets,
repeated until it is long enough, with each track's offset and mutes. Both sides get the same files: the tracks as Daily
stores them for padding, the padded tracks for mixing. ffmpeg takes no peaks; ours does.
"""

import argparse
import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.measure import Cost, run

ROOT = Path(__file__).resolve().parent.parent
TRACKS = ROOT / "samples" / "meeting" / "tracks"
QUALITY = 7
FFMPEG = ("ffmpeg", "-v", "error", "-nostdin", "-y")
OPUS = ("-c:a", "libopus", "-b:a", "32k", "-application", "voip")
MP3 = ("-c:a", "libmp3lame", "-b:a", "128k", "-compression_level", str(QUALITY))
TARGETS = {"pad": 0.05, "mix": 0.90}

MAKE = """
import sys
from pathlib import Path
import av
seconds, count, mute, folder, *sources = sys.argv[1:]
for n in range(int(count)):
    source = sources[n % len(sources)]
    with av.open(source) as old:
        stream = old.streams.audio[0]
        packets = [(p.pts, bytes(p)) for p in old.demux(stream) if p.size]
        with av.open(str(Path(folder, f"{n}.webm")), "w", format="webm", options={"live": "1"}) as new:
            track = new.add_stream_from_template(stream)
            for start in range(0, int(float(seconds) * 1000), 245_000):
                for pts, data in packets:
                    at = pts + start
                    if at >= float(seconds) * 1000 or (float(mute) and 60_000 < at < 60_000 + float(mute) * 1000):
                        continue
                    packet = av.Packet(data)
                    packet.stream, packet.pts, packet.dts, packet.time_base = track, at, at, stream.time_base
                    new.mux(packet)
"""
PAD = """
import sys
from pathlib import Path
from reflector_assets.domain.padding import pad
for source, target in zip(sys.argv[1::2], sys.argv[2::2]):
    pad(Path(source), Path(target))
"""
MIX = """
import sys
from pathlib import Path
from reflector_assets.domain.mixdown import mix
mix([Path(track) for track in sys.argv[4:]], Path(sys.argv[1]), duration=float(sys.argv[2]), quality=int(sys.argv[3]))
"""
IMPORTS = {"pad": "import reflector_assets.domain.padding", "mix": "import reflector_assets.domain.mixdown"}


@dataclass(frozen=True)
class Row:
    """One comparison: medians of all repeats, the median of their ratios, and our start-up's CPU seconds."""

    work: str
    ffmpeg: Cost
    ours: Cost
    ratio: float
    start_up: float
    ratio_without_start_up: float
    target: float


def python(code: str, *arguments: str | Path) -> Cost:
    """Run code in a fresh interpreter."""
    return run([sys.executable, "-c", code, *arguments], cwd=ROOT)


def ffmpeg_pad(sources: list[Path], targets: list[Path]) -> Cost:
    """Fill offset and gaps of every track, decode and encode as ffmpeg must; one process per track, added up."""
    costs = [
        run(
            [*FFMPEG, "-i", source, "-af", "aresample=async=1:first_pts=0", *OPUS, target],
        )
        for source, target in zip(sources, targets, strict=True)
    ]
    return Cost(sum(c.cpu for c in costs), sum(c.wall for c in costs), max(c.rss for c in costs))


def ffmpeg_mix(tracks: list[Path], target: Path) -> Cost:
    """Mix to a stereo mp3 of 128 kbit/s at the same quality setting of LAME."""
    inputs = [part for track in tracks for part in ("-i", track)]
    graph = f"amix=inputs={len(tracks)}:duration=longest:normalize=0,aformat=channel_layouts=stereo"
    return run(
        [*FFMPEG, *inputs, "-filter_complex", graph, *MP3, target],
    )


def median(costs: list[Cost]) -> Cost:
    """Return the median of each figure."""
    return Cost(*(statistics.median(getattr(cost, name) for cost in costs) for name in ("cpu", "wall", "rss")))


def compare(work: str, repeat: int, theirs: Callable[[], Cost], ours: Callable[[], Cost]) -> Row:
    """Measure both in turns, so that a busy machine slows both."""
    them, us, start_up = list[Cost](), list[Cost](), list[float]()
    for _ in range(repeat):
        them.append(theirs())
        us.append(ours())
        start_up.append(python(IMPORTS[work]).cpu)
    return Row(
        work,
        median(them),
        median(us),
        statistics.median(u.cpu / t.cpu for u, t in zip(us, them, strict=True)),
        statistics.median(start_up),
        statistics.median((u.cpu - s) / t.cpu for u, t, s in zip(us, them, start_up, strict=True)),
        TARGETS[work],
    )


def measure(minutes: float, tracks: int, repeat: int, mute: float, folder: Path) -> list[Row]:
    """Make a recording and compare both steps on it."""
    python(MAKE, str(minutes * 60), str(tracks), str(mute * 60), folder, *sorted(TRACKS.iterdir()))
    sources = [folder / f"{n}.webm" for n in range(tracks)]
    padded = [folder / f"{n}.padded.webm" for n in range(tracks)]
    theirs = [folder / f"{n}.ffmpeg.webm" for n in range(tracks)]
    pairs = [path for pair in zip(sources, padded, strict=True) for path in pair]
    mixed = ("mix.mp3", "mix.ffmpeg.mp3")
    return [
        compare("pad", repeat, lambda: ffmpeg_pad(sources, theirs), lambda: python(PAD, *pairs)),
        compare(
            "mix",
            repeat,
            lambda: ffmpeg_mix(padded, folder / mixed[1]),
            lambda: python(MIX, folder / mixed[0], str(minutes * 60), str(QUALITY), *padded),
        ),
    ]


def table(rows: list[Row]) -> str:
    """Write the comparison as Markdown."""
    head = [
        "work",
        "ffmpeg CPU s",
        "our CPU s",
        "**ratio**",
        "target",
        "of it start-up s",
        "ratio without start-up",
        "wall s, ffmpeg / ours",
        "peak MiB, ffmpeg / ours",
    ]
    names = {"pad": "pad all tracks", "mix": f"mix to mp3, lame q{QUALITY} (ours with peaks)"}
    lines = [
        [
            names[row.work],
            f"{row.ffmpeg.cpu:.2f}",
            f"{row.ours.cpu:.2f}",
            f"**{row.ratio:.3f}**",
            f"{row.target:.2f} {'met' if row.ratio <= row.target else 'MISSED'}",
            f"{row.start_up:.2f}",
            f"{row.ratio_without_start_up:.3f}",
            f"{row.ffmpeg.wall:.2f} / {row.ours.wall:.2f}",
            f"{row.ffmpeg.rss:.0f} / {row.ours.rss:.0f}",
        ]
        for row in rows
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *lines])


def main() -> int:
    """Print the table; 2 when ffmpeg isn't there, 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--tracks", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--mute", type=float, default=0, help="minutes for which everybody is muted from minute 1 on")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    asked = parser.parse_args()
    if not shutil.which("ffmpeg"):
        print("ffmpeg isn't on the PATH: install it (Debian, Ubuntu: apt-get install ffmpeg).", file=sys.stderr)
        return 2
    version = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, check=True).stdout.split()[2]
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(asked.minutes, asked.tracks, asked.repeat, asked.mute, Path(folder))
    muted = f", {asked.mute:g} min of it muted" if asked.mute else ""
    print(f"{asked.minutes:g} min{muted}, {asked.tracks} tracks, median of {asked.repeat}; ffmpeg {version},")
    print(f"Python {platform.python_version()}. CPU seconds are of whole processes, user and system; so is the ratio,")
    print("which holds the start of the interpreter and all imports.\n")
    print(table(rows))
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        figures = {**vars(asked), "json": None, "ffmpeg": version, "rows": [asdict(row) for row in rows]}
        asked.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0 if all(row.ratio <= row.target for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
