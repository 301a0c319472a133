"""Names as people type them and as others say them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.summarize.people import called, fold
from tests.domain.summarize.test_cues import steps

ASKED = "can you please send the budget report by Friday?"
TASK = "Send the budget report by Friday"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("Smith, John", "John"),
        ("Smith, John", "John Smith"),
        ("John Smith, PhD", "John"),
        ("john.smith@example.com", "John"),
        ("john_smith42@example.com", "John Smith"),
        ("🎧 John", "John"),
        ("John 🚀", "John"),
        ("Dr. John Smith", "John"),
        ("Dr. John Smith", "Dr. Smith"),
        ("Prof. Dr. med. John Smith", "John"),
        ("Herr John Smith", "Mr Smith"),
        ("(Guest) John", "John"),
        ("John (Guest)", "John"),
        ("Guest John", "John"),
        ("John Smith (he/him)", "John"),
        ("John Smith [Acme]", "John"),
        ("John Smith | Acme", "John"),
        ("John Smith - Acme", "John"),
        ("SMITH John", "John"),
        ("DE LA CRUZ John", "John"),
        ("John SMITH", "John"),
        ("John's iPhone", "John"),
        ("iPhone von John", "John"),
        ("van der Berg, John", "John"),
        ("García López, Juan", "Juan"),
        ("Zoë Maier", "Zoe"),
        ("Zoe Maier", "Zoë"),
        ("Zoe\u0308 Maier", "Zoë"),
        ("Yıldız Kaya", "Yildiz"),
        ("Yildiz Kaya", "Yıldız"),
        ("YILDIZ KAYA", "Yıldız"),
        ("İpek Kaya", "Ipek"),
        ("Jörg Müller", "Joerg"),
        ("Joerg Mueller", "Jörg"),
        ("Anna Weiss", "Frau Dr. Weiß"),
        ("Søren Holm", "Soeren"),
        ("Łukasz Nowak", "Lukasz"),
        ("Mary‑Jane Watson", "Mary-Jane"),
        ("Mary-Jane Watson", "Mary Jane"),
        ('Robert "Bob" Jones', "Bob"),
        ("Robert (Bob) Jones", "Bob"),
        ("JohnSmith@example.com", "John"),
        ("Jean-Luc Dupré", "Jean-Luc"),
        ("Anna Maria Lopez", "Anna Maria"),
        ("O’Brien, Sinéad", "Sinead"),
        ("Guest - John", "John"),
        ("Ｊｏｈｎ", "John"),
        ("Σωκράτης", "ΣΩΚΡΆΤΗΣ"),
        ("Herr Dr. Jonas Weber", "Herr Dr. Weber"),
    ],
)
def test_tasks_go_to_the_person_who_is_called(typed: str, said: str) -> None:
    names = {0: "Ada Lovelace", 1: typed}
    for text in (f"{said}, {ASKED}", f"Hey {said}, {ASKED}", f"Okay, {said}, {ASKED}"):
        assert steps(("Ada Lovelace", text), names=names) == [(typed, TASK, "by Friday")]
    assert steps(("Ada Lovelace", f"{said} will send the budget report by Friday."), names=names) == [
        (typed, TASK, "by Friday")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Please, Ben, can you send the file?",
        "Please, Ben, send the file.",
        "Thanks Ben, please send the file.",
        "Can you please send the file, Ben?",
        "Could Ben please send the file?",
        "I'd like Ben to send the file.",
    ],
)
def test_people_are_called_anywhere_in_a_request(text: str) -> None:
    names = {0: "Ada", 1: "Okri, Ben"}
    assert steps(("Ada", text), names=names) == [("Okri, Ben", "Send the file", None)]


TWO = {0: "Ada Lovelace", 1: "Chloe Smith", 2: "Chloe Jones"}


@pytest.mark.parametrize(
    ("said", "answer", "who"),
    [
        ("Chloe Jones", None, "Chloe Jones"),
        ("Chloe J.", None, "Chloe Jones"),
        ("Chloe", ("Chloe Jones", "Sure, I will do that."), "Chloe Jones"),
        ("Chloe", ("Chloe Smith", "Yes, of course."), "Chloe Smith"),
        ("Chloe", ("Chloe Smith", "That is not what I am here for."), None),
        ("Chloe", None, None),
    ],
)
def test_two_people_of_one_first_name(said: str, answer: tuple[str, str] | None, who: str | None) -> None:
    turns = [("Ada Lovelace", f"{said}, {ASKED}"), *([answer] if answer else [])]
    assert steps(*turns, names=TWO)[:1] == [(who, TASK, "by Friday")]


def test_someone_else_who_answers_is_not_meant() -> None:
    names = {**TWO, 3: "Ben"}
    turns = [("Ada Lovelace", f"Chloe, {ASKED}"), ("Ben", "Sure, of course.")]
    assert steps(*turns, names=names)[:1] == [(None, TASK, "by Friday")]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_any_name_can_be_called(typed: str, said: str) -> None:
    assert len(fold(said)) == len(said)
    assert all(form and typed in people for form, people in called([typed]).items())
    for text in (f"{typed}, {ASKED}", f"{said}, {ASKED}"):
        steps(("Ada", text), names={0: "Ada", 1: typed})
