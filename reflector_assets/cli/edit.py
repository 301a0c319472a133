"""`reflector edit`: corrections of a transcript."""

import re
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from domain.errors import InvalidInput
from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, RecordingId, out, print_json

with on_first_use():
    import getpass

    import pydantic

    from domain import recording
    from domain.corrections import edits
    from reflector_assets import wiring
    from reflector_assets.operations import runs
    from reflector_assets.runtime import instance as instances
    from reflector_assets.settings import main as configuration

if TYPE_CHECKING:
    from domain.corrections.edits import AnyEdit

app = typer.Typer()
T = TypeVar("T")
STRETCH = re.compile(r"(?P<start>[0-9.]+)-(?P<end>[0-9.]+)=(?P<rest>.*)", re.S)


@app.command()
def edit(
    recording_id: RecordingId,
    rename: Annotated[
        list[str] | None, typer.Option(help="PERSON=NAME; the person by name, id or speaker number; repeatable.")
    ] = None,
    merge: Annotated[
        list[str] | None, typer.Option(help="PERSON=PERSON: the first is the second one; repeatable.")
    ] = None,
    words: Annotated[
        list[str] | None, typer.Option(help="START-END=TEXT in seconds: replace these words; repeatable.")
    ] = None,
    assign: Annotated[
        list[str] | None, typer.Option(help="START-END=PERSON: these words are that person's; repeatable.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="The title.")] = None,
    short_summary: Annotated[str | None, typer.Option(help="The short summary.")] = None,
    long_summary: Annotated[str | None, typer.Option(help="The long summary, Markdown.")] = None,
    generated: Annotated[
        list[str] | None, typer.Option(help="Return to the generated title, short_summary or long_summary; repeatable.")
    ] = None,
    reviewed: Annotated[bool | None, typer.Option(help="Mark the transcript as reviewed.")] = None,
    remake: Annotated[bool, typer.Option("--remake", help="Make the generated texts again.")] = False,
    undo: Annotated[list[int] | None, typer.Option(help="Undo the edit with this number; repeatable.")] = None,
    version: Annotated[
        int | None, typer.Option(help="Number of the last edit you know; refuses if there are others since.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Correct a transcript: names, words, speakers, title, summary; undo a correction.

    Nothing runs here: Dagster's daemon takes the corrections once nobody has edited for a while, and `reflector run`
    takes them at once.
    """
    with instances.open_instance() as instance:
        runs.known(instance, recording_id)
    people = _People(recording_id)
    made: list[AnyEdit] = []
    try:
        for one in rename or []:
            made.append(people.named(*_pair(one, "--rename PERSON=NAME")))
        for one in merge or []:
            gone, kept = (people.speaker(name) for name in _pair(one, "--merge PERSON=PERSON"))
            made.append(edits.Merge(speaker_from=gone, speaker_to=kept))
        for one in assign or []:
            start, end, person = _stretch(one, "--assign START-END=PERSON")
            made.append(edits.Assign(start=start, end=end, speaker=people.speaker(person)))
        for one in words or []:
            start, end, text = _stretch(one, "--words START-END=TEXT")
            made.append(edits.Write(start=start, end=end, text=text))
        texts: dict[str, Any] = {"title": title, "short_summary": short_summary, "long_summary": long_summary}
        given = {name: text for name, text in texts.items() if text is not None} | dict.fromkeys(generated or [])
        if unknown := set(given) - set(texts):
            raise InvalidInput(
                f"{', '.join(sorted(unknown))}: there is no such text", hint=f"Texts: {', '.join(texts)}."
            )
        if "title" in given:
            made.append(edits.SetTitle(title=given.pop("title")))
        if given:
            made.append(edits.SetSummary.model_validate(given))
        if reviewed is not None:
            made.append(edits.Review(reviewed=reviewed))
        made += [edits.Undo(number=number) for number in undo or []]
    except pydantic.ValidationError as error:
        raise InvalidInput(recording.first_problem(error, "the edit")) from None
    if remake:
        made.append(edits.Remake())
    if not made:
        raise InvalidInput("there is nothing to change", hint="`reflector edit --help` lists what can be changed.")
    with wiring.opened(wiring.correction_history()) as history:
        found = history.add(recording_id, made, who=getpass.getuser(), expected=version)
    if as_json:
        print_json({"version": found[-1].number, "added": [one.number for one in found[len(found) - len(made) :]]})
        return
    quiet = configuration.get_settings().corrections_quiet
    out.print(
        f"Correction {found[-1].number} is stored. A run takes it {quiet:g} s after the last one; "
        f"`reflector run {recording_id}` takes it now, `reflector history {recording_id}` shows all."
    )


class _People:
    """The participants as they are named now."""

    def __init__(self, recording_id: str) -> None:
        key = recording.value_key("participants", recording_id)
        self._found = recording.Participants.model_validate_json(wiring.store().read(key)).root

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

    def _unknown(self, person: str) -> InvalidInput:
        listed = ", ".join(f"{one.speaker} {one.name}" for one in self._found if one.speaker >= 0)
        return InvalidInput(f"there is no participant {person!r}", hint=f"Participants: {listed}.")


def _pair(text: str, form: str) -> tuple[str, str]:
    first, equals, second = text.partition("=")
    if not (equals and first):
        raise InvalidInput(f"{text!r} can't be understood", hint=f"Give {form}.")
    return first.strip(), second.strip()


def _stretch(text: str, form: str) -> tuple[float, float, str]:
    match = STRETCH.fullmatch(text)
    try:
        assert match is not None
        return float(match["start"]), float(match["end"]), match["rest"].strip()
    except (AssertionError, ValueError):
        raise InvalidInput(f"{text!r} can't be understood", hint=f"Give {form}.") from None
