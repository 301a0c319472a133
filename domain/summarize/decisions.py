"""Recognize a decision of this meeting in an English sentence: not a question, a supposition, or one made earlier."""

import re

from domain.summarize.deadlines import DEADLINE
from domain.summarize.sentences import tokens

# Openings without content: "Good, ...", "I agree, ...", "Then ...". Most have one only before punctuation.
OPENING = re.compile(
    r"^(?:(?:okay|ok|yes|yeah|so|then|and|but|also|all right then|in that case|of course)"
    r"(?:\s+(?:then|so|and|now))?[,.]?\s+|"
    r"(?:good idea|good point|good|great|perfect|okay|ok|yes|yeah|no problem|no|well|now|sure|right|fine|alright|"
    r"all right|wonderful|excellent|thanks|thank you|i agree|agreed|absolutely)"
    r"(?:\s+(?:then|so|and|now))?[,.]\s+)+",
    re.I,
)
SETTLE = re.compile(
    r"^(?:let us|let's)\s+(?:decide|settle|fix|agree on)\b(?:\s+(?:on\s+)?(?:this|that|it))?(?:\s+(?:now|today|then))?"
    r"(?P<rest>.*)$",
    re.I | re.S,
)
CONTENT = r"(?:that\s+(?P<what>.+)|(?P<how>(?:(?:(?:not|never)\s+)?to|on|against)\s+.+))"
ACTIVE = [
    re.compile(pattern, re.I | re.S)
    for pattern in (
        rf"\b(?:we|(?<!\band )i)(?:'ve| have)?\s+(?:now\s+|all\s+)?(?:decide|decided|resolved|settled)\s+{CONTENT}",
        rf"\bwe(?:'ve| have)?\s+(?:now\s+|all\s+)?(?:agree|agreed)\s+{CONTENT}",
        r"\b(?:the|our|my)\s+(?:final\s+)?decision\s+(?:is|was)\s+(?:that\s+)?"
        r"(?!not\b(?!\s+to\b)|(?:still|yet|open|pending|up to|final|yours|mine|hard|difficult|clear|unclear)\b)"
        r"(?P<what>.+)",
        r"\b(?:it|that)(?:'s| is| was| has been)\s+(?:decided|agreed|settled)\s+that\s+(?P<what>.+)",
        r"\bit(?:'s| is)\s+(?:decided|agreed|settled)[,:]\s+(?P<what>(?=.*\bwe\b).+)",
    )
]
PASSIVE = re.compile(
    r"^(?P<what>(?P<subject>.+?\s)(?:is|are|was|were|has been|have been)\s+(?:decided|approved|agreed|settled)\b.*)",
    re.I | re.S,
)
CHOSEN = [
    re.compile(pattern, re.I | re.S)
    for pattern in (
        r"^(?P<what>we(?:'ll| will| are going to|'re going to)\s+(?:go (?:with|for|ahead)|stick with|stay with)\b.+)",
        r"^(?:let us|let's)\s+(?P<what>(?:go (?:with|for(?!\s+(?:an?|lunch|dinner|coffee|now|it)\b)|ahead)|"
        r"stick with|use)\b.+)",
        r"^(?:i(?:'d| would)\s+say\s+(?:that\s+)?)?(?P<what>we(?:'re going|\s+are going|\s+go)\s+(?:with|for)\b.+)",
        r"^(?:let us|let's)\s+(?P<what>(?:set|fix|cap)\s+(?:the|our)\s.+\s(?:at|to)\s.+)",
        r"^(?:let us|let's)\s+(?P<what>(?:do|launch|release|ship|schedule|hold)\s+(?:the|our)\s.+"
        rf"(?:{DEADLINE.pattern}).*)",
        r"^(?P<what>if\b.+\b(?:agrees?|approves?|accepts?)\b.*,\s*(?:then\s+)?we\s+(?!can|could|would|should|might|may)"
        r"\w+.+)",
    )
]
# "We move in March, agreed?": decided if somebody agrees.
PROPOSED = re.compile(r"^(?P<what>we(?:'re|'ll)?\b.+?),?\s+(?:agreed|are we agreed|all agreed)\?$", re.I | re.S)
# Directly before "we decided".
SUPPOSED = re.compile(
    r"(?:(?:\b(?:not|never|cannot|hardly|nobody|no one|none)|n't)\s+(?:\w+\s+){0,2}?"
    r"(?:like|think|believe|recall|remember|say|said|know|sure|"
    r"certain|true|correct|clear|case|mean|claim|aware)|"
    r"\b(?:if|whether|when|once|before|until|till|unless|how|what|why|thought|assum\w+|suppos\w+|imagin\w+|hop\w+|"
    r"wish\w*|doubt\w*|wonder\w*|pretend\w*|wrong|unclear|unsure|forget|as soon as|in case|as though))\s+(?:that\s+)?$|"
    r"\b(?:maybe|perhaps|possibly)\b[^,;]*$",
    re.I,
)
# In the clause before "is approved".
UNSETTLED = re.compile(
    r"\b(?:no|none|nothing|nobody|neither|nor|not|never|hardly|cannot|if|whether|unless|maybe|perhaps|possibly|would|"
    r"could|should|might|must|may|thought|assum\w+|suppos\w+|hop(?:e|es|ed|ing)|wish\w*|doubt\w*|wonder\w*)\b|n't\b|"
    r"^(?:when|once|before|until|after|as soon as|in case)\b",
    re.I,
)
QUESTION = re.compile(
    r"^(?:(?:why|how|what|when|where|who|which)\b.*\b)?"
    r"(?:should|shall|did|do|does|have|has|had|can|could|would|will|is|are|was|were|may|might|must)(?:n't)?\s+"
    r"(?:we|i|you|they|it|he|she|that|this|the|there|our|any\w*|every\w*)\b",
    re.I,
)
EARLIER = (
    r"(?:(?:in|at|during)\s+(?:the|our)\s+(?:last|previous|earlier)\s+\w+|"
    r"last\s+(?:week|month|year|quarter|meeting|time|spring|summer|autumn|fall|winter|(?:mon|tues|wednes|thurs|fri|"
    r"satur|sun)day)(?!')|yesterday(?!')|(?:\w+\s+){1,2}ago|previously|back\s+then|(?:back\s+)?in\s+(?:19|20)\d\d)"
)
EARLIER_BEFORE = re.compile(rf"(?:^|\s){EARLIER}\b[^,;:]*,?\s*$", re.I)
EARLIER_AFTER = re.compile(
    rf"^\s*(?:already\s+)?{EARLIER}\b|(?<!\bas)(?<!\bof)(?<!than)(?<!from)(?<!like)(?<!\bin)(?<!\bto)(?<!with)(?<!for)"
    rf"(?<!since)\s+(?:last\s+(?:week|month|year|quarter|meeting|time)|yesterday|(?:\w+\s+){{1,2}}ago)\s*[.!]*$",
    re.I,
)


# "I decided to walk this morning": the person, not the meeting.
BEFORE_MEETING = re.compile(
    r"\b(?:this morning|last night|earlier today|at home|at breakfast|on (?:my|the) way)\b", re.I
)


def decides(text: str) -> bool:
    """Return True if a sentence states a decision."""
    return bool(decisions(text)[0])


def decisions(text: str) -> tuple[list[str], bool]:
    """Return the decisions in a sentence, and whether it announces one in the next sentence."""
    text = plain(text)
    if text.endswith("?"):
        return [], False
    bare = OPENING.sub("", text)
    if QUESTION.match(bare):
        return [], False
    if settled := SETTLE.match(bare):
        rest = settled["rest"].strip(" ,;:.-")
        if re.match(r"(?:on|about|how|what|which|whether|if|when|who|where)\b", rest, re.I):
            return [], False
        return ([rest], False) if len(tokens(rest)) >= 3 else ([], True)
    found = _decided(bare)
    return ([found], False) if found else ([], False)


def proposal(text: str) -> str | None:
    """Return what a sentence proposes for a decision ("We move in March, agreed?"), or None."""
    found = PROPOSED.match(OPENING.sub("", plain(text)))
    return found["what"] if found else None


def trimmed(text: str) -> str:
    """Remove the opening that refers to the sentence before ("Good, ...", "Then ...").

    A "no" stays, because it has content; of "let us decide this now, ..." only the decision stays.
    """
    bare = OPENING.sub("", text)
    settled = SETTLE.match(plain(bare))
    bare = bare[settled.start("rest") :] if settled and decides(text) else bare
    if re.match(r"no\b", text, re.I) or len(tokens(bare)) < 3 or bare == text:
        return text
    bare = bare.strip(" ,;:-")
    return bare[:1].upper() + bare[1:]


def plain(text: str) -> str:
    """Return a text with straight apostrophes, of the same length."""
    return text.replace("’", "'")


def _decided(bare: str) -> str | None:
    for pattern in ACTIVE:
        found = pattern.search(bare)
        if not found:
            continue
        before, parts = bare[: found.start()], found.groupdict()
        what, how = parts.get("what"), parts.get("how") or ""
        alone = re.search(r"\bi\b", found[0][:8], re.I) is not None
        if SUPPOSED.search(before) or _earlier(before, what or how) or (alone and BEFORE_MEETING.search(bare)):
            return None
        # "We decide on Friday" decides nothing.
        if (when := DEADLINE.match(how)) and not how[when.end() :].strip(" .!"):
            return None
        return what or (how.removeprefix("to ") if how.startswith("to ") else bare)
    if found := PASSIVE.match(bare):
        clause = re.split(r"[,;:.]\s+|\b(?:so|but|and)\s+", found["subject"])[-1]
        after = bare[found.end("subject") :].partition("ed")[2]
        settled = not UNSETTLED.search(clause) and not _earlier(found["subject"], after)
        return found["what"] if settled else None
    return next((found["what"] for pattern in CHOSEN if (found := pattern.search(bare))), None)


def _earlier(before: str, after: str) -> bool:
    """Return True if the decision was made before this meeting."""
    return bool(EARLIER_BEFORE.search(before) or EARLIER_AFTER.search(after))
