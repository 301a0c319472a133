"""People and stretches of time, as options of `reflector edit` name them."""

import re
from typing import TYPE_CHECKING

from domain.errors import InvalidInput
from reflector_assets.cli.imports import on_first_use

with on_first_use():
    from domain.corrections import edits

if TYPE_CHECKING:
    from domain.corrections.edits import AnyEdit
    from resources.results.corrected import CorrectedResults

STRETCH = re.compile(r"(?P<start>[0-9.]+)-(?P<end>[0-9.]+)=(?P<rest>.*)", re.S)


class People:
    """The participants as they are named now."""

    def __init__(self, known: "CorrectedResults") -> None:
        self._known, self._found = known, known.participants.root

    def named(self, person: str, name: str) -> "AnyEdit":
        """Return the edit that gives a person, or a speaker number without a person, a name."""
        for one in self._found:
            if person in {one.participant_id, one.name, str(one.speaker)}:
                return edits.Rename(participant_id=one.participant_id, name=name or None)
        if person.isdigit():
            return edits.Identify(speaker=int(person), name=name)
        raise self._unknown(person)

    def speaker(self, person: str) -> int:
        """Return a person's speaker number; raise InvalidInput for an unknown one."""
        for one in self._found:
            if one.speaker >= 0 and person in {one.participant_id, one.name, str(one.speaker)}:
                return one.speaker
        if person.isdigit():
            return int(person)
        raise self._unknown(person)

    def merged(self, gone: str, kept: str) -> "AnyEdit":
        """Return the edit that makes two people one; raise InvalidInput for an unknown one."""
        numbers: list[int] = []
        for person in (gone, kept):
            numbers.append(self.speaker(person))
            if not self._known.has_speaker(numbers[-1]):
                raise self._unknown(person)
        if numbers[0] == numbers[1]:
            raise InvalidInput(f"{gone!r} and {kept!r} are the same person already")
        return edits.Merge(speaker_from=numbers[0], speaker_to=numbers[1])

    def _unknown(self, person: str) -> InvalidInput:
        listed = ", ".join(f"{one.speaker} {one.name}" for one in self._found if one.speaker >= 0)
        return InvalidInput(f"there is no participant {person!r}", hint=f"Participants: {listed}.")


def stretch(known: "CorrectedResults", text: str, form: str) -> tuple[float, float, str]:
    """Return start and end in seconds, and the rest, of `START-END=...`; raises InvalidInput, also behind the end."""
    misunderstood = InvalidInput(f"{text!r} can't be understood", hint=f"Give {form}.")
    if (match := STRETCH.fullmatch(text)) is None:
        raise misunderstood
    try:
        start, end = float(match["start"]), float(match["end"])
    except ValueError:
        raise misunderstood from None
    made = known.made
    if made is not None and made.duration and start > made.duration:
        raise InvalidInput(
            f"{start:g} s lies behind the recording's end", hint=f"The recording has {made.duration:g} s."
        )
    return start, end, match["rest"].strip()
