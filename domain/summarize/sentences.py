"""Sentences as text: tokens, language detection, and key phrases."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from domain.summarize.english import DETERMINERS, PRONOUNS, SPOKEN, VERBS
from domain.text.days import days
from domain.text.injection import without_orders
from domain.text.letters import MARKS, WORD
from domain.text.spacing import UNSPACED
from domain.text.table import Table
from domain.text.words import sentences

TOKEN = re.compile(rf"{WORD}(?:['’]{WORD})*")

# Minimum share of a language's stop words among all words; speech has 40 to 60 %.
MIN_SHARE = 0.2
AGENDA = re.compile(
    r"\b(?:points?|topics?|items?|subjects?|agenda)\b[^,:.]*[,:.]\s*(?P<list>.+)|"
    r"\b(?:start|begin|continue|move on|go on) (?:with|to) (?P<start>[^,.;]+)|"
    r"\b(?:point|topic|item|subject|question) is (?P<is>[^,.;]+)|"
    r"\b(?:talk|talking|discuss|discussing|speak|speaking) (?:about |on )?(?P<about>[^,.;]+)",
    re.I,
)
MAX_PHRASE = 3


class Utterance(NamedTuple):
    """One sentence: speaker, start in seconds, text, mean confidence of recognition (0..1).

    `row` is the position of its first word in the table.
    """

    speaker: int
    start: float
    text: str
    confidence: float
    row: int


class Phrase(NamedTuple):
    """A noun phrase in lower case, its most frequent article, and its relevance for a text."""

    text: str
    article: str
    score: float


def utterances(table: Table) -> list[Utterance]:
    """Return the sentences of a words table, as said, without orders to a language model."""
    confidence = table["confidence"].tolist()
    return [
        Utterance(s.speaker, s.start, s.text, sum(confidence[row] for row in s.rows) / len(s.rows), s.rows[0])
        for s in without_orders(sentences(table))
    ]


def tokens(text: str) -> list[str]:
    """Split into words in lower case; scripts without spaces are split into pairs of characters."""
    found: list[str] = []
    for word in TOKEN.findall(text.replace("’", "'").lower()):
        if UNSPACED.match(word[0]):
            found += [word[at : at + 2] for at in range(max(1, len(word) - 1))]
        else:
            found.append(word)
    return found


@lru_cache(maxsize=1)
def stop_word_lists() -> Mapping[str, frozenset[str]]:
    """Return stop words by language; for English, scikit-learn's list and the fillers of speech."""
    # Imported here: the first import takes a second, the second one reads files.
    from sklearn.feature_extraction.text import (  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs]
        ENGLISH_STOP_WORDS,
    )
    from stop_words import (  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs]
        AVAILABLE_LANGUAGES,
        get_stop_words,
    )

    lists = {language: frozenset(get_stop_words(language)) for language in AVAILABLE_LANGUAGES if language != "english"}
    return {"english": frozenset(ENGLISH_STOP_WORDS) | frozenset(SPOKEN), **lists}


def language_of(texts: Iterable[str]) -> str | None:
    """Detect the language ("german") by its stop words; None if no language has enough of them."""
    counts = Counter(token for text in texts for token in tokens(text))
    total = counts.total()
    shares = {
        language: sum(counts[word] for word in counts if word in words) / total
        for language, words in (stop_word_lists().items() if total else ())
    }
    best = max(shares, key=lambda language: shares[language], default=None)
    return best if best is not None and shares[best] >= MIN_SHARE else None


def stop_words(language: str | None) -> frozenset[str]:
    """Return the stop words of a language; none for None."""
    return stop_word_lists().get(language or "", frozenset())


def phrases(
    texts: Sequence[str],
    language: str | None,
    names: Iterable[str],
    rarity: Mapping[str, float],
    announced: Sequence[str] = ("", ""),
) -> list[Phrase]:
    """Return the key phrases of a text, best first: noun phrases of one to three words, without people's names.

    `rarity` weights words that are rare in the meeting, `announced` is the result of `agenda`.
    """
    banned = stop_words(language) | days(language) | {token for name in names for token in tokens(name)}
    english = language == "english"
    nouns = None if english else _capitalised(texts)
    verbs = _verbs(texts) if english else frozenset[str]()
    counts = Counter(token for text in texts for token in set(tokens(text)))
    found: Counter[tuple[str, ...]] = Counter()
    articles: dict[tuple[str, ...], Counter[str]] = {}
    for text in texts:
        for article, run in _runs(text, banned, verbs, nouns, english=english):
            words = run[:MAX_PHRASE]
            for size in range(1, len(words) + 1):
                # In English the noun comes last: "search button" is also about a button, not about a search.
                part = words[-size:] if english else words[:size]
                found[part] += 1
                articles.setdefault(part, Counter())[article if size == len(words) else ""] += 1
    scored: list[Phrase] = []
    for part, count in found.items():
        text = " ".join(part)
        weight = sum(counts[word] ** 0.5 * rarity.get(word, 1.0) for word in part) / len(part) ** 0.5 * count**0.5
        weight *= 1.0 if len(part) > 1 else 0.6
        weight *= 4.0 if f" {text} " in announced[0] else 2.0 if f" {text} " in announced[1] else 1.0
        scored.append(Phrase(text, articles[part].most_common(1)[0][0], weight))
    return sorted(scored, key=lambda phrase: (-phrase.score, phrase.text))


def distinct(found: Iterable[Phrase], most: int, least: float = 0.0) -> list[Phrase]:
    """Return the best phrases that share no word; `least` is the minimum score relative to the best one."""
    best: list[Phrase] = []
    for phrase in found:
        used = {_stem(word) for one in best for word in one.text.split()}
        if not used & {_stem(word) for word in phrase.text.split()} and (
            not best or phrase.score >= least * best[0].score
        ):
            best.append(phrase)
        if len(best) == most:
            break
    return best


def listing(items: Sequence[str]) -> str:
    """Join as "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def title_case(text: str) -> str:
    """Capitalize a title as in English: small words stay in lower case, except the first."""
    small = {"a", "an", "and", "at", "by", "for", "in", "of", "on", "or", "the", "to", "with"}
    words = text.split()
    return " ".join(
        word if word.lower() in small and at else word[:1].upper() + word[1:] for at, word in enumerate(words)
    )


def agenda(texts: Iterable[str]) -> tuple[str, str]:
    """Return the subjects that a meeting announces, in lower case with spaces around each word.

    First listed ones ("three points, the budget and ..."), then those in passing ("the next point is ...").
    """
    found = [match for text in texts for match in AGENDA.finditer(text)]
    listed = [match["list"] for match in found if match["list"]]
    passing = [part for match in found for part in match.groups()[1:] if part]
    return _padded(listed), _padded(passing)


def _padded(texts: Iterable[str]) -> str:
    return f" {' | '.join(' '.join(tokens(text)) for text in texts)} "


def spelling(texts: Iterable[str]) -> dict[str, str]:
    """Map each word in lower case to its most frequent spelling."""
    seen: dict[str, Counter[str]] = {}
    for word in (word for text in texts for word in TOKEN.findall(text)):
        seen.setdefault(word.lower(), Counter())[word] += 1
    return {word: forms.most_common(1)[0][0] for word, forms in seen.items()}


def _runs(
    text: str, banned: frozenset[str], verbs: frozenset[str], nouns: frozenset[str] | None, *, english: bool
) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Yield runs of content words with their article; in English only where a noun phrase can start."""
    for part in re.split(rf"[^\w\s{MARKS}'’-]+", text):
        before, article, run = "", "", list[str]()
        for word in [*tokens(part), ""]:
            ends = not word or word in banned or len(word) < 3 or (english and (word.endswith("ly") or word in VERBS))
            if not ends and not (run and word in verbs) and (nouns is None or word in nouns):
                run.append(word)
                continue
            if run and (not english or before in DETERMINERS or before in banned - PRONOUNS):
                yield article, tuple(run)
            # "the new software": the article may precede an adjective that isn't part of the phrase.
            article = "the" if word in {"the", "this", "our"} else article if not run and word in banned - VERBS else ""
            before, run = word, []


def _capitalised(texts: Iterable[str]) -> frozenset[str] | None:
    """Return the capitalized words inside sentences if capitals mark nouns (German); else None."""
    inside = [word for text in texts for word in TOKEN.findall(text)[1:]]
    capital = [word.lower() for word in inside if word[0].isupper()]
    return frozenset(capital) if len(capital) > 0.12 * len(inside) else None


def _verbs(texts: Iterable[str]) -> frozenset[str]:
    """Return words that this meeting uses as verbs ("we pay", "to wait"), with and without s."""
    after = {
        word
        for text in texts
        for before, word in zip(tokens(text), tokens(text)[1:], strict=False)
        if before in PRONOUNS
    }
    return frozenset(after | {f"{word}s" for word in after})


def _stem(word: str) -> str:
    return re.sub(r"(?:'s|ies|es|s|ing|ed)$", "", word) if len(word) > 4 else word
