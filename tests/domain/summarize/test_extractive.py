"""Extractive topics, titles and summaries of the sample meeting and of small ones."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.results import ActionItems, Topics
from domain.summarize import extractive
from tests.domain.meetings import ADA, BEN, CHLOE, NAMES, sample_meeting, spoken


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    return sample_meeting()


def test_the_sample_meeting_gets_readable_topics(sample: pd.DataFrame) -> None:
    topics = extractive.topics(sample, NAMES)
    # "The second point is the slow transcription", "The last point is the budget".
    assert [(one.words_from, one.words_to) for one in topics.root] == [(0, 246), (246, 443), (443, len(sample))]
    assert topics.root[0].title == "Release Date and Search Button"
    assert "search button" in topics.root[0].summary
    sentences = set(re.split(r"(?<=[.?!]) ", " ".join(sample["word"])))
    for one in topics.root:
        quoted = re.sub(r"\b(?:Ada|Ben|Chloe): ", "", one.summary)
        assert all(any(part in sentence for sentence in sentences) for part in re.split(r"(?<=[.?!]) ", quoted))
        assert 1 <= len(re.findall(r"[.?!](?= |$)", one.summary)) <= 2
    title = extractive.title(topics)
    assert title.title.startswith("Release Date, Slow Transcription and ")
    assert title.method == "extractive"


def test_the_sample_meeting_gets_a_summary(sample: pd.DataFrame) -> None:
    topics = extractive.topics(sample, NAMES)
    summary = extractive.summary(sample, topics, NAMES)
    assert summary.short_summary.startswith("Ada, Ben and Chloe talked about ")
    assert "Decided: We move the search button to the top" in summary.short_summary
    assert summary.short_summary.endswith("8 next steps, for Chloe, Ben and Ada.")
    headings = re.findall(r"^(# .+|\*\*.+\*\*)$", summary.long_summary, re.M)
    assert headings == ["# Quick recap", "# Summary", *(f"**{one.title}**" for one in topics.root)]
    assert summary.short_summary in summary.long_summary


@pytest.mark.slow
def test_the_result_is_deterministic_across_processes(sample: pd.DataFrame) -> None:
    """The result must not depend on Python's hash seed."""
    code = (
        "import sys, pandas as pd; from io import StringIO\n"
        "from domain.summarize import extractive as e\n"
        "assert 'sklearn' not in sys.modules, 'importing the module must stay cheap'\n"
        "w = pd.read_json(StringIO(sys.stdin.read())); n = {0: 'Ada', 1: 'Ben', 2: 'Chloe'}; t = e.topics(w, n)\n"
        "print(t.model_dump_json(), e.summary(w, t, n).model_dump_json(), e.action_items(w, n).model_dump_json())"
    )
    there = subprocess.run(
        [sys.executable, "-c", code],
        input=sample.to_json(double_precision=15),
        env={"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    ).stdout
    topics = extractive.topics(sample, NAMES)
    here = (topics, extractive.summary(sample, topics, NAMES), extractive.action_items(sample, NAMES))
    assert there.strip() == " ".join(one.model_dump_json() for one in here)


def test_more_than_six_topics_become_six_subjects(sample: pd.DataFrame) -> None:
    repeats = [sample.assign(start=sample["start"] + 240 * n, end=sample["end"] + 240 * n) for n in range(4)]
    words = pd.concat(repeats, ignore_index=True)
    topics = extractive.topics(words, NAMES)
    assert len(topics.root) == 9
    subjects = re.findall(r"^\*\*.+\*\*$", extractive.summary(words, topics, NAMES).long_summary, re.M)
    assert 1 <= len(subjects) <= 6


GERMAN = spoken(
    (ADA, "Wir sprechen heute über die neue Lagerhalle und über den Umzug im Herbst."),
    (BEN, "Die Lagerhalle ist fast fertig. Der Brandschutz der Lagerhalle fehlt noch."),
    (BEN, "Please send Feedback. Die Abnahme der Lagerhalle ist im Mai geplant."),
    (BEN, "Ich werde die Firma morgen anrufen und einen Termin für den Umzug vereinbaren."),
)


def test_another_language_gets_titles_summaries_and_action_items() -> None:
    topics = extractive.topics(GERMAN, NAMES)
    assert "Lagerhalle" in topics.root[0].title
    assert "Lagerhalle" in extractive.title(topics).title
    recap = extractive.summary(GERMAN, topics, NAMES).short_summary
    assert recap.startswith("Ada: Wir sprechen heute")
    assert "talked about" not in recap
    made = extractive.action_items(GERMAN, NAMES)
    assert [(one.assigned_to, one.deadline) for one in made.next_steps] == [(BEN, "morgen")]
    assert (made.decisions, made.method) == ((), "extractive")


def test_a_language_without_patterns_gets_no_action_items() -> None:
    words = spoken((ADA, "Je vais envoyer le rapport à tout le monde avant vendredi, et nous avons décidé de partir."))
    assert extractive.action_items(words, NAMES) == ActionItems(method="extractive")


def test_a_script_without_spaces() -> None:
    words = spoken(
        (ADA, "今日は新しい倉庫について話します。 倉庫はほとんど完成しています。"), (BEN, "検査は五月です。")
    )
    topics = extractive.topics(words, NAMES)
    assert "倉庫" in topics.root[0].title + topics.root[0].summary
    assert extractive.action_items(words, NAMES).next_steps == ()


def test_fillers_are_removed_and_split_numbers_joined() -> None:
    words = spoken(
        (
            ADA,
            "Um, you know, the the budget for the new printer is 10 ,000 euros, and the 90 -day limit holds, uh, too.",
        ),
    )
    summary = extractive.topics(words, NAMES).root[0].summary
    assert summary == "Ada: The budget for the new printer is 10,000 euros, and the 90-day limit holds, too."


def test_titles_ignore_small_talk() -> None:
    words = spoken(
        (ADA, "You know, I mean, like, hello everyone. You know what I mean. It was, you know, really nice."),
        (BEN, "Yeah, you know, thank you. The printer contract ends in May. The printer is slow, you know."),
    )
    assert extractive.topics(words, NAMES).root[0].title == "Printer Contract"


@pytest.mark.parametrize(
    ("said", "subject", "days"),
    [
        (
            "On Friday we see the printer contract. In March we see the printer contract. It ends on Friday.",
            "Printer Contract",
            "Friday March",
        ),
        (
            "Am Freitag ist der Umzug. Im März ist der Umzug nicht möglich. Am Freitag sind wir nicht hier.",
            "Umzug",
            "Freitag März",
        ),
        (
            "Сегодня мы говорим про склад. В пятницу склад готов. В марте мы подписали договор на склад.",
            "Склад",
            "Пятницу Марте пятницу марте",
        ),
        (
            "हम गोदाम के बारे में बात कर रहे हैं। गोदाम सोमवार को तैयार है। सोमवार को और मार्च में गोदाम बंद है।",
            "गोदाम",
            "सोमवार मार्च",
        ),
        (
            "Bugün yeni depo için konuşuyoruz ve bu çok iyi. Depo martta hazır. Cumaya kadar depo kapalı, martta açık.",
            "Depo",
            "Martta martta Cumaya cumaya",
        ),
    ],
)
def test_days_and_months_are_no_subjects(said: str, subject: str, days: str) -> None:
    title = extractive.title(extractive.topics(spoken((ADA, said)), NAMES)).title
    assert subject.lower() in title.lower()
    assert not set(days.split()) & set(re.split(r"[ ,]+", title))


@pytest.mark.parametrize(
    "said",
    [
        "Сегодня мы говорим про новый склад. Склад готов. Договор на склад мы подписали вчера. Это был наш договор.",
        "Сьогодні ми говоримо про новий склад. Склад готовий. Договір на склад ми підписали вчора. Це наш договір.",
        "Bugün yeni depo hakkında konuşuyoruz. Depo için sözleşme imzalandı ve bu bizim için çok iyi. Depo hazır.",
        "Σήμερα μιλάμε για τη νέα αποθήκη. Η αποθήκη είναι έτοιμη. Το συμβόλαιο για την αποθήκη το έχουμε εμείς.",
        "Wir sprechen über die Lagerhalle. Der Brandschutz der Lagerhalle fehlt. Der Umzug ist nicht mehr möglich.",
    ],
)
def test_titles_in_other_languages_have_no_english_words(said: str) -> None:
    topics = extractive.topics(spoken((ADA, said)), NAMES)
    for title in (topics.root[0].title, extractive.title(topics).title):
        assert set(re.findall(r"\w+", title.lower())) <= set(re.findall(r"\w+", said.lower()))


SPEECH = st.lists(
    st.tuples(st.sampled_from([ADA, BEN, CHLOE]), st.text("abI wil send.,?!-'0 é中\n", max_size=60)), max_size=30
)


@settings(max_examples=25, deadline=None)
@given(SPEECH)
def test_any_speech_gives_nonempty_results(turns: list[tuple[str, str]]) -> None:
    words = spoken(*turns)
    topics = extractive.topics(words, NAMES)
    assert [row for one in topics.root for row in range(one.words_from, one.words_to)] == list(range(len(words)))
    assert all(one.title.strip() and one.summary.strip() for one in topics.root)
    title = extractive.title(topics).title
    assert title.strip()
    assert (title == "Untitled Meeting") == (topics == Topics(()))
    summary = extractive.summary(words, topics, NAMES)
    assert summary.short_summary.strip()
    assert summary.long_summary.startswith("# Quick recap\n")
    assert extractive.topics(words, NAMES) == topics
    for step in extractive.action_items(words, NAMES).next_steps:
        assert step.task.strip()
