"""Edits of words: what they replace, where their times lie, and what happens after another transcription."""

from domain.corrections import people, spoken, texts
from domain.corrections.edits import (
    AnyEdit,
    Assign,
    Entry,
    Identify,
    Merge,
    SetActionItem,
    SetSummary,
    SetTitle,
    SetTopic,
    Write,
)
from domain.recording import Participant, Participants
from domain.results import ActionItems, NextStep, Topic, Topics
from domain.text.words import Word

TEXT = "we meet dock her on Monday"
SAID = [Word(text, float(at), at + 0.8, at % 2, 0.5) for at, text in enumerate(TEXT.split())]


def apply(*edits: AnyEdit, words: list[Word] = SAID) -> spoken.Corrected:
    entries = [Entry(number=at, at=0.0, edit=edit) for at, edit in enumerate(edits, 1)]
    return spoken.apply(words, entries, 10.0)


def texts_of(found: spoken.Corrected) -> str:
    return " ".join(word.word for word in found.words)


def test_words_are_replaced_and_their_times_spread() -> None:
    found = apply(Write(start=2.0, end=2.8, speaker=0, was="dock", text="docker and podman"))
    assert texts_of(found) == "we meet docker and podman her on Monday"
    new = found.words[2:5]
    assert [(round(word.start, 2), round(word.end, 2)) for word in new] == [(2.0, 2.32), (2.32, 2.48), (2.48, 2.8)]
    assert {(word.speaker, word.confidence) for word in new} == {(0, 1.0)}
    # A chunk that began at "her" still begins there.
    assert (found.cut(3), found.cut(0), found.cut(6)) == (5, 0, 8)


def test_a_run_of_one_speakers_words_is_replaced_across_anothers() -> None:
    assert texts_of(apply(Write(start=0.0, end=2.8, speaker=0, was="we dock", text="We"))) == "We meet her on Monday"


def test_words_are_deleted_and_inserted() -> None:
    assert texts_of(apply(Write(start=2.0, end=2.8, was="dock", text=""))) == "we meet her on Monday"
    found = apply(Write(start=0.9, end=0.9, speaker=0, text="all"))
    assert texts_of(found) == "we all meet dock her on Monday"
    assert found.words[1] == Word("all", 0.9, 1.2, 0, 1.0)
    assert texts_of(apply(Write(start=0.5, end=0.5, text="Hello"), words=[])) == "Hello"


def test_without_what_was_there_the_stretch_of_time_counts() -> None:
    assert texts_of(apply(Write(start=1.9, end=3.9, text="docker"))) == "we meet docker on Monday"
    assert texts_of(apply(Write(start=1.9, end=3.9, speaker=1, text="docker"))) == "we meet dock docker on Monday"


def test_an_edit_finds_its_words_after_another_transcription() -> None:
    moved = [word._replace(start=word.start + 1.5, end=word.end + 1.5, speaker=3) for word in SAID]
    found = apply(Write(start=2.0, end=2.8, speaker=0, was="dock", text="docker"), words=moved)
    assert (texts_of(found), found.conflicts) == ("we meet docker her on Monday", [])


def test_an_edit_whose_words_are_gone_is_a_conflict() -> None:
    better = [word._replace(word="docker") if word.word == "dock" else word for word in SAID]
    found = apply(
        Write(start=2.0, end=2.8, speaker=0, was="dock", text="docker"),
        Assign(start=40, end=50, speaker=1),
        Write(start=11, end=11, text="late"),
        words=better,
    )
    assert found.words == better
    assert [line.split(")")[0] for line in found.conflicts] == [
        "Correction 1 ('dock' at 2.0 s to 'docker'",
        "Correction 2 (40.0 to 50.0 s to speaker 1",
        "Correction 3 (at 11.0 s to 'late'",
    ]


def test_a_stretch_is_given_to_another_speaker() -> None:
    found = apply(Assign(start=1.0, end=3.9, speaker=5, of=(0,)), Assign(start=4.0, end=6.0, speaker=6))
    assert [word.speaker for word in found.words] == [0, 1, 5, 1, 6, 6]


def test_speakers_are_named_and_merged() -> None:
    known = Participants(tuple(Participant(participant_id=f"p{n}", name=f"Speaker {n + 1}", speaker=n) for n in (0, 1)))
    edits: list[AnyEdit] = [
        Identify(speaker=1, name="Ada"),
        Merge(speaker_from=0, speaker_to=1),
        Identify(speaker=7, name="Guest"),
    ]
    found, conflicts = people.apply(known, [Entry(number=at, at=0.0, edit=edit) for at, edit in enumerate(edits, 1)])
    assert [(one.name, one.speaker, one.other_speakers) for one in found.root] == [("Ada", 1, (0,)), ("Guest", 7, ())]
    assert conflicts == []
    _, conflicts = people.apply(known, [Entry(number=4, at=0.0, edit=Merge(speaker_from=0, speaker_to=9))])
    assert conflicts == ["Correction 4 (merge) fits no participant any more."]


def test_topics_and_action_items_remember_what_was_generated() -> None:
    made = Topics((Topic(id="a", title="T", summary="S", timestamp=3, duration=4, words_from=0, words_to=9),))
    changed, conflicts = texts.topics(
        made,
        [
            Entry(number=1, at=0.0, edit=SetTopic(at=3.5, title="Docker", summary="")),
            Entry(number=2, at=0.0, edit=SetTopic(at=400, title="?")),
        ],
    )
    assert (changed.root[0].title, changed.root[0].summary, changed.root[0].generated_title) == ("Docker", "", "T")
    assert texts.generated_topics(changed) == made
    assert conflicts == ["Correction 2 (topic at 400.0 s) fits no topic any more."]
    items = ActionItems(next_steps=(NextStep(task="Ship", assigned_to="Ada"),), method="m")
    edit = SetActionItem(task="Ship", text="Ship it", assigned_to=None, done=True)
    ticked, conflicts = texts.action_items(items, [Entry(number=1, at=0.0, edit=edit)])
    step = NextStep(task="Ship it", done=True, generated_task="Ship", generated_assigned_to="Ada")
    assert ticked.next_steps == (step,)
    assert texts.generated_items(ticked) == items
    dated, _ = texts.action_items(items, [Entry(number=1, at=0.0, edit=SetActionItem(task="Ship", deadline="Friday"))])
    assert dated.next_steps == (NextStep(task="Ship", assigned_to="Ada", deadline="Friday", generated_deadline=""),)
    assert texts.generated_items(dated) == items
    assert conflicts == []


def test_a_text_is_by_hand_until_the_generated_one_returns() -> None:
    edits: list[AnyEdit] = [SetTitle(title="Docker"), SetSummary(long_summary="# Docker"), SetTitle(title=None)]
    entries = [Entry(number=at, at=0.0, edit=edit) for at, edit in enumerate(edits, 1)]
    assert texts.by_hand(entries[:2]) == ("title", "long_summary")
    assert texts.by_hand(entries) == ("long_summary",)
