"""`reflector edit`: corrections of a transcript."""

from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import InvalidInput
from reflector_assets.cli.edit_places import People, stretch
from reflector_assets.cli.edit_texts import NumberedTexts, pair
from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, RecordingId, out, print_json
from reflector_assets.cli.recorded import recorded, user_name

with on_first_use():
    import pydantic

    from domain import recording
    from domain import rooms as rooms_model
    from domain.corrections import edits, terms
    from reflector_assets import wiring
    from reflector_assets.cli import corrected
    from reflector_assets.operations import runs
    from reflector_assets.runtime import instance as instances
    from reflector_assets.settings import main as configuration
    from resources.results import search_index

if TYPE_CHECKING:
    from domain.corrections.edits import AnyEdit

app = typer.Typer()


@app.command()
@recorded("edit", recording="recording_id")
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
    topic: Annotated[
        list[str] | None, typer.Option(help="NUMBER=TITLE of a topic, the first is 1; repeatable.")
    ] = None,
    topic_summary: Annotated[
        list[str] | None, typer.Option(help="NUMBER=TEXT: the summary of a topic; repeatable.")
    ] = None,
    item: Annotated[
        list[str] | None, typer.Option(help="NUMBER=TEXT of a next step, the first is 1; repeatable.")
    ] = None,
    owner: Annotated[list[str] | None, typer.Option(help="NUMBER=NAME: who does a next step; repeatable.")] = None,
    deadline: Annotated[list[str] | None, typer.Option(help="NUMBER=TEXT: a next step's deadline; repeatable.")] = None,
    done: Annotated[list[int] | None, typer.Option(help="Number of a next step that is done; repeatable.")] = None,
    not_done: Annotated[list[int] | None, typer.Option(help="Number of a next step that isn't; repeatable.")] = None,
    generated: Annotated[
        list[str] | None, typer.Option(help="Return to the generated title, short_summary or long_summary; repeatable.")
    ] = None,
    reviewed: Annotated[bool | None, typer.Option(help="Mark the transcript as reviewed.")] = None,
    remake: Annotated[bool, typer.Option("--remake", help="Make the generated texts again.")] = False,
    learn: Annotated[
        bool,
        typer.Option("--learn", help="Add the new names and words to the room's vocabulary, for its next meetings."),
    ] = False,
    undo: Annotated[list[int] | None, typer.Option(help="Undo the edit with this number; repeatable.")] = None,
    version: Annotated[
        int | None, typer.Option(help="Number of the last edit you know; refuses if there are others since.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Correct a transcript: names, words, speakers, title, summary, topics, next steps; undo a correction.

    Pages, API, list and search show it at once. Nothing runs here: Dagster's daemon makes what depends on it after a
    time without edits, and `reflector run` at once.
    """
    with instances.open_instance() as instance:
        runs.known(instance, recording_id)
    known = corrected.corrected(recording_id)
    people = People(known)
    made: list[AnyEdit] = []
    try:
        for one in rename or []:
            made.append(people.named(*pair(one, "--rename PERSON=NAME")))
        for one in merge or []:
            made.append(people.merged(*pair(one, "--merge PERSON=PERSON")))
        for one in assign or []:
            start, end, person = stretch(known, one, "--assign START-END=PERSON")
            made.append(edits.Assign(start=start, end=end, speaker=people.speaker(person)))
        for one in words or []:
            start, end, text = stretch(known, one, "--words START-END=TEXT")
            made.append(edits.Write(start=start, end=end, text=text))
        texts = {"title": title, "short_summary": short_summary, "long_summary": long_summary}
        made += _texts(texts, generated or [])
        numbered = NumberedTexts(known)
        made += [numbered.topic(one, "title") for one in topic or []]
        made += [numbered.topic(one, "summary") for one in topic_summary or []]
        made += [numbered.next_step(one, "text") for one in item or []]
        made += [numbered.next_step(one, "assigned_to") for one in owner or []]
        made += [numbered.next_step(one, "deadline") for one in deadline or []]
        made += [numbered.done(one, True) for one in done or []]
        made += [numbered.done(one, False) for one in not_done or []]
        if reviewed is not None:
            made.append(edits.Review(reviewed=reviewed))
        made += [edits.Undo(number=number) for number in undo or []]
    except pydantic.ValidationError as error:
        raise InvalidInput(recording.first_problem(error, "the edit")) from None
    if remake:
        made.append(edits.Remake())
    if not made:
        raise InvalidInput("there is nothing to change", hint="`reflector edit --help` lists what can be changed.")
    with wiring.opened(wiring.correction_history()) as history, wiring.opened(wiring.rooms()) as rooms:
        meeting, learnt = _room_name(recording_id) if learn else "", terms.given(made)
        if learn:
            # Refused before anything is stored.
            (rooms.of_meeting(meeting) or rooms_model.unset(meeting)).with_terms(learnt)
        found = history.add(recording_id, made, who=user_name(), expected=version)
        if learn:
            rooms.learn(meeting, learnt)
        search_index.index_edited(recording_id, history.database, wiring.store())
    if as_json:
        print_json({"version": found[-1].number, "added": [one.number for one in found[len(found) - len(made) :]]})
        return
    quiet = configuration.get_settings().corrections_quiet
    out.print(
        f"Correction {found[-1].number} is stored. A run makes what depends on it {quiet:g} s after the last one; "
        f"`reflector run {recording_id}` makes it now, `reflector history {recording_id}` shows all."
    )


def _texts(written: "dict[str, str | None]", generated: "list[str]") -> "list[AnyEdit]":
    """Return the edits of texts that were written, and of those that return to the generated ones."""
    given: dict[str, str | None] = {name: text for name, text in written.items() if text is not None}
    given |= dict.fromkeys(generated)
    if unknown := set(given) - set(written):
        raise InvalidInput(f"{', '.join(sorted(unknown))}: there is no such text", hint=f"Texts: {', '.join(written)}.")
    found: list[AnyEdit] = [edits.SetTitle(title=given.pop("title"))] if "title" in given else []
    return [*found, edits.SetSummary.model_validate(given)] if given else found


def _room_name(recording_id: str) -> str:
    content = wiring.store().read(recording.value_key("recording", recording_id))
    return recording.Recording.model_validate_json(content).room_name
