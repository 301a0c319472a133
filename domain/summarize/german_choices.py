"""German wordings of what was chosen, without a verb of deciding."""

from domain.summarize.choices import Choices
from domain.summarize.wordings import pattern

FIRST = r"(?:gut|okay|ok|na gut|also gut|alles klar|prima|super|schön|perfekt|in ordnung|ja|so|fein)[,.]?\s+"
OPEN = rf"^(?:{FIRST})*"
ARTICLE = r"(?:d(?:er|ie|as|en|em)|ein(?:e[nmr]?)?|keine?n?|nur|beide|alle)"
PLACE = r"(?:in|an|auf|mit|für|bei|um|am|im|ohne|nach|ab|beim)"
NUMBER = r"(?:\d[\d.,:]*|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|halb\s+\w+)"
# Only nouns have capital letters; "der nächste Punkt" is no choice.
NOUN = (
    r"(?!(?:nächste|letzte|erste)\w*\s+(?:punkt|thema|frage|mal)\b|(?:punkt|thema|danke|tschüss|so|das|dies|hier|da|was|wie|wer|wo|jetzt|genau)\b)"
    r"(?:\w+(?:e|en|er|es|em)\s+){0,2}(?-i:[A-ZÄÖÜ])[\w-]*"
)
NAMED = (
    rf"(?:{PLACE}\s+)?(?:(?:{ARTICLE}|{NUMBER})\s+)*(?:{NOUN}|(?<=\s)\w+en?|{NUMBER}(?:\s+uhr)?)"
    rf"(?:\s+(?:{PLACE}|von|und)\s+(?:(?:{ARTICLE}|{NUMBER})\s+)?(?:{NOUN}|{NUMBER}(?:\s+uhr)?))?"
)
TAKE = r"(?:nehmen|behalten|verwenden|buchen|mieten|kaufen|wählen|streichen|lassen)"

CHOICES = Choices(
    firm=(
        pattern(
            rf"{OPEN}(?:also\s+)?(?:(?:abgemacht|ausgemacht|beschlossen|gebongt|entschieden|erledigt|angenommen)\s*[:–—]|"
            r"(?:abgemacht|ausgemacht|gebongt|beschlossen|beschlossene\s+sache)[,.])\s+"
            r"(?P<what>(?!(?:ich|aber|und|danke|das|dann)\b)\S+.*)"
        ),
        pattern(
            rf"{OPEN}(?:also\s+|dann\s+)?(?P<what>{TAKE}\s+wir\s+(?:also\s+|doch\s+|lieber\s+|dann\s+)*"
            rf"{ARTICLE}\s+(?!.*\bals\b|nächste|letzte|beispiel|fall\b|thema|punkt|frage)\S.*)"
        ),
        pattern(
            rf"{OPEN}(?P<what>(?:(?:also|dann)\s+(?:bleiben|bestellen|buchen|mieten|kaufen|drucken|bauen|zahlen)\s+wir|"
            rf"wir\s+bleiben)\s+(?:also\s+|dann\s+)?{NUMBER}\s+(?!minuten|sekunden|punkte|fragen)\w+)[.!]*$"
        ),
    ),
    taken=(
        pattern(
            r"(?:^|,\s+)(?P<what>(?P<object>(?:d(?:en|ie|as)|ihn|sie|es)(?:\s+\w+){0,3})\s+"
            r"(?:nehmen|behalten|streichen|mieten|kaufen|buchen)\s+wir(?:\s+(?:dann|also|doch|lieber))*)[.!]*$"
        ),
        pattern(
            rf"{OPEN}(?:also\s+|dann\s+)?(?P<what>(?:es\s+)?bleibt\s+(?:es\s+)?(?:also\s+)?beim?\s+(?P<object>.+))"
        ),
        pattern(rf"{OPEN}(?:also\s+)?(?P<what>(?P<object>{NAMED})\s+(?:wird|ist)\s+es)(?:\s+(?:dann|also))*[.!]*$"),
    ),
    named=(
        pattern(
            # "Also die Prüfer." alone only begins to speak of them.
            rf"(?:{OPEN}(?:also\s+)?dann\s+(?:also\s+)?|^(?:{FIRST})+also\s+)(?:(?:doch|eben|lieber|besser|halt)\s+)*(?P<what>{NAMED})(?:,?\s+dann)?[.!]*$"
        ),
    ),
    agreed=(pattern(rf"^(?:gut|okay|ok|na gut|also gut)[,.]\s+(?P<what>{NAMED})[.!]*$"),),
    unsure=pattern(
        r"\b(?:vielleicht|eventuell|wenn|falls|ob|würde\w*|könnte\w*|sollte\w*|hätte\w*|wäre\w*|glaube|denke|weiß|immer|"
        r"jede\w*\s+(?:tag|woche|monat|jahr|mal)|oft|meistens|normalerweise|sonst|letzte[snrm]?\s+(?:mal|woche|jahr|monat)|gestern|vor\s+\w+\s+"
        r"(?:tagen|wochen|jahren)|mal\s+an|wir\s+an)\b"
    ),
    refused=pattern(r"^(?:nein|nee|nö|moment|halt|das geht nicht)\b"),
)
