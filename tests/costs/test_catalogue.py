"""The search through all recordings, on both kinds of database: what is found, in which order, whatever is typed."""

# pyright: basic

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.text.search import excerpt, words_of
from resources.database.catalogue import Catalogue, CatalogueRow, IndexedTranscript
from resources.database.database import Database
from testing.databases import migrated

pytest_plugins = ["tests.service.databases"]

ANY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """One database for all examples of this file."""
    if request.param == "sqlite":
        return migrated(tmp_path_factory.mktemp("catalogue") / "reflector.db")
    postgres: Any = request.getfixturevalue("postgres")
    return postgres.create_database("catalogue")


@pytest.fixture
def catalogue(both: str) -> Catalogue:
    found = Catalogue(database=Database(url=both))
    found.clear()
    return found


def transcript(
    recording_id: str, text: str, *, title: str = "", room: str = "", version: str = "1"
) -> IndexedTranscript:
    return IndexedTranscript(recording_id, version, room, title, 0.0, 60.0, text)


def found(catalogue: Catalogue, query: str, **page: int) -> list[str]:
    return [row.recording_id for row in catalogue.search(query, **page).items]


@pytest.fixture
def meetings(catalogue: Catalogue) -> Catalogue:
    catalogue.add(["first", "second", "third", "untouched"], "{}")
    catalogue.index(transcript("first", "We ship the Größe on Monday.", title="Release plan", room="weekly-1"))
    catalogue.index(transcript("second", "The release was shipped; 3.14 and C++ too.", title="Retro", room="daily"))
    catalogue.index(transcript("third", 'O\'Brien said: "nothing" -- DROP TABLE; 会議の記録', title="Names"))
    return catalogue


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["untouched", "third", "second", "first"]),
        ("  ,;-- ", ["untouched", "third", "second", "first"]),
        ("release", ["second", "first"]),
        ("RELEASE ship", ["second", "first"]),
        ("release monday", ["first"]),
        ("rele mon", ["first"]),
        ("elease", []),
        ("größe", ["first"]),
        ("GRÖSSE", ["first"]),
        ("weekly", ["first"]),
        ("retro", ["second"]),
        ("3.14", ["second"]),
        ("o'brien", ["third"]),
        ('"nothing"', ["third"]),
        ("nothing OR release", []),
        ("会議", ["third"]),
        ("drop table; --", ["third"]),
        ("first", []),
    ],
)
def test_all_words_must_be_there_and_each_may_be_a_beginning(
    meetings: Catalogue, query: str, expected: list[str]
) -> None:
    assert found(meetings, query) == expected
    assert meetings.search(query).total == len(expected)


def test_pages_follow_one_another_newest_first(catalogue: Catalogue) -> None:
    ids = [f"r{number:02}" for number in range(45)]
    catalogue.add(ids, "{}")
    pages = [found(catalogue, "", page=page, size=20) for page in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [20, 20, 5, 0]
    assert [one for page in pages for one in page] == ids[::-1]


def test_another_version_takes_the_place_of_the_first(meetings: Catalogue) -> None:
    meetings.index(transcript("first", "Something else entirely.", version="2"))
    assert found(meetings, "monday") == []
    assert found(meetings, "entirely") == ["first"]
    assert meetings.indexed("first").version == "2"
    # It keeps its place, however often it is added.
    meetings.add(["first", "fifth"], "{}")
    assert found(meetings, "") == ["fifth", "untouched", "third", "second", "first"]


def test_the_excerpt_is_the_place_of_the_first_match(meetings: Catalogue) -> None:
    long = f"{'before ' * 40}here stands Löwenzahn in between {'after ' * 40}"
    meetings.index(transcript("first", long, title="Botany", version="2"))
    reported = meetings.search("löwen").items[0].excerpt
    assert reported is not None
    assert reported.startswith("… before")
    assert reported.endswith("after …")
    assert "here stands Löwenzahn in between" in reported
    assert len(reported) < 220
    # In the title only: there is no place in the text.
    assert meetings.search("botany").items == [CatalogueRow("first", "", "Botany", 0.0, 60.0, "2", None)]
    [row] = meetings.search("lowen after").items
    marked = [(row.excerpt or "")[begin:end] for begin, end in row.marks]
    assert marked[0] == "Löwen"
    assert set(marked[1:]) == {"after"}


@ANY
@given(text=TEXTS, title=TEXTS, data=st.data())
def test_every_beginning_of_every_word_finds_it(both: str, text: str, title: str, data: Any) -> None:
    catalogue = Catalogue(database=Database(url=both))
    catalogue.clear()
    catalogue.index(transcript("one", text, title=title))
    words = words_of(title, text)
    for word in words:
        begin = word[: data.draw(st.integers(1, len(word)))]
        assert found(catalogue, begin) == ["one"], begin
    assert found(catalogue, f"{text} {title}") == ["one"]


@ANY
@given(query=st.one_of(TEXTS, st.from_regex(r"[\"'*:&|!()<>\\ \-a-zé]{1,30}", fullmatch=True)))
def test_nothing_that_is_typed_is_an_error_or_finds_what_isnt_there(both: str, query: str) -> None:
    catalogue = Catalogue(database=Database(url=both))
    catalogue.clear()
    catalogue.index(transcript("one", "abc déjà vu", title="It"))
    wanted = words_of(query, query=True)
    there = all(any(word.startswith(begin) for word in ("abc", "deja", "vu", "it")) for begin in wanted)
    assert found(catalogue, query) == (["one"] if there else [])


@given(text=TEXTS, data=st.data())
def test_an_excerpt_holds_a_wanted_word(text: str, data: Any) -> None:
    words = words_of(text)
    wanted = data.draw(st.lists(st.sampled_from(words), max_size=3)) if words else ["absent"]
    reported = excerpt(text, wanted, around=5)
    if wanted and words:
        assert reported is not None
        assert reported.marks
        assert all(0 <= begin < end <= len(reported.text) for begin, end in reported.marks)
        # Marks don't overlap, and what is marked matches.
        assert list(reported.marks) == sorted(set(reported.marks))
        begin, end = reported.marks[0]
        assert any(word.startswith(one) for word in words_of(reported.text[begin:end]) for one in wanted)
    else:
        assert reported is None


def test_a_text_without_end_is_found_by_its_first_words(catalogue: Catalogue) -> None:
    many = " ".join(f"word{number}" for number in range(120_000))
    catalogue.index(transcript("long", many, title="Endless"))
    assert found(catalogue, "word1 word20000 endless") == ["long"]
    assert found(catalogue, "word119999") == []


def test_positions_never_go_back(new_database: Callable[[], str]) -> None:
    catalogue = Catalogue(database=Database(url=new_database()))
    catalogue.advance("transcript", 7)
    catalogue.advance("transcript", 3)
    from resources.database.positions import read_position

    assert read_position(catalogue.database, "transcript") == 7


def test_words_are_searched_for_within_a_room_and_a_time(catalogue: Catalogue) -> None:
    rooms = ["team", "team-20260323080000", "team-retrospectives", "tea_-20260323080000", "team-20260324080000"]
    for number, room in enumerate(rooms):
        one = transcript(f"r{number}", "shelves" if number else "stairs", room=room)
        catalogue.index(one._replace(started_at=float(number)))
    assert sorted(catalogue.rooms()) == ["tea_", "team", "team-retrospectives"]

    def ids(query: str, **limits: Any) -> tuple[int, list[str]]:
        page = catalogue.filtered(query, 0, 10, **limits)
        return page.total, [row.recording_id for row in page.items]

    assert ids("", room="team") == (3, ["r4", "r1", "r0"])
    assert ids("s", room="team", since=1.0) == (2, ["r4", "r1"])
    assert ids("shelves", room="tea_") == (1, ["r3"])
    assert ids("shelves", since=1.0, until=2.0) == (2, ["r2", "r1"])
    assert catalogue.filtered("shelves", 3, 10, room="team") == (2, [])
