"""Negation and supposition: what was not agreed is no decision, what is not due has no deadline."""

import pytest

from domain.summarize.deadlines import deadline
from domain.summarize.decisions import decides, trimmed
from tests.domain.meetings import ADA, BEN
from tests.domain.summarize.test_cues import items


@pytest.mark.parametrize(
    "text",
    [
        "No due date has been agreed.",
        "Nothing was decided.",
        "None of the prices were approved.",
        "Neither budget is approved yet.",
        "The budget would have been approved.",
        "The budget was approved last year.",
        "Once the budget is approved, the work starts.",
        "Unless the date is agreed, we wait.",
        "I hope the date is agreed.",
        "Should we decide that the budget is final",
        "Did we decide to hire anybody",
        "When did we decide that the budget is final",
        "I don't think we decided that the budget is final.",
        "I don’t think we decided that the budget is final.",
        "I am not sure that we agreed on a price for it.",
        "Nobody remembers if we agreed to pay the supplier.",
        "I thought we decided that the budget is final.",
        "I doubt that we agreed to pay for it.",
        "Suppose we decide to hire two people.",
        "Maybe we agreed to wait for the supplier.",
        "Tell me when we decide to start the move.",
        "Last year we decided that the budget is final.",
        "Last year, we decided to hire two people.",
        "Two years ago we agreed to pay the supplier.",
        "In 2019 we decided to move the office.",
        "We decided to move the office last year.",
        "We decide on Friday.",
        "We have not decided that the budget is final.",
        "We never agreed to pay the supplier.",
        "Our decision is not final for now.",
        "The decision is still open for all.",
        "It hasn't been decided that we hire anybody.",
        "A date has not been agreed.",
        "I wonder whether we decided to hire two people.",
        "At the last meeting we decided to hire two people.",
    ],
)
def test_no_decision(text: str) -> None:
    assert not decides(text)
    assert items((ADA, text), (BEN, "That is what we have for it now.")).decisions == ()


@pytest.mark.parametrize(
    ("text", "decision"),
    [
        ("We decided not to hire anybody.", "We decided not to hire anybody"),
        ("The decision was not to hire anybody.", "Not to hire anybody"),
        ("We agreed not to change the price.", "We agreed not to change the price"),
        ("We decided against the old supplier.", "We decided against the old supplier"),
        ("We decided that the budget is not approved.", "The budget is not approved"),
        ("Last week the tests failed, so we decided to wait.", "Wait"),
        ("We decided to keep the price of last year.", "Keep the price of last year"),
        ("We decided that last year's budget stays as it is.", "Last year's budget stays as it is"),
        ("No, the budget has been approved.", "The budget has been approved"),
        ("I think we decided to stay with the old supplier.", "Stay with the old supplier"),
        ("I'm not happy, but we agreed to pay the supplier.", "Pay the supplier"),
    ],
)
def test_a_decision_with_its_negation(text: str, decision: str) -> None:
    assert decides(text)
    made = items((ADA, text), (BEN, "That is what we have for it now."))
    assert [one.decision for one in made.decisions] == ([decision] if len(decision.split()) > 2 else [])


@pytest.mark.parametrize(
    ("task", "due"),
    [
        ("Send the report, but not by Friday", None),
        ("Send the report but not by Friday", None),
        ("Send the report not by Friday but by Monday", "by Monday"),
        ("Send the report, though I can't do it by Friday", None),
        ("Send the report, never on Monday", None),
        ("Send the report in two weeks instead of on Friday", "in two weeks"),
        ("Send the report instead of by Friday", None),
        ("Do not deploy it before Monday", None),
        ("Send it by Friday, not by Monday", "by Friday"),
        ("Finish the report, it doesn't have to be by Friday", None),
        ("Send the report no later than Friday", "no later than Friday"),
        ("Send the report not only by Friday", "by Friday"),
        ("Find out why the file isn't signed by Friday", "by Friday"),
    ],
)
def test_deadlines(task: str, due: str | None) -> None:
    assert deadline(task) == due


def test_a_task_without_its_denied_deadline() -> None:
    made = items((ADA, "I will send the report to Ben, but not by Friday."), (BEN, "That is what we have for now."))
    assert [(one.task, one.deadline) for one in made.next_steps] == [
        ("Send the report to Ben, but not by Friday", None)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Please can you send the file?",
        "Please could you send the file?",
        "Can you please send the file?",
        "Could you kindly send the file?",
        "Please, can you send the file?",
        "Please kindly send the file.",
    ],
)
def test_polite_requests(text: str) -> None:
    assert [one.task for one in items((ADA, text), (BEN, "That is what we have.")).next_steps] == ["Send the file"]


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("No due date has been agreed.", "No due date has been agreed."),
        ("Good people are hard to find.", "Good people are hard to find."),
        ("Right now the hall is empty.", "Right now the hall is empty."),
        ("Thanks to Ben the hall is empty.", "Thanks to Ben the hall is empty."),
        ("Good, then the hall is empty.", "The hall is empty."),
        ("So the hall is empty now.", "The hall is empty now."),
    ],
)
def test_openings_are_removed_only_if_they_have_no_content(text: str, quoted: str) -> None:
    assert trimmed(text) == quoted
