"""The answers of language models: their schemas, and what is taken from them.

Docstrings are part of the schemas: changing one changes the prompts' fingerprints, and makes finished recordings stale.
Lengths are checked here and not in the schemas, because endpoints reject schemas with string lengths.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from domain.text.inert import inert

MAX_SUBJECTS = 6
# Characters of a line and a name, and of other texts, which are cut; models write a tenth of it.
MAX_LINE, MAX_SHORT, MAX_TEXT = 160, 300, 3000
# Entries of a list; a long meeting has some dozen.
MAX_ENTRIES = 100


def _plain(value: str) -> str:
    """Return a text on one line, without what files can't contain, markup at its beginning, links and mentions."""
    line = " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", value.encode("utf-8", "ignore").decode()).split())
    return inert(re.sub(r"^(?:#+|>|[-+*])\s+", "", line)).strip()


def _cut(value: str, longest: int) -> str:
    """Cut a text at the end of a sentence, or else of a word."""
    if len(value) <= longest:
        return value
    cut = value[: longest - 1]
    ends = [found.end() for found in re.finditer(r"[.!?。！？।](?=\s)|[。！？]", cut)]
    if ends and ends[-1] > longest // 2:
        return cut[: ends[-1]]
    return re.sub(r"\s+\S*$", "", cut) + "…"


def _text(value: str) -> str:
    if not (stripped := _plain(value)):
        raise ValueError("must not be empty")
    return _cut(stripped, MAX_TEXT)


def _line(value: str) -> str:
    line = _text(value.strip("\"'*#` \n"))
    if len(line) > MAX_LINE:
        raise ValueError(f"must be a short line of at most {MAX_LINE} characters")
    return line


def _maybe(value: str | None) -> str | None:
    stripped = _plain(value or "")
    absent = stripped.lower().strip(".") in {"", "null", "none", "n/a", "unknown", "not specified"}
    return None if absent else _cut(stripped, MAX_SHORT)


Text = Annotated[str, AfterValidator(_text)]
Line = Annotated[str, AfterValidator(_line)]
Maybe = Annotated[str | None, AfterValidator(_maybe)]


class TopicAnswer(BaseModel):
    """The topic of one stretch of a meeting."""

    title: Line = Field(description="Title of three to six words, without a full stop")
    summary: Text = Field(description="One or two sentences that say what was discussed and by whom")


class TitleAnswer(BaseModel):
    """The title of a meeting."""

    title: Line = Field(description="Title of three to eight words, without a full stop")


class SubjectsAnswer(BaseModel):
    """The main subjects of a meeting."""

    subjects: list[Line] = Field(
        min_length=1, max_length=MAX_SUBJECTS, description="The main subjects, in the order of the meeting"
    )


class DetailsAnswer(BaseModel):
    """What a meeting said about one subject."""

    details: list[Text] = Field(description="Facts, arguments, figures and results, one sentence each")


class ParagraphAnswer(BaseModel):
    """One subject in one paragraph."""

    paragraph: Text = Field(description="One paragraph of two to five sentences")


class RecapAnswer(BaseModel):
    """A whole meeting in one short paragraph."""

    recap: Text = Field(description="One paragraph of two to four sentences")


class DecisionAnswer(BaseModel):
    """Something that the meeting decided."""

    decision: Text = Field(description="What was decided, in one sentence")
    rationale: Maybe = Field(None, description="Why, if that was said")
    decided_by: Maybe = Field(None, description="Name of who decided, if that is clear")


class NextStepAnswer(BaseModel):
    """Something that somebody will do after the meeting."""

    task: Text = Field(description="What is to be done, in one sentence that begins with a verb")
    assigned_to: Maybe = Field(None, description="Name of who does it, if that is clear")
    deadline: Maybe = Field(None, description="By when, in the words of the meeting, if that was said")
    context: Maybe = Field(None, description="What one must know to do it, if that was said")


class ActionItemsAnswer(BaseModel):
    """Decisions and next steps of a meeting; both lists may be empty."""

    decisions: list[DecisionAnswer]
    next_steps: list[NextStepAnswer]


def _quote(value: str) -> str:
    return _cut(_plain(value), MAX_TEXT)


# An empty one counts as not found: it must not invalidate all the other entries.
Quote = Annotated[
    str,
    AfterValidator(_quote),
    Field(description="Five to twenty-five words of the transcript, copied exactly, that show it"),
]


class QuotedTopicAnswer(BaseModel):
    """The topic of one stretch of a meeting, with a quote from it that shows what was said."""

    quote: Quote
    title: Line = Field(description="Title of three to six words, without a full stop")
    summary: Text = Field(description="One or two sentences that say what was discussed and by whom")


class QuotedDetailAnswer(BaseModel):
    """Something that was said about a subject."""

    detail: Text = Field(description="A fact, an argument, a figure or a result, in one sentence")
    quote: Quote


class QuotedDetailsAnswer(BaseModel):
    """What a meeting said about one subject, each with a quote that shows it."""

    details: list[QuotedDetailAnswer]


class QuotedDecisionAnswer(DecisionAnswer):
    """Something that the meeting decided, with a quote that shows it."""

    quote: Quote


class QuotedNextStepAnswer(NextStepAnswer):
    """Something that somebody will do after the meeting, with a quote that shows it."""

    quote: Quote


class QuotedActionItemsAnswer(BaseModel):
    """Decisions and next steps of a meeting; both lists may be empty."""

    decisions: list[QuotedDecisionAnswer]
    next_steps: list[QuotedNextStepAnswer]
