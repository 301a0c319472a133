"""Padding and mixing against the ffmpeg program, measured side by side: `python -m bench.audio`.

Both sides read the same files: tracks as Daily stores them for padding, padded tracks for mixing. The recordings repeat
the sample meeting's packets up to the required length.
"""

import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.audio_meeting import Meeting
from bench.audio_sides import FILL, LAME, MP3, OURS, Sides
from bench.measure import Cost
from bench.results import Cell, Chart, Result, Size, Table, Target, cli

WORK = {"pad": "pad", "mix": f"mix to mp3, lame q{LAME}, ours with peaks"}
CPU = {"pad": 0.05, "mix": 0.90}
"""Limits of our CPU as a share of ffmpeg's."""
MEMORY, GROWTH = 80, 1.1
"""Limits of the peak in MiB, and of a longer recording's peak as a multiple of that of ten minutes."""

HOW = (
    "Each figure is the median over whole processes, interpreter and imports included. The two sides run in turns on "
    "the same files; a ratio is the median of the pairs' ratios. Padding: ffmpeg has to decode and encode "
    f"(`{' '.join(FILL)}`), one process per track, added up; ours copies packets. Mixing: `amix` without normalizing "
    f"on both sides, `{' '.join(MP3)}`; ours also computes the waveform's peaks, ffmpeg doesn't. Tracks have offsets "
    "and mutes like the sample meeting's."
)


@dataclass(frozen=True)
class Plan:
    """Recordings with their repeats, those whose memory is compared with `short`, and the seconds of sound compared."""

    compared: dict[Meeting, int]
    short: Meeting
    longer: tuple[Meeting, ...]
    seconds: float


PLANS = {
    Size.LEAST: Plan({Meeting(2, 0.5): 1}, Meeting(2, 0.5), (Meeting(2, 2.5, 1.5),), seconds=30),
    Size.SHORT: Plan({Meeting(3, 10): 1}, Meeting(4, 10), (Meeting(4, 60),), seconds=120),
    Size.FULL: Plan(
        {Meeting(3, 10): 3, Meeting(4, 60): 1, Meeting(4, 60, 50): 3},
        Meeting(4, 10),
        (Meeting(4, 60), Meeting(4, 60, 50), Meeting(4, 240), Meeting(4, 240, 50)),
        seconds=300,
    ),
}


@dataclass(frozen=True)
class Compared:
    """One kind of work on one recording by both sides: median costs, median CPU ratio, CPU seconds of our start-up."""

    meeting: Meeting
    work: str
    ffmpeg: Cost
    ours: Cost
    ratio: float
    start_up: float

    @property
    def row(self) -> list[Cell]:
        theirs, ours = self.ffmpeg, self.ours
        return [
            *(str(self.meeting), WORK[self.work], theirs.cpu, ours.cpu, self.ratio),
            *((ours.cpu - self.start_up) / theirs.cpu, theirs.wall, ours.wall, ours.wall / theirs.wall),
            *(round(theirs.rss), round(ours.rss)),
        ]


COLUMNS = [
    *("recording", "work", "ffmpeg CPU s", "our CPU s", "CPU ratio", "without our start-up"),
    *("ffmpeg wall s", "our wall s", "wall ratio", "ffmpeg peak MiB", "our peak MiB"),
]


def compare(sides: Sides, work: str, repeat: int) -> Compared:
    """Measure both sides in turns, so that a busy machine slows both."""
    print(f"{work}, {sides.meeting}", file=sys.stderr, flush=True)
    theirs, ours, start_up = list[Cost](), list[Cost](), list[float]()
    for _ in range(repeat):
        ours.append(sides.ours(work))
        theirs.append(sides.ffmpeg(work))
        start_up.append(sides.start_up(work).cpu)
    ratio = statistics.median(us.cpu / them.cpu for us, them in zip(ours, theirs, strict=True))
    return Compared(sides.meeting, work, median(theirs), median(ours), ratio, statistics.median(start_up))


def median(costs: list[Cost]) -> Cost:
    """Return the median of each figure."""
    return Cost(*(statistics.median(column) for column in zip(*costs, strict=True)))


def memory(plan: Plan, folder: Path) -> dict[Meeting, dict[str, float]]:
    """Return our peak memory in MiB by recording and work."""
    peaks: dict[Meeting, dict[str, float]] = {}
    for number, meeting in enumerate((plan.short, *plan.longer)):
        print(f"memory, {meeting}", file=sys.stderr, flush=True)
        sides = Sides(meeting, folder / f"memory-{number}")
        peaks[meeting] = {work: sides.ours(work).rss for work in OURS}
        shutil.rmtree(folder / f"memory-{number}")
    return peaks


def bench(size: Size) -> Result:
    """Compare both sides on all recordings of a size."""
    if not shutil.which("ffmpeg"):
        sys.exit("ffmpeg isn't on the PATH: install it (Debian, Ubuntu: apt-get install ffmpeg).")
    plan, compared, sound = PLANS[size], list[Compared](), list[list[Cell]]()
    with tempfile.TemporaryDirectory() as temporary:
        for number, (meeting, repeat) in enumerate(plan.compared.items()):
            folder = Path(temporary, str(number))
            sides = Sides(meeting, folder)
            compared += [compare(sides, work, repeat) for work in OURS]
            sound += [
                [str(meeting), name, round(found.snr, 2), round(found.late, 2), round(length, 1)]
                for name, (found, length) in sides.sound(plan.seconds).items()
            ]
            shutil.rmtree(folder)
        peaks = memory(plan, Path(temporary))
    return Result(
        name="audio",
        title="Audio against ffmpeg",
        how=HOW,
        tables=[
            Table(title="Padding and mixing", columns=COLUMNS, rows=[found.row for found in compared]),
            Table(
                title="Quality of the mixes",
                columns=["recording", "mp3 of", "signal to noise dB", "late ms", "seconds"],
                rows=sound,
                note="Signal to noise: mean over segments of 20 ms of the first "
                f"{plan.seconds:g} s, against the sum of the tracks.",
            ),
            Table(
                title="Our peak memory by length",
                columns=["recording", *(f"{work} MiB" for work in OURS)],
                rows=[
                    [str(meeting), *(round(rss, 1) for rss in by_work.values())] for meeting, by_work in peaks.items()
                ],
            ),
        ],
        targets=targets(plan, compared, peaks),
        charts=[
            Chart(
                name="audio-cpu",
                title="Our CPU as a share of ffmpeg's",
                x_label="recording",
                y_label="share (1 = equal)",
                x=list(dict.fromkeys(str(found.meeting) for found in compared)),
                values={work: [found.ratio for found in compared if found.work == work] for work in OURS},
                kind="bar",
            ),
            Chart(
                name="audio-memory",
                title="Our peak memory",
                x_label="recording",
                y_label="MiB",
                x=[str(meeting) for meeting in peaks],
                values={work: [by_work[work] for by_work in peaks.values()] for work in OURS},
                kind="bar",
            ),
        ],
    )


def targets(plan: Plan, compared: list[Compared], peaks: dict[Meeting, dict[str, float]]) -> list[Target]:
    """Compare the figures with their limits."""
    most = max([found.ours.rss for found in compared] + [max(by_work.values()) for by_work in peaks.values()])
    return [
        *(
            Target(
                what=f"{found.work}, {found.meeting}: CPU as a share of ffmpeg's",
                found=found.ratio,
                limit=CPU[found.work],
            )
            for found in compared
        ),
        Target(what="peak MiB of any process of ours", found=most, limit=MEMORY),
        *(
            Target(
                what=f"peak memory, {meeting} against {plan.short}",
                found=max(rss / peaks[plan.short][work] for work, rss in peaks[meeting].items()),
                limit=GROWTH,
            )
            for meeting in plan.longer
        ),
    ]


if __name__ == "__main__":
    cli("audio", __doc__, bench)
