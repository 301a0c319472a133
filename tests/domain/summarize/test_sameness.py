"""Decisions and next steps are the same only if they say the same."""

import pytest

from domain.summarize.sameness import latest
from tests.domain.meetings import ADA, BEN, CHLOE
from tests.domain.summarize.test_cues import items, steps

TASKS = """
    prepare the slides; check the contract; call the bank; write the report; test the scanner; book the room; order the
    chairs; review the budget; update the page; translate the text; repair the door; clean the hall; print the plan;
    sign the lease; visit the supplier; train the team; sort the files; ship the printer; measure the hall; paint the
    wall; buy the lamps
"""


def test_each_of_many_people_has_a_next_step() -> None:
    names = dict(enumerate(f"Person {chr(65 + n)}" for n in range(21)))
    tasks = [" ".join(task.split()) for task in TASKS.split(";")]
    turns = [(name, f"I will {task} by Friday.") for name, task in zip(names.values(), tasks, strict=True)]
    assert [who for who, _, _ in steps(*turns, names=names)] == list(names.values())
    same = [(name, "I will send my part of the yearly report to the tax office by Friday.") for name in names.values()]
    assert [who for who, _, _ in steps(*same, names=names)] == list(names.values())


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Fix ticket 4711 by Friday.", "Fix ticket 5823 by Friday."),
        ("Send the long yearly report to the bank by Friday.", "Send the long yearly report to the bank by Monday."),
        ("Send the report of Eva to Tom and the others.", "Send the report of Tom to Eva and the others."),
        ("Order 5 boxes for the hall.", "Order 10 boxes for the hall."),
        ("Check version 1.5 of the page.", "Check version 1.6 of the page."),
    ],
)
def test_numbers_dates_and_names_distinguish(first: str, second: str) -> None:
    asked = (BEN, "That is what we have.")
    made = steps((ADA, f"Please {first[0].lower()}{first[1:]} Please {second[0].lower()}{second[1:]}"), asked)
    assert [task for _, task, _ in made] == [first.strip("."), second.strip(".")]


def test_a_repeated_step_is_one() -> None:
    made = steps((ADA, "I will send the report to the bank. Then I will also send the report to the bank."))
    assert [task for _, task, _ in made] == ["Send the report to the bank"]


def test_it_refers_to_different_things() -> None:
    made = items(
        (BEN, "The invoice is still open."),
        (ADA, "I will send it today."),
        (BEN, "The contract is still here."),
        (ADA, "I will send it today."),
    )
    assert [one.context for one in made.next_steps] == [
        "Ben: The invoice is still open.",
        "Ben: The contract is still here.",
    ]


def decided(*turns: tuple[str, str]) -> list[str]:
    return [one.decision for one in items(*turns, (CHLOE, "That is what we have for it.")).decisions]


def test_a_later_figure_replaces_the_earlier_one() -> None:
    made = items(
        (ADA, "We decided that the price is 100 euros."),
        (BEN, "That is not enough for all of us."),
        (ADA, "Then we decided that the price is 250 euros."),
    )
    assert [(one.decision, one.timestamp) for one in made.decisions] == [
        ("The price is 250 euros (before: 100 euros)", made.decisions[0].timestamp)
    ]
    assert (made.decisions[0].timestamp or 0) > 5


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("room 12 is closed", "room 13 is closed"),
        ("we ship it in May", "we ship it in June"),
        ("we ship it in May", "we don't ship it in May"),
        ("the printer costs 100 euros", "the scanner costs 250 euros"),
        ("ticket 4711 takes 5 days", "ticket 5823 takes 8 days"),
    ],
)
def test_other_decisions_stay(first: str, second: str) -> None:
    found = decided((ADA, f"We decided that {first}."), (BEN, f"We decided that {second}."))
    assert [one.lower() for one in found] == [first.lower(), second.lower()]


def test_we_is_one_decision_and_i_are_two() -> None:
    assert len(decided((ADA, "We decided to move the office."), (BEN, "Yes, we decided to move the office."))) == 1
    assert len(decided((ADA, "I decided to leave the team."), (BEN, "I decided to leave the team."))) == 2


@pytest.mark.parametrize(
    ("first", "second", "replaced"),
    [
        ("We pay two thousand euros", "We pay two thousand five hundred euros", "two thousand euros"),
        ("Wir zahlen zweitausend Euro", "Wir zahlen dreitausend Euro", "zweitausend Euro"),
        ("The limit is 5 gigabytes", "The limit is 8 gigabytes", "5 gigabytes"),
        ("It costs 2 pounds 50", "It costs 3 pounds 20", "2 pounds 50"),
        ("Wir legen 3 Tonnen fest", "Dann legen wir 5 Tonnen fest", "3 Tonnen"),
        ("Pagamos dos mil euros", "Pagamos tres mil quinientos euros", "dos mil euros"),
    ],
)
def test_a_later_figure_in_words_replaces_the_earlier_one(first: str, second: str, replaced: str) -> None:
    assert latest([first, second]) == [None, f"{second} (before: {replaced})"]
