"""Cleaned sentences: nothing that was meant is removed."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.summarize import extractive
from domain.summarize.cleaning import clean
from tests.domain.meetings import ADA, BEN, NAMES, spoken

AS_SAID: list[tuple[str | None, str]] = [
    ("english", "Do you know the price of the printer?"),
    ("english", "Please ask the supplier whether you know the dose by Friday."),
    ("english", "What kind of contract do you need?"),
    ("english", "That is what I mean by quality."),
    ("english", "It works, sort of, on the old machine."),
    ("english", "We meet on Monday, I mean, Tuesday."),
    ("english", "Call 5 5 5 1 2 2."),
    ("english", "I know that you you know, and that that is very very late."),
    ("english", "We had had no no answer, and log in in the morning."),
    ("english", "He was in the ER, and she is at UM."),
    ("english", "It was -5 degrees, from 5 -3 to 5 mm."),
    ("english", "-5 degrees is too cold."),
    ("english", "It is slow, you know?"),
    ("english", "iPhones first."),
    ("english", "Er dreht um und kommt um 10 Uhr."),
    ("german", "Er hat das Budget nicht freigegeben."),
    ("german", "Wir treffen uns um 10 Uhr im Lager."),
    ("german", "Um, wie gesagt, Zeit zu sparen, kommt er, er allein."),
    ("german", "Die, die die Halle kennen, und das, das das Lager braucht."),
    ("danish", "Her er er der en fejl, der er stor."),
    ("norwegian", "Det er, er du enig, en feil."),
    ("portuguese", "Um, dois, três: um contrato para um ano."),
    ("portuguese", "Eh um bom preço."),
    ("spanish", "Eh, este, o sea, el precio es alto, ¿eh?"),
    ("french", "Vous vous souvenez du prix, et nous nous voyons."),
    ("dutch", "Er is, er was, um de hoek een probleem."),
    ("turkish", "iyi bir fiyat, um, er."),
    (None, "Um, you know, the the price is, uh, high."),
    (None, "Er, der Chef, kommt um 10."),
]


@pytest.mark.parametrize(("language", "text"), AS_SAID)
def test_words_stay(language: str | None, text: str) -> None:
    assert clean(text, language) == text


@pytest.mark.parametrize(
    ("language", "said", "text"),
    [
        ("english", "Um, the the price is, uh, 10 ,000 euros for 90 -day terms, you know.", None),
        ("english", "So uh we go, um.", "So we go."),
        ("english", "I mean, the price is high.", "The price is high."),
        ("english", "Uh, hmm.", ""),
        ("german", "Äh, wir treffen uns ähm um 10 Uhr.", "Wir treffen uns um 10 Uhr."),
        ("french", "Euh, le prix est, euh, trop haut.", "Le prix est, trop haut."),
        ("swedish", "Öh, vi ses, öhm, klockan tio.", "Vi ses, klockan tio."),
    ],
)
def test_sounds_go(language: str, said: str, text: str | None) -> None:
    assert clean(said, language) == ("The price is, 10,000 euros for 90-day terms." if text is None else text)


@pytest.mark.parametrize(
    "sentence",
    [
        "Please ask the supplier whether you know the dose by Friday.",
        "Please find out what kind of contract they need by Friday.",
        "Please ask them what they mean by quality.",
    ],
)
def test_action_items_have_the_words_of_the_sentence(sentence: str) -> None:
    words = spoken((ADA, sentence), (BEN, "Yes, we can do that for you."))
    assert [step.task for step in extractive.action_items(words, NAMES).next_steps] == [
        sentence.removeprefix("Please ").removesuffix(".").capitalize().replace("friday", "Friday")
    ]


@pytest.mark.parametrize(
    "said",
    [
        "Er hat das Budget nicht freigegeben. Wir treffen uns um 10 Uhr im Lager.",
        "Vous vous souvenez du prix de la nouvelle imprimante pour le bureau.",
        "Um contrato de um ano com um preço fixo para o ano.",
    ],
)
def test_summaries_have_the_sentences_as_said(said: str) -> None:
    assert extractive.topics(spoken((ADA, said)), NAMES).root[0].summary == f"Ada: {said}"


def test_a_meeting_in_an_unknown_language_is_not_treated_as_english() -> None:
    said = "Uh, mwongozo wa ghala kubwa umekamilika, hmm, sasa kabisa kwa wote."
    words = spoken((ADA, said))
    topics = extractive.topics(words, NAMES)
    assert topics.root[0].summary == f"Ada: {said}"
    assert " and " not in extractive.title(topics).title
    assert extractive.summary(words, topics, NAMES).short_summary == f"Ada: {said}"


WORDS = """
    um uh, Um, er er, you know know, I mean the the, a an and 5 5 -5 10 ,000 . — like, kind of, äh ähm, hmm. UM ERM
    Vous vous
"""
REMOVED = re.compile(
    r"(?:u+h+m*|u+m+|e+r+m*|h+m+|[äö]+h+m*|ø+h+m*|e+u+h+m*|e+h+m+|you|know|i|mean|like|the|an|and|m+)", re.I
)


def bare(text: str) -> list[str]:
    return [word for part in re.findall(r"[^\W_]+", text) if (word := part.lower())]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(WORDS.split()), max_size=14).map(" ".join) | st.text(max_size=40),
    st.sampled_from(["english", "german", "french", "danish", "portuguese", None]),
)
def test_cleaning_is_idempotent_and_removes_listed_sounds_only(text: str, language: str | None) -> None:
    cleaned = clean(text, language)
    assert clean(cleaned, language) == cleaned
    remaining = iter(bare(text))
    missing: list[str] = []
    for word in bare(cleaned):
        for other in remaining:
            if other == word:
                break
            missing.append(other)
        else:
            pytest.fail(f"{word!r} was not said")
    missing += remaining
    assert all(REMOVED.fullmatch(word) for word in missing)
    assert not missing or language in {"english", "german", "french", "danish"}
