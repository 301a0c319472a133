"""Where a sentence ends, in all scripts and without knowing the language; if in doubt, it goes on."""

import re

from domain.text.days import ALL
from domain.text.lettered import is_counted_with_letters
from domain.text.letters import MARKS, WORD

CLOSING = r"[\"'”’“‘»)\]}」』】]*$"
# Latin, CJK, Devanagari, Arabic and Urdu, Burmese, Khmer, Armenian, Ethiopic, Tibetan; Greek asks with a semicolon.
END = re.compile(rf"(?:[.?!…。？！｡।॥؟۔။។៕։።፧།༎\u037e]|(?<=[\u0370-\u03ff\u1f00-\u1fff]);){CLOSING}")
CLAUSE_END = re.compile(rf"[,;:，、；：—–،؛၊]{CLOSING}")
ELLIPSIS = re.compile(rf"(?:\.\.|…){CLOSING}")
OPENING = r"^[(\"'“„«¿¡\[]*"
# Never the end of a sentence.
ABBREVIATED = re.compile(
    OPENING + r"(?:mr|mrs|ms|mx|dr|prof|ste|capt|sgt|lt|maj|cpl|adm|mt|vs|cf|fig|"
    # Titles that are words of other languages in lower case, and plurals such as "EE. UU." and "MM.".
    r"(?-i:Rev|Hon|Gen|Col|Gov|Sen|Rep|(?!UU|II)([A-Z])\1)|"
    # Titles of other languages.
    r"hr|frl?|fa|dipl|hab|ing|inż|sig\.ra|κα|κος|οδ|sra|srta|dra|dott|dott\.ssa|avv|exm[oa]|dña|mme|mlle|mgr|bc|"
    r"mevr|dhr|dna|sn|проф|акад|"
    r"nr|núm|aufl|bzw|ggf|evtl|inkl|exkl|vgl|bspw|sog|zzgl|ca|approx|bijv|dvs|esim|tzv|tzw|wg|např|örn|"
    r"poz|pág|depto|cía|jf|pl|t\.ex|f\.eks|bl\.a|z\.b|d\.h|u\.a|i\.d\.r|e\.g|i\.e|p\.ej|p\.ex|m\.in|np|tzn|tj|ul|"
    r"δηλ|αρ|см|стр|ул)\.$",
    re.I,
)
# Never the end either, except before a word that can only begin a sentence: "He has a Ph.D. She knows."
BEFORE_NAMES = re.compile(
    OPENING + r"(?:ph\.d|m\.d|b\.sc|m\.sc|b\.a|m\.a|d\.phil|sr|jr|st|u\.s|(?-i:UU)|"
    r"jan|feb|febr|apr|aug|sep|sept|oct|okt|nov|dec|dez|janv|févr|avr|juil|déc)\.$",
    re.I,
)
# Without pronouns that are capitalized inside a sentence, such as "I" and "Sie", or are names, such as "Ella".
BEGINNING = re.compile(
    OPENING + r"(?:He|She|It|We|You|They|Er|Es|Ich|Wir|Él|Yo|Nosotr[oa]s|Ell[oa]s|Ele|Ela|Eles|Elas|Eu|Nós|"
    r"Je|Ils?|Elles?|On|Nous|Vous|Lui|Noi|Loro|Hij|Zij|Ze|Wij|Vi|Hun|Hon|Ona|Oni|Hän|Minä)(?:['’]\w+)?[,:]?$|"
    + OPENING
    + r"[JC]['’]\w"
)
# Never behind a number: "3 Mio. Euro".
COUNTED = re.compile(r"(?:mio|mrd|tys|тыс|млн|млрд)\.$", re.I)
# One letter: an initial, or a part of "z. B.". "I." ends a sentence.
LETTER = re.compile(OPENING + r"(?!I\.)[A-Za-zÀ-ÖØ-öø-ÿА-яΑ-ω]\.(?:-?[A-Z]\.)*$")
# Capital letters: "B.", "U.K."
CAPITALS = re.compile(OPENING + r"[A-ZÀ-ÖØ-ÞА-ЯΑ-Ω]\.(?:-?[A-Z]\.)*$")
# The end only before a capital letter.
SHORTENED = re.compile(
    OPENING
    + r"(?:\w{1,4}['’])?(?:no|nos|inc|ltd|co|corp|dept|est|etc|usw|usf|mwst|itd|itp|atd|apod|stb|vb|osv|enz|ecc|"
    r"др|пр|руб|κλπ|κτλ|vol|art|abs|sec|pp|cap|kap|kl|kb|ok|pkt|godz|max|min|mind|std|str|av|hs|tel|tlf|resp|mag|sig|"
    r"ст|гл|кв|тел|mar|jun|jul|ene|dic|"
    r"[ap]\.m|\w(?:\.\w)+)\.$",
    re.I,
)
# An abbreviation of any language if a small letter follows, except in "iPhone"; Georgian has no capitals.
SHORT = re.compile(OPENING + rf"(?=\S{{1,7}}$){WORD}(?:\.{WORD})*\.$")

NUMBER = re.compile(OPENING + r"\d{1,3}\.$")
# Before an ordinal: "am 3. Oktober", "der 2. Versuch".
BEFORE_ORDINAL = re.compile(
    r"(?:[aiv]m|[vz]om|zu[mr]|beim|d(?:er|ie|as|em|en|es)|diese[rsmn]?|seit|jede[rsmn]?|(?:m|d|s)?eine?[rsmn]?|"
    r"unsere?[rmn]?|ihre?)",
    re.I,
)
# Scripts whose sentences end with a full stop; others have marks of their own, or none.
STOPPED = re.compile(
    rf"[\d\u0041-\u024f\u0370-\u052f\u0590-\u05ff\u10a0-\u10ff\u1e00-\u1fff\uac00-\ud7a3%€$£]"
    rf"[{MARKS}]*{CLOSING}"
)


def ends(before: str, word: str, after: str) -> bool:
    """Return True if a sentence ends after `word`, which stands between the words `before` and `after`."""
    if not END.search(word) or ABBREVIATED.match(word) or _is_counted(before, word):
        return False
    if LETTER.match(word) or BEFORE_NAMES.match(word):
        return _begins_another(before, word, after)
    if SHORTENED.match(word):
        return after[:1].isupper()
    if ELLIPSIS.search(word) or SHORT.match(word):
        return not _is_small(after)
    if NUMBER.match(word):
        return not _is_ordinal(before, after)
    return not (re.search(r"\d\.$", word) and after[:1].isdigit())


def _begins_another(before: str, word: str, after: str) -> bool:
    """Return True if a sentence begins with `after`, behind a letter or an abbreviation that may precede a name."""
    if not CAPITALS.match(word) and not BEFORE_NAMES.match(word):
        return False
    # "We take A, not B. We start today.": no name begins like that.
    if BEGINNING.match(after):
        return True
    first = re.match(OPENING + r"([^\W\d_])", after)
    numbered = len(word) == len("B.") and is_counted_with_letters(before)
    return numbered and first is not None and not first[1].islower() and not LETTER.match(after)


def _is_ordinal(before: str, after: str) -> bool:
    """Return True if the number between two words is an ordinal, or was split at its decimal point: "3." "5"."""
    following = re.sub(r"\W", "", after).lower()
    goes_on = after[:1].isdigit() or after[:1].islower() or following in ALL
    return goes_on or BEFORE_ORDINAL.fullmatch(before) is not None


def _is_counted(before: str, word: str) -> bool:
    return before[-1:].isdigit() and COUNTED.match(word) is not None


def _is_small(after: str) -> bool:
    """Return True if a word begins with a small letter, other than "iPhone"; Georgian has no capitals."""
    return after[:1].islower() and not after[1:2].isupper() and not "\u10a0" <= after[0] <= "\u10ff"


def ended(text: str) -> str:
    """Return a text with a full stop, if its script has one and the text no mark at its end."""
    return f"{text}." if STOPPED.search(text) and not END.search(text) else text
