"""Word times that agree with the sound: Whisper puts words at the edges of clips and stretches them across pauses."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from domain.audio.levels import Sound
from domain.text.spacing import UNSPACED
from domain.text.words import Word, shares

REACH_S = 2.0
"""A word further than this from any sound stays where it is."""
SNAP_S = 0.25
"""A sound's first word begins with it, and its last word ends with it, if they are this close."""
SLACK_S = 0.1
"""Sound without a word that counts for nothing."""
EMPTY_S = 0.4
"""A stretch of sound without words counts at most as much."""
SHIFTS = (0, -1, 1, -2, 2)
"""By how many words the words before a pause may become fewer or more."""
SHIFT_COST, FAR_COST = 0.05, 0.3
"""Cost of a word's move, and of a second by which a word lies off its sound, up to FAR_S."""
FAR_S = 0.8
LETTER_S, CHARACTER_S = 0.065, 0.2
"""Usual length of a letter, and of a character that is a syllable or a word."""


def settle(words: Sequence[Word], sounds: Sequence[Sound]) -> tuple[Word, ...]:
    """Return the words with times within the sounds of their track; order and texts stay.

    Each word belongs to one stretch of sound. Words move across a pause if they have too little time on their side of
    it while sound on the other side has no word. Words far from any sound stay as they are.
    """
    if not words or not sounds:
        return tuple(words)
    found: list[Word] = []
    for sound, (first, last) in zip(sounds, pairwise(_cuts(words, sounds)), strict=True):
        found += _place(words[first:last], sound)
    return tuple(_in_order(found))


def _cuts(words: Sequence[Word], sounds: Sequence[Sound]) -> list[int]:
    """Return the number of each sound's first word, and that of the end: those with the least cost (Viterbi)."""
    usual = [0, *_usual_cuts(words, sounds)]
    costs: dict[int, float] = {0: 0.0}
    chosen: list[dict[int, int]] = []
    for place, sound in enumerate(sounds, 1):
        shifts = SHIFTS if place < len(sounds) else (0,)
        reached: dict[int, float] = {}
        came: dict[int, int] = {}
        for end in (usual[place] + shift for shift in shifts):
            options = [
                (cost + _cost(words, start, end, sound) + SHIFT_COST * abs(end - usual[place]), start)
                for start, cost in costs.items()
                if start <= end <= len(words)
            ]
            if options:
                reached[end], came[end] = min(options)
        costs = reached
        chosen.append(came)
    cuts = [len(words)]
    for came in reversed(chosen):
        cuts.append(came[cuts[-1]])
    return cuts[::-1]


def _usual_cuts(words: Sequence[Word], sounds: Sequence[Sound]) -> list[int]:
    """Divide the words by the middles of the pauses."""
    cuts: list[int] = []
    number = 0
    for before, after in pairwise(sounds):
        middle = before.end + after.start
        while number < len(words) and words[number].start + words[number].end < middle:
            number += 1
        cuts.append(number)
    return [*cuts, len(words)]


def _cost(words: Sequence[Word], first: int, end: int, sound: Sound) -> float:
    """Return the seconds of a sound that have no word, and those that its first and last word lack."""
    if first == end:
        return min(sound.end - sound.start, EMPTY_S) / 2
    head, tail = words[first], words[end - 1]
    later = words[first + 1].start if end - first > 1 else sound.end
    earlier = words[end - 2].end if end - first > 1 else sound.start
    start, until = _within(head.start, sound), _within(tail.end, sound)
    rooms = (
        (head, _within(later, sound) - start),
        (tail, sound.end - max(_within(tail.start, sound), min(_within(earlier, sound), sound.end - LETTER_S))),
    )
    lacking = sum(max(0.0, usual_length(word.word) / 2 - room) for word, room in rooms)
    far = max(0.0, sound.start - head.end) + max(0.0, tail.start - sound.end)
    return (
        max(0.0, start - sound.start - SLACK_S)
        + max(0.0, sound.end - until - SLACK_S)
        + lacking
        + FAR_COST * min(far, FAR_S)
    )


def usual_length(text: str) -> float:
    """Return how long it usually takes to speak a word, in seconds."""
    return sum(CHARACTER_S if UNSPACED.match(char) else LETTER_S for char in text if char.isalnum()) or LETTER_S


def _place(words: Sequence[Word], sound: Sound) -> list[Word]:
    """Put words within their sound; those that come from across a pause share the room at its edge."""
    near = [word for word in words if _is_near(word, sound)]
    if not near:
        return list(words)
    placed = [word._replace(start=_within(word.start, sound), end=_within(word.end, sound)) for word in near]
    early = next((n for n, word in enumerate(near) if word.end > sound.start), len(near))
    late = next((n for n, word in enumerate(reversed(near)) if word.start < sound.end), len(near))
    if early:
        _share(placed, 0, early, sound.start, placed[early].start if early < len(placed) else sound.end)
    elif late:
        before = len(placed) - late
        _share(placed, before, len(placed), _end_of(placed, before, sound), sound.end)
    if placed[0].start - sound.start <= SNAP_S:
        placed[0] = placed[0]._replace(start=sound.start)
    if sound.end - placed[-1].end <= SNAP_S:
        placed[-1] = placed[-1]._replace(end=sound.end)
    moved = iter(placed)
    return [next(moved) if _is_near(word, sound) else word for word in words]


def _is_near(word: Word, sound: Sound) -> bool:
    return max(sound.start - word.end, word.start - sound.end) <= REACH_S


def _end_of(placed: list[Word], number: int, sound: Sound) -> float:
    """Return where the words before `number` end: as it is, or earlier if the words from there on lack room."""
    if not number:
        return sound.start
    last = placed[number - 1]
    needed = sum(usual_length(word.word) for word in placed[number:])
    end = min(last.end, max(last.start + usual_length(last.word), sound.end - needed))
    placed[number - 1] = last._replace(end=end)
    return end


def _share(placed: list[Word], first: int, end: int, start: float, until: float) -> None:
    """Share out a time among words by their usual lengths."""
    limits = pairwise(shares([usual_length(word.word) for word in placed[first:end]], start, until))
    for number, (begin, stop) in zip(range(first, end), limits, strict=True):
        placed[number] = placed[number]._replace(start=begin, end=stop)


def _within(time: float, sound: Sound) -> float:
    return min(max(time, sound.start), sound.end)


def _in_order(words: Sequence[Word]) -> Iterator[Word]:
    """Yield the words with starts that never go back, and ends that never lie before them."""
    at = 0.0
    for word in words:
        at = max(word.start, at)
        yield word._replace(start=round(at, 3), end=round(max(word.end, at), 3))
