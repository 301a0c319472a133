"""Meetings as tables of words."""

import json
from pathlib import Path

import pandas as pd

from domain.text.words import Word, table

SAMPLE = Path(__file__).parents[2] / "samples" / "meeting" / "truth.json"
ADA, BEN, CHLOE = "Ada", "Ben", "Chloe"
NAMES = {0: ADA, 1: BEN, 2: CHLOE}


def spoken(*turns: tuple[str, str], names: dict[int, str] | None = None) -> pd.DataFrame:
    """Build a words table of (name, text) turns with three words per second."""
    speakers = {name: number for number, name in (names or NAMES).items()}
    words: list[Word] = []
    at = 0.0
    for name, text in turns:
        for word in text.split():
            words.append(Word(word, at, at + 0.3, speakers[name], 0.9))
            at += 0.33
        at += 0.7
    return table(words)


def sample_meeting() -> pd.DataFrame:
    """Return the script of the sample meeting as a perfect transcription."""
    turns = json.loads(SAMPLE.read_text())["turns"]
    return spoken(*((turn["speaker"], turn["text"]) for turn in turns))
