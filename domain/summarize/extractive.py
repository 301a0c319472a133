"""Topics, title and summary from the meeting's own sentences by TextRank: deterministic, without a model."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from domain.errors import DEFECTS, reason
from domain.names import of_speaker
from domain.results import ActionItems, Evidence, Summary, SummaryEvidence, Title, Topic, Topics
from domain.summarize import cues, german, spanish, wordings
from domain.summarize.answers import MAX_SUBJECTS
from domain.summarize.brief import is_brief
from domain.summarize.cleaning import clean
from domain.summarize.decisions import decides, trimmed
from domain.summarize.english import REFERRING
from domain.summarize.evidence import evidence, of_summary
from domain.summarize.sections import sections
from domain.summarize.sentences import (
    Phrase,
    Utterance,
    agenda,
    distinct,
    language_of,
    listing,
    phrases,
    spelling,
    stop_words,
    title_case,
    tokens,
    utterances,
)
from domain.text.letters import MARKS
from domain.text.sentence_ends import ended
from domain.text.spacing import continues, join
from domain.text.table import Table
from domain.text.topics import EXTRACTIVE, NOTHING_SAID, UNTITLED, Chunk, long_summary, plain_names, topic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Raise with every change to results: earlier results are then stale.
REVISION = 5

# How each language but English words decisions and next steps.
WORDINGS = {"german": german.WORDINGS, "spanish": spanish.WORDINGS}
DAMPING = 0.85
# Weight of a sentence's rank against its similarity to the sentences already picked.
NOVELTY = 0.7
PLEASANTRY = re.compile(
    r"\b(?:good (?:morning|afternoon|evening)|hello|welcome|thank you|thanks for|sorry|nice day|hear (?:you|me)|bye|"
    r"any(?:one|body)? (?:have )?(?:other |another )?questions?|no questions)\b",
    re.I,
)


class Reading(NamedTuple):
    """An analysed meeting: its sentences, its language, and TF-IDF weights (a row per sentence, None without words)."""

    utterances: list[Utterance]
    language: str | None
    weights: Any | None
    names: dict[int, str]
    agenda: tuple[str, str]

    def of(self, chunk: Chunk) -> list[int]:
        """Return the indexes of the sentences that start in a chunk."""
        return [at for at, one in enumerate(self.utterances) if chunk.words_from <= one.row < chunk.words_to]

    def name(self, speaker: int) -> str:
        """Return the name of a speaker, or "Speaker N", counted from 1."""
        return of_speaker(speaker, self.names)


def topics(words: Table, names: Mapping[int, str], parts: Sequence[Chunk] | None = None) -> Topics:
    """Give each section, or each of `parts`, a title of its key phrases and a summary of one or two of its sentences.

    A topic that can't be summarized says so; it doesn't fail the others.
    """
    found = sections(words) if parts is None else parts
    try:
        reading = read(words, names)
        spoken = [reading.of(chunk) for chunk in found]
        rarity = _rarity(reading, spoken)
    except DEFECTS as error:
        return Topics(tuple(_unsummarized(index, chunk, words, error) for index, chunk in enumerate(found)))
    made: list[Topic] = []
    for index, (chunk, part) in enumerate(zip(found, spoken, strict=True)):
        try:
            heading, picked = _heading(reading, part, rarity) or f"Topic {index + 1}", pick(reading, part, 2)
            one = topic(index, chunk, words, heading, _quote(reading, picked) or heading)
            made.append(one.model_copy(update={"evidence": next(iter(_evidence(reading, picked[:1])), None)}))
        except DEFECTS as error:
            made.append(_unsummarized(index, chunk, words, error))
    return Topics(tuple(made))


def title(found: Topics) -> Title:
    """Combine the title from the phrases that most topics share, at most three."""
    texts = [f"{one.title} {one.summary}".lower() for one in found.root]
    parts = [part for one in found.root for part in re.split(r", | and ", one.title)]
    leading = {re.split(r", | and ", one.title)[0] for one in found.root}
    scored = [
        Phrase(part, "", sum(part.lower() in text for text in texts) + 0.5 * (part in leading))
        for part in dict.fromkeys(parts)
    ]
    best = distinct(sorted(scored, key=lambda phrase: -phrase.score), 3)
    named = [phrase.text for phrase in sorted(best, key=lambda phrase: parts.index(phrase.text))]
    english = language_of(texts) == "english"
    return Title(title=(listing(named) if english else ", ".join(named)) or UNTITLED, method=EXTRACTIVE)


def summary(words: Table, found: Topics, names: Mapping[int, str]) -> Summary:
    """Combine a recap and a paragraph per subject (at most six) from the meeting's own sentences."""
    reading = read(words, names)
    if not reading.utterances:
        return Summary(long_summary=long_summary(NOTHING_SAID, ()), short_summary=NOTHING_SAID, method=EXTRACTIVE)
    if is_brief(len(words)):
        picked = pick(reading, range(len(reading.utterances)), 2)
        recap = _quote(reading, picked)
        return _summary(recap, [], of_summary(_evidence(reading, picked)))
    groups = _grouped(found, len(words))
    parts = [reading.of(chunk) for chunk, _ in groups]
    rarity = _rarity(reading, parts)
    subjects = [
        (heading or _heading(reading, part, rarity), pick(reading, part, 4))
        for (_, heading), part in zip(groups, parts, strict=True)
        if part
    ]
    recap, shown = _outcome(reading, _lead(reading, parts, rarity))
    paragraphs = [(subject, _quote(reading, picked)) for subject, picked in subjects]
    rests_on = of_summary(shown)
    for subject, picked in subjects:
        rests_on += of_summary(_evidence(reading, picked), subject)
    return _summary(recap, paragraphs, rests_on)


def _summary(recap: str, paragraphs: Sequence[tuple[str, str]], rests_on: Sequence[SummaryEvidence]) -> Summary:
    text = long_summary(recap, paragraphs)
    return Summary(long_summary=text, short_summary=recap, method=EXTRACTIVE, evidence=tuple(rests_on))


def action_items(words: Table, names: Mapping[int, str]) -> ActionItems:
    """Extract decisions and next steps by their wording, in English, German and Spanish."""
    reading = read(words, names)
    if reading.language == "english":
        decisions, next_steps = cues.action_items(reading.utterances, reading.names)
    elif reading.language in WORDINGS:
        decisions, next_steps = wordings.action_items(reading.utterances, reading.names, WORDINGS[reading.language])
    else:
        return ActionItems(method=EXTRACTIVE)
    return ActionItems(decisions=decisions, next_steps=next_steps, method=EXTRACTIVE)


def read(words: Table, names: Mapping[int, str]) -> Reading:
    """Split into sentences, detect the language and weight the words."""
    said = utterances(words)
    language = language_of(one.text for one in said)
    found = [one._replace(text=text) for one in said if (text := clean(one.text, language))]
    banned = stop_words(language)

    def content(text: str) -> list[str]:
        return [token for token in tokens(text) if token not in banned and len(token) > 1]

    weights = None
    if any(content(one.text) for one in found):
        # Imported here, because it takes a second.
        from sklearn.feature_extraction import text  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs]

        vectorizer: Any = text.TfidfVectorizer
        weights = vectorizer(analyzer=content, sublinear_tf=True).fit_transform([one.text for one in found])
    announced = agenda(one.text for one in found) if language == "english" else ("", "")
    return Reading(found, language, weights, plain_names(names), announced)


def pick(reading: Reading, part: Sequence[int], most: int) -> list[int]:
    """Pick the most relevant and least redundant sentences of a part, in the order of the meeting."""
    import numpy as np  # noqa: PLC0415 - takes 0.2 s to load

    if reading.weights is None:
        return list(part[:most])
    able = [at for at in part if len(tokens(reading.utterances[at].text)) >= 4] or list(part)
    rows = reading.weights[able]
    rank = page_rank(rows, np.array([_worth(reading, at) for at in able]))
    rank = rank / rank.max()
    picked: list[int] = []
    while len(picked) < min(most, len(able)):
        repeats = (rows @ rows[picked].T).max(axis=1).toarray().ravel() if picked else np.zeros(len(able))
        scores = NOVELTY * rank - (1 - NOVELTY) * repeats
        scores[picked] = -np.inf
        # Rounded: of equal sentences, the first is picked.
        picked.append(int(scores.round(9).argmax()))
    return sorted(able[at] for at in picked)


def page_rank(rows: Any, prior: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Return the PageRank of sentences linked by the cosine of their rows, with jumps distributed by the prior.

    `rows` is a sparse matrix of rows of length 1 or 0. The matrix of all cosines is never made: for three hours it
    would take hundreds of megabytes.
    """
    import numpy as np  # noqa: PLC0415 - takes 0.2 s to load

    prior = prior / prior.sum()
    columns = rows.T.tocsr()
    # A sentence has no link to itself.
    own = np.asarray(rows.multiply(rows).sum(axis=1)).ravel()
    out = rows @ np.asarray(rows.sum(axis=0)).ravel() - own
    linked = out > 1e-9
    shares = np.where(linked, 1 / np.where(linked, out, 1), 0)
    rank = prior
    for _ in range(60):
        given = rank * shares
        # Nodes without neighbours distribute their rank by the prior.
        after = (1 - DAMPING) * prior + DAMPING * (rows @ (columns @ given) - own * given + prior * rank[~linked].sum())
        if np.abs(after - rank).sum() < 1e-9:
            break
        rank = after
    return rank * prior


def _worth(reading: Reading, at: int) -> float:
    """Return how suitable a sentence is for quoting."""
    one = reading.utterances[at]
    words = tokens(one.text)
    worth = next(worth for least, worth in ((31, 0.6), (10, 1.0), (7, 0.75), (5, 0.5), (0, 0.2)) if len(words) >= least)
    worth *= 0.3 if one.text.endswith(("?", "？", "؟")) else 1.0
    worth *= min(1.0, max(0.3, one.confidence / 0.7))
    if reading.language == "english" and decides(one.text):
        worth *= 1.6
    elif reading.language == "english":
        worth *= 0.6 if words[:1] == ["no"] or REFERRING & set(words[:1]) or trimmed(one.text) != one.text else 1.0
        worth *= 0.7 if REFERRING & set(words[:4]) else 1.0
        worth *= 0.2 if PLEASANTRY.search(one.text) else 1.0
    return worth


def _quote(reading: Reading, picked: Sequence[int]) -> str:
    """Format sentences with their speakers' names, each name once per turn."""
    parts: list[str] = []
    last: int | None = None
    for at in picked:
        one = reading.utterances[at]
        text = trimmed(one.text) if reading.language == "english" else one.text
        text = ended(text)
        parts.append(text if one.speaker == last else f"{reading.name(one.speaker)}: {text}")
        last = one.speaker
    return join(parts)


def _evidence(reading: Reading, picked: Sequence[int]) -> list[Evidence]:
    """Return sentences as evidence."""
    said = [reading.utterances[at] for at in picked]
    return [evidence(one.text, one.start, reading.name(one.speaker)) for one in said]


def _rarity(reading: Reading, parts: Sequence[Sequence[int]]) -> dict[str, float]:
    """Weight words by how few parts of the meeting they occur in."""
    inside = [{token for at in part for token in tokens(reading.utterances[at].text)} for part in parts]
    seen = Counter(token for part in inside for token in part)
    return {token: math.log(1 + len(parts) / count) for token, count in seen.items()}


def _phrases(reading: Reading, part: Sequence[int], rarity: Mapping[str, float]) -> list[Phrase]:
    """Return the one or two key phrases of a part, in the order in which they occur."""
    texts = [reading.utterances[at].text for at in part]
    found = distinct(phrases(texts, reading.language, reading.names.values(), rarity, reading.agenda), 2, 0.45)
    whole = " ".join(texts).lower()
    return sorted(found, key=lambda phrase: whole.find(phrase.text))


def _heading(reading: Reading, part: Sequence[int], rarity: Mapping[str, float]) -> str:
    """Return the title of a part: its one or two key phrases, else the beginning of its best sentence."""
    best = _phrases(reading, part, rarity)
    if not best:
        picked = pick(reading, part, 1)
        return _beginning(reading.utterances[picked[0]].text) if picked else ""
    if reading.language == "english":
        return title_case(listing([phrase.text for phrase in best]))
    spelt = spelling(reading.utterances[at].text for at in part)
    return ", ".join(cues.sentence(" ".join(spelt.get(word, word) for word in phrase.text.split())) for phrase in best)


def _unsummarized(index: int, chunk: Chunk, words: Table, error: Exception) -> Topic:
    return topic(index, chunk, words, f"Topic {index + 1}", "").model_copy(update={"error": reason(error)})


def _beginning(text: str) -> str:
    """Return the first six words of a sentence, at most 60 characters, not cut inside a letter or Latin word."""
    words = " ".join(text.split()[:6])
    cut = words[:60]
    while cut and words[len(cut) :] and (words[len(cut)] in MARKS or continues(cut, words[len(cut) :])):
        cut = cut[:-1]
    return re.sub(r"[\s.,;:?!。，、？！।؟۔။។]+$", "", cut or words[:60])


def _lead(reading: Reading, parts: Sequence[Sequence[int]], rarity: Mapping[str, float]) -> str:
    """Return a sentence about the participants and the subjects; empty if the language isn't English."""
    if reading.language != "english":
        return ""
    people = [reading.name(speaker) for speaker in dict.fromkeys(one.speaker for one in reading.utterances)]
    listed = people if len(people) <= 4 else [*people[:3], f"{len(people) - 3} others"]
    best = distinct([phrase for part in parts for phrase in _phrases(reading, part, rarity)], 5)
    about = [f"{phrase.article} {phrase.text}".strip() for phrase in best]
    return f"{listing(listed)} talked about {listing(about)}." if about else ""


def _outcome(reading: Reading, lead: str) -> tuple[str, list[Evidence]]:
    """Return the recap and what it rests on.

    The recap is the lead, then decisions or else the best sentences, and the number of next steps.
    """
    if not lead:
        picked = pick(reading, range(len(reading.utterances)), 3)
        return _quote(reading, picked), _evidence(reading, picked)
    decisions, steps = cues.action_items(reading.utterances, reading.names)
    people = list(dict.fromkeys(step.assigned_to for step in steps if step.assigned_to))
    parts, shown = [lead], [one.evidence for one in decisions[:3] if one.evidence]
    if decisions:
        parts.append(f"Decided: {'; '.join(one.decision for one in decisions[:3])}.")
    else:
        picked = pick(reading, range(len(reading.utterances)), 2)
        parts.append(_quote(reading, picked))
        shown = _evidence(reading, picked)
    if steps:
        count = "1 next step" if len(steps) == 1 else f"{len(steps)} next steps"
        parts.append(f"{count}{f', for {listing(people)}' if people else ''}.")
    return " ".join(parts), shown


def _grouped(found: Topics, count: int) -> list[tuple[Chunk, str]]:
    """Group neighbouring topics into at most six; a single topic keeps its title."""
    listed = found.root
    size = max(1, -(-len(listed) // MAX_SUBJECTS))
    if not listed:
        return [(Chunk(0, count), "")]
    parts = [listed[at : at + size] for at in range(0, len(listed), size)]
    return [(Chunk(part[0].words_from, part[-1].words_to), part[0].title if len(part) == 1 else "") for part in parts]
