"""Padding, mixing and peaks against the ffmpeg program, measured side by side: `python -m bench.audio`.

Both sides get the same files: the tracks as Daily stores them for padding, the padded tracks for mixing, our mp3 for
the peaks alone. The recordings are made of the sample meeting's packets, repeated until they are long enough.
"""

import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Cost
from bench.meeting import Meeting
from bench.results import Cell, Chart, Result, Size, Table, Target, cli
from bench.sides import FILL, LAME, MP3, OURS, Sides

WORK = {"pad": "pad", "mix": f"mix to mp3, lame q{LAME}, ours with peaks", "peaks": "peaks alone, ffmpeg only decodes"}
CPU = {"pad": 0.05, "mix": 0.90}
"""What our CPU may be as a share of ffmpeg's."""
MEMORY, GROWTH = 80, 1.1
"""MiB at the peak, and how many times that of ten minutes a longer recording may take."""

HOW = (
    "Each figure is a whole process's, interpreter and imports included, and the median of its repeats; the two sides "
    "run in turns on the same files, and a ratio is the median of the pairs'. Padding: ffmpeg has to decode and encode "
    f"(`{' '.join(FILL)}`), a process for each track, added up; ours copies packets. Mixing: `amix` without "
    f"normalizing, the same on both sides, `{' '.join(MP3)}`; ours takes the peaks on the way, ffmpeg none. Peaks "
    "alone, from the mp3: ffmpeg decodes it to 16 bit at the same rate and throws it away, which spares it the work on "
    "the peaks; the product itself never does this, as mixing has them. Tracks have offsets and mutes like the sample "
    "meeting's."
)
PROFILE = (
    "Peaks alone have no target, as mixing takes them on the way. In a profile of ours over 10 min, decoding took "
    "54 %, reading packets 12 %, the maxima 10 %; the rest is the way of 25,000 frames of 24 ms through Python, "
    "besides the start-up."
)


@dataclass(frozen=True)
class Plan:
    """What a size measures: recordings with how often, and the lengths in minutes between which memory may not grow."""

    compared: dict[Meeting, int]
    short: Meeting
    longer: tuple[Meeting, ...]
    heard: float


PLANS = {
    Size.LEAST: Plan({Meeting(2, 0.5): 1}, Meeting(2, 0.5), (Meeting(2, 2.5, 1.5),), heard=30),
    Size.SHORT: Plan({Meeting(3, 10): 1}, Meeting(4, 10), (Meeting(4, 60),), heard=120),
    Size.FULL: Plan(
        {Meeting(3, 10): 3, Meeting(4, 60): 1, Meeting(4, 60, 50): 3},
        Meeting(4, 10),
        (Meeting(4, 60), Meeting(4, 60, 50), Meeting(4, 240), Meeting(4, 240, 50)),
        heard=300,
    ),
}


@dataclass(frozen=True)
class Compared:
    """One work on one recording by both: medians, the median of the pairs' ratios of CPU, our start-up's CPU."""

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
    """Measure both in turns, so that a busy machine slows both."""
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


def memory(plan: Plan, folder: Path) -> list[tuple[Meeting, str, float]]:
    """Return our peak memory in MiB for each recording and work."""
    found: list[tuple[Meeting, str, float]] = []
    for number, meeting in enumerate((plan.short, *plan.longer)):
        print(f"memory, {meeting}", file=sys.stderr, flush=True)
        sides = Sides(meeting, folder / f"memory-{number}")
        found += [(meeting, work, sides.ours(work).rss) for work in OURS]
        shutil.rmtree(folder / f"memory-{number}")
    return found


def bench(size: Size) -> Result:
    """Compare all works on all recordings of a size."""
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
                for name, (found, length) in sides.sound(plan.heard).items()
            ]
            shutil.rmtree(folder)
        peaks = memory(plan, Path(temporary))
    return Result(
        name="audio",
        title="Audio against ffmpeg",
        how=HOW,
        tables=[
            Table(
                title="Padding, mixing, peaks", columns=COLUMNS, rows=[found.row for found in compared], note=PROFILE
            ),
            Table(
                title="Quality of the mixes",
                columns=["recording", "mp3 of", "signal to noise dB", "late ms", "seconds"],
                rows=sound,
                note=f"Segmental, over 20 ms each of the first {plan.heard:g} s, against the sum of the tracks.",
            ),
            Table(
                title="Our peak memory by length",
                columns=["recording", *(f"{work} MiB" for work in OURS)],
                rows=[
                    [str(meeting), *(round(rss, 1) for found, _, rss in peaks if found == meeting)]
                    for meeting in (plan.short, *plan.longer)
                ],
            ),
        ],
        targets=targets(plan, compared, peaks),
        charts=[chart(compared), growth(plan, peaks)],
    )


def targets(plan: Plan, compared: list[Compared], peaks: list[tuple[Meeting, str, float]]) -> list[Target]:
    """Hold the figures against the design's."""
    least = {work: rss for meeting, work, rss in peaks if meeting == plan.short}
    most = max([found.ours.rss for found in compared] + [rss for _, _, rss in peaks])
    cpu = [
        Target(what=f"{found.work}, {found.meeting}: CPU as a share of ffmpeg's", found=found.ratio, limit=limit)
        for found in compared
        if (limit := CPU.get(found.work))
    ]
    return [
        *cpu,
        Target(what="peak MiB of any process of ours", found=most, limit=MEMORY),
        *(
            Target(
                what=f"peak memory, {meeting} against {plan.short}",
                found=max(rss / least[work] for found, work, rss in peaks if found == meeting),
                limit=GROWTH,
            )
            for meeting in plan.longer
        ),
    ]


def chart(compared: list[Compared]) -> Chart:
    """Show our CPU as a share of ffmpeg's."""
    meetings = list(dict.fromkeys(str(found.meeting) for found in compared))
    values = {work: [found.ratio for found in compared if found.work == work] for work in OURS}
    return Chart(
        name="audio-cpu",
        title="Our CPU as a share of ffmpeg's",
        x_label="recording",
        y_label="share (1 = as much)",
        x=list(meetings),
        values=values,
        kind="bar",
    )


def growth(plan: Plan, peaks: list[tuple[Meeting, str, float]]) -> Chart:
    """Show the memory by the recording's length."""
    return Chart(
        name="audio-memory",
        title="Our peak memory",
        x_label="recording",
        y_label="MiB",
        x=[str(meeting) for meeting in (plan.short, *plan.longer)],
        values={work: [rss for _, found, rss in peaks if found == work] for work in OURS},
        kind="bar",
    )


if __name__ == "__main__":
    cli("audio", __doc__, bench)
