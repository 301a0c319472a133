"""What three hours with 20 speakers cost without an LLM, each step in a process: `python -m bench.long_meeting`.

The words are those of the scripted meetings of `bench/topic_boundaries.py`, and every fifth sentence of English and
German is one of `bench/meetings/`, with its decisions and next steps.
"""

import itertools
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from bench import decisions, topic_boundaries
from bench.measure import ROOT
from bench.results import Cell, Result, Size, Table, Target, cli
from domain.summarize import extractive
from domain.text import table
from domain.text.words import Word
from domain.text.words import table as table_of

WORDS, SPEAKERS, WORDS_PER_S = 27_000, 20, 2.5
STEPS = ("topics", "title", "summary", "action_items")
LANGUAGES = ("English", "German", "Chinese")
MOST_S, MOST_MIB = 20.0, 300.0


def meeting(language: str, count: int) -> table.Table:
    """Return the words of a meeting, in which somebody else speaks every two dozen words."""
    scripted: list[str] = [
        one for seed in range(40) for one in topic_boundaries.meeting(seed, language)[0]["word"].tolist()
    ]
    with_items = language.lower() if language.lower() in decisions.LANGUAGES else None
    items: list[str] = [
        word
        for held_out in (False, True)
        for one in (decisions.meetings(with_items, held_out=held_out) if with_items else [])
        for word in one.words["word"].tolist()
    ]
    more: Iterator[str] = itertools.cycle(items) if items else iter(())
    parts = ([*scripted[at : at + 200], *itertools.islice(more, 50)] for at in range(0, len(scripted), 200))
    said = itertools.islice(itertools.cycle(itertools.chain.from_iterable(parts)), count)
    return table_of(
        Word(str(word), n / WORDS_PER_S, n / WORDS_PER_S + 0.3, n // 24 % SPEAKERS, 1.0) for n, word in enumerate(said)
    )


def measure_step(step: str, language: str, count: int) -> tuple[float, float]:
    """Return seconds of CPU of a step, and the peak memory of this process in MiB, with what the step imports."""
    words = meeting(language, count)
    names = {number: f"Person {chr(65 + number)}" for number in range(SPEAKERS)}
    topics = extractive.topics(words, names) if step in {"title", "summary"} else None
    work: dict[str, Callable[[], object]] = {
        "topics": lambda: extractive.topics(words, names),
        "title": lambda: topics and extractive.title(topics),
        "summary": lambda: topics and extractive.summary(words, topics, names),
        "action_items": lambda: extractive.action_items(words, names),
    }
    began = time.process_time()
    work[step]()
    return time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def bench(size: Size) -> Result:
    """Measure each step in each language, in a new process."""
    rows: list[list[Cell]] = []
    for language, step in itertools.product(LANGUAGES, STEPS):
        count = 500 if size is Size.LEAST else WORDS
        command = [sys.executable, "-m", "bench.long_meeting", step, language, str(count)]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        rows.append([language, step, *json.loads(done.stdout)])
    return Result(
        name="long_meeting",
        title="Three hours without an LLM",
        how=(__doc__ or "").partition("\n\n")[2].strip(),
        tables=[
            Table(title="Each step in a process of its own", columns=["language", "step", "CPU s", "MiB"], rows=rows)
        ],
        targets=[
            Target(what="most CPU s", found=max(float(row[2]) for row in rows), limit=MOST_S),
            Target(what="most MiB", found=max(float(row[3]) for row in rows), limit=MOST_MIB),
        ],
    )


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] in STEPS:
        print(json.dumps(measure_step(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
    else:
        cli("long_meeting", __doc__, bench)
