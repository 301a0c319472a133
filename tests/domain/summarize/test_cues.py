"""Decisions and next steps by their wording."""

import pytest

from domain.results import ActionItems
from domain.summarize import extractive
from tests.domain.meetings import ADA, BEN, CHLOE, NAMES, sample_meeting, spoken


def items(*turns: tuple[str, str], names: dict[int, str] | None = None) -> ActionItems:
    return extractive.action_items(spoken(*turns, names=names), names or NAMES)


def steps(*turns: tuple[str, str], names: dict[int, str] | None = None) -> list[tuple[str | None, str, str | None]]:
    return [(one.assigned_to, one.task, one.deadline) for one in items(*turns, names=names).next_steps]


def test_the_sample_meeting_gets_its_action_items() -> None:
    sample = sample_meeting()
    made = extractive.action_items(sample, NAMES)
    assert [(one.assigned_to, one.task, one.deadline) for one in made.next_steps] == [
        (CHLOE, "Send the new drawing to Ben before Wednesday", "before Wednesday"),
        (BEN, "Change the page on Thursday and run all the tests again", "on Thursday"),
        (CHLOE, "Answer the customer questions during that time", None),
        (CHLOE, "Take over the support mailbox from the first of April", "from the first of April"),
        (CHLOE, "Write a message to all customers and ask them about the ninety day limit", None),
        (CHLOE, "Send the message tomorrow", "tomorrow"),
        (CHLOE, "Collect the answers until the end of next week", "until the end of next week"),
        (ADA, "Write down the decisions and send them to you this afternoon", "this afternoon"),
    ]
    assert [(one.decided_by, one.decision) for one in made.decisions] == [
        (ADA, "We move the search button to the top, and we release on Friday the twenty sixth of March"),
        (ADA, "Ben works on the parallel transcription directly after the release"),
        (ADA, "If most of them agree, we buy the drawing software from the savings"),
    ]
    starts = set(sample["start"])
    times = [one.timestamp for one in (*made.decisions, *made.next_steps)]
    assert all(time in starts for time in times)
    assert made.method == "extractive"


# As transcribed by speech recognition: commas instead of full stops, split numbers.
@pytest.mark.parametrize(
    ("text", "decision"),
    [
        ("Good idea, let us decide this now, we move the button to the top.", "We move the button to the top"),
        ("So we agreed to launch in two countries.", "Launch in two countries"),
        ("I think the decision is that the demo is remote.", "The demo is remote"),
        ("Okay, we'll go with the blue design.", "We'll go with the blue design"),
        ("It is decided that we hire two people.", "We hire two people"),
        ("Then the budget is approved for the whole year.", "The budget is approved for the whole year"),
        ("I'd say we go with the small van.", "We go with the small van"),
        ("So it's settled, we paint it green.", "We paint it green"),
        ("We decided to hire 3 people.", "Hire 3 people"),
        ("We decided never to use it.", "We decided never to use it"),
        ("We'll stay two nights.", "We'll stay two nights"),
        ("We'll need two nights.", None),
        ("Nobody said that we decided to close it.", None),
        ("It's not like we decided to close it.", None),
        ("I decided to walk to the office this morning.", None),
        ("It's settled, good, next point.", None),
        ("Let's set the price at 20 euros.", "Set the price at 20 euros"),
        ("My brother and I decided to sell the old van.", None),
        ("Let's launch the shop on the 3rd of June.", "Launch the shop on the 3rd of June"),
        ("Let's launch into that on Monday.", None),
        ("We have not decided on the currencies.", None),
        ("Did we decide which currencies we support?", None),
        ("Let's decide on the format.", None),
        ("If we agree on a price they will sign.", None),
        ("I agree that this is hard.", None),
    ],
)
def test_decisions(text: str, decision: str | None) -> None:
    made = items((ADA, text), (BEN, "That was the plan for the meeting and we have it."))
    assert [(one.decision, one.decided_by, one.timestamp) for one in made.decisions] == (
        [(decision, ADA, 0.0)] if decision else []
    )


def test_a_proposal_is_a_decision_if_somebody_agrees() -> None:
    asked = (ADA, "Okay, so we sell the old van in May, agreed?")
    assert [one.decision for one in items(asked, (BEN, "Agreed, that is the plan for it.")).decisions] == [
        "We sell the old van in May"
    ]
    assert items(asked, (BEN, "That is too early for me and for the others.")).decisions == ()


def test_a_decision_with_an_announcement_and_a_reason() -> None:
    made = items(
        (ADA, "Let us decide this now. We stay with the old supplier for the year, because the new one is too slow."),
        (BEN, "I like that we have that."),
    )
    assert [(one.decision, one.rationale) for one in made.decisions] == [
        ("We stay with the old supplier for the year", "The new one is too slow")
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I agree, I will send the file to Ben by Friday.", (ADA, "Send the file to Ben by Friday", "by Friday")),
        ("I'm going to call the bank in two weeks.", (ADA, "Call the bank in two weeks", "in two weeks")),
        ("Good, Chloe, please write to all of them.", (CHLOE, "Write to all of them", None)),
        ("Ben, could you check the logs by 5 pm?", (BEN, "Check the logs by 5 pm", "by 5 pm")),
        ("Could you check the logs, Ben?", (BEN, "Check the logs", None)),
        (
            "Ben will prepare the slides for the 3rd of May.",
            (BEN, "Prepare the slides for the 3rd of May", "the 3rd of May"),
        ),
        ("I would like Chloe to review the contract.", (CHLOE, "Review the contract", None)),
        (
            "We need to renew the certificate before Monday.",
            (None, "Renew the certificate before Monday", "before Monday"),
        ),
        (
            "Please close the old accounts until tomorrow.",
            (None, "Close the old accounts until tomorrow", "until tomorrow"),
        ),
        ("The next step is to sign the contract.", (None, "Sign the contract", None)),
        ("I'll do the posters.", (ADA, "Do the posters", None)),
        ("Would you please, Ben, send the file?", (BEN, "Send the file", None)),
        ("Can you maybe send the file please, Ben?", (BEN, "Send the file", None)),
        ("Ben, fix ticket 4711.", (BEN, "Fix ticket 4711", None)),
        ("Ben, call 112.", (BEN, "Call 112", None)),
        ("Fix ticket 5823 by Friday.", (None, "Fix ticket 5823 by Friday", "by Friday")),
        ("Order the boxes before Monday, please.", (None, "Order the boxes before Monday", "before Monday")),
        (
            "I'll call the bank, they are here on Monday.",
            (ADA, "Call the bank, they are here on Monday", None),
        ),
        ("Order number five comes on Friday.", None),
        ("Ben, present your slides.", None),
        ("Ben, tell us about the hall by Friday.", None),
        ("If it is Monday, I have to move the other date.", None),
        ("I will be late tomorrow.", None),
        ("I will never do that again.", None),
        ("I'll share my screen for a moment.", None),
        ("I can hear you well now.", None),
        ("We have to pay for every second of it.", None),
        ("Would you like some of the coffee?", None),
        ("Could you see the budget that we have?", None),
        ("I would like to buy a license for it.", None),
        ("Last week I said that I would send it to you.", None),
    ],
)
def test_next_steps(text: str, expected: tuple[str | None, str, str | None] | None) -> None:
    assert steps((ADA, text), (BEN, "This is all that we have on it for now.")) == ([expected] if expected else [])


def test_the_person_who_accepts_gets_the_task_and_the_deadline() -> None:
    asked = (ADA, "Can somebody help with that? Could you write a note about the outage for the team?")
    assert steps(asked, (CHLOE, "Sure, I'll do that tomorrow morning.")) == [
        (CHLOE, "Write a note about the outage for the team", "tomorrow morning")
    ]
    assert steps(asked, (CHLOE, "That is not what I am here for.")) == []


def test_an_accepted_request_is_one_step() -> None:
    asked = (ADA, "Chloe, can you write a note about the outage?")
    assert steps(asked, (CHLOE, "Okay, yes, I'll write one.")) == [(CHLOE, "Write a note about the outage", None)]
    assert steps(asked, (CHLOE, "Yes, I'll write one on Monday.")) == [
        (CHLOE, "Write a note about the outage", "on Monday")
    ]
    assert len(steps(asked, (CHLOE, "Yes, I'll write the blog post."))) == 2
    assert steps(asked, (CHLOE, "No, I was not here when it happened.")) == []
    assert steps(asked, (CHLOE, "No problem, that is done soon.")) == [(CHLOE, "Write a note about the outage", None)]


def test_a_task_that_ends_as_a_question_needs_an_answer() -> None:
    asked = (ADA, "Ben, you'll send the posters to us by the tenth, right?")
    assert steps(asked, (BEN, "Sure, that is what I have here.")) == [
        (BEN, "Send the posters to us by the tenth", "by the tenth")
    ]
    assert steps(asked, (BEN, "That is not what I have here.")) == []


def test_people_with_the_same_first_name_are_distinguished() -> None:
    names = {0: "Ada Lovelace", 1: "Chloe Smith", 2: "Chloe Jones"}
    asked = ("Ada Lovelace", "So Chloe will send the report. And then Chloe Jones will call the client.")
    assert steps(asked, names=names) == [("Chloe Jones", "Call the client", None)]
    assert steps(("Chloe Smith", "And I will send the report to you."), names=names) == [
        ("Chloe Smith", "Send the report to you", None)
    ]
    assert extractive.action_items(
        spoken(
            ("Ada", "I will send the report to you."),
        ),
        {},
    ).next_steps[0].assigned_to == ("Speaker 1")


def test_pronouns_and_conditions_have_context() -> None:
    made = items((BEN, "The invoice of the printer is still open."), (ADA, "I will send it to the bank today."))
    assert made.next_steps[0].context == "Ben: The invoice of the printer is still open."
    made = items((ADA, "If the test fails again, I will call the customer today."))
    assert (made.next_steps[0].task, made.next_steps[0].context) == (
        "Call the customer today",
        "If the test fails again, I will call the customer today.",
    )
