"""Write word_times.json: when each word of the meeting begins, by the durations that flite gives its sounds.

flite names no words beside its sounds. Those of each word alone are aligned with those of the turn.
"""

import json
import re
import subprocess
from difflib import SequenceMatcher
from pathlib import Path

from script import SPEAKERS, TURNS

PAUSE = "pau"


def sounds(voice: str, text: str) -> list[tuple[str, float]]:
    """Return the sounds of a text, and the start of each in seconds."""
    command = ["flite", "-voice", voice, "--setf", "duration_stretch=1.05", "-psdur", "-t", text, "-o", "none"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    names, ends = zip(*(item.rsplit(":", 1) for item in printed), strict=True)
    starts = [0.0, *map(float, ends[:-1])]
    return [(name, start) for name, start in zip(names, starts, strict=True) if name != PAUSE]


def word_starts(voice: str, text: str) -> list[tuple[str, float]]:
    """Return each word of a turn with its start in seconds of the turn."""
    words = re.findall(r"[A-Za-z']+", text)
    alone = [(name, number) for number, word in enumerate(words) for name, _ in sounds(voice, word)]
    spoken = sounds(voice, text)
    starts: dict[int, float] = {}
    matcher = SequenceMatcher(None, [name for name, _ in alone], [name for name, _ in spoken], autojunk=False)
    for _, first, last, at, end in matcher.get_opcodes():
        for number in range(at, end if last > first else at):
            starts.setdefault(alone[min(first + number - at, last - 1)][1], spoken[number][1])
    return [(word, starts[number]) for number, word in enumerate(words) if number in starts]


def main() -> None:
    """Write the file; truth.json must still have the starts that make.py wrote."""
    turns = json.loads(Path("truth.json").read_text())["turns"]
    found: dict[str, list[tuple[str, float]]] = {speaker: [] for speaker in SPEAKERS}
    for (speaker, text), turn in zip(TURNS, turns, strict=True):
        found[speaker] += [(word, round(turn["start"] + at, 3)) for word, at in word_starts(SPEAKERS[speaker], text)]
    lines = [f" {json.dumps(speaker)}: {json.dumps(words)}" for speaker, words in found.items()]
    Path("word_times.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
