"""English wordings of what was chosen, without a verb of deciding."""

from domain.summarize.choices import Choices
from domain.summarize.wordings import pattern

OPEN = (
    r"^(?:(?:okay|ok|all right|alright|right|good|great|fine|perfect|well|yes|yeah|sure|so|lovely|excellent)[,.]?\s+)*"
)
# A noun phrase of these has no verb, no pronoun, and isn't a greeting or "the next point".
OTHER = (
    r"(?:i|you|he|she|it|we|they|me|him|them|us|who|what|how|where|why|when|which|what\w+|there|here|so|as|like|than|is|"
    r"are|was|were|be|been|am|do|does|did|done|have|has|had|can|could|would|will|should|might|must|may|see|bye|goodbye|"
    r"thanks|thank|okay|ok|right|fine|good|great|well|until|till|later|next|back|go|goes|went|let|come|came|think|guess|"
    r"know|yes|yeah|over|sorry|true|exactly|that|this|something|anything|everything|nothing|if|because|but|now|soon|"
    r"every|to|by|up|off|down|out|away|apart|open|example|mind|second(?=[.!]*$)|account|seriously|"
    r"\w+'(?:m|re|ll|ve|d|s|t))\b"
)
WORD = rf"(?!{OTHER})[\w'-]+"
# "this" alone can be anything.
SPAN = r"(?:this|next)\s+(?:week|month|quarter|year|spring|summer|autumn|fall|winter|time|\w+day)"
NAMED = rf"(?:{WORD}|{SPAN})(?:,?\s+(?:{WORD}|{SPAN})){{0,7}}"
COUNTED = (
    r"(?:\d+|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|a\s+hundred)"
    r"\s+(?!minutes?|seconds?|things?|questions?|points?|examples?)"
)
CHOSEN = rf"(?:it|them|{NAMED})(?:,?\s+then)?"
# "We'll take a break", "we keep you posted", "let's keep going" choose nothing.
IDLE = (
    r"(?!(?:you|them|him|her|me|us|a\s+(?:break|look|minute|moment|second|vote|note|picture|step|quick)|"
    r"the\s+(?:minutes|notes|opportunity|time|chance|next|first\s+(?:point|question)|questions?|floor|lead)|"
    r"(?:it|this|that)\s+(?:from|offline|slow\w*|short|quiet|in\s+mind|up|easy|as|to\s+yourself)|"
    r"care|in\s+touch|going|on|to|time|turns|track|fun|lunch|dinner|coffee|questions?|more|moving|talking|\w+ing)\b)"
)
TAKE = r"(?:take|keep|use|pick|choose|drop|skip|buy|rent|leave out|stay with|stick (?:to|with)|do without|go for)"
TAKING = r"(?:taking|keeping|using|picking|dropping|skipping|buying|renting|sticking (?:to|with)|staying with)"

CHOICES = Choices(
    firm=(
        pattern(
            rf"{OPEN}(?:(?:done|agreed|deal|settled|sold|decided|approved|passed)\s*[:–—]|"
            r"(?:settled|decided|deal|sold)[,.])\s+(?P<what>(?!(?:i|but|and|thanks?|it|that|then|next)\b)\S+.*)"
        ),
        pattern(
            rf"{OPEN}(?P<what>we(?:'ll|\s+will)\s+(?:stay|order|book|hire|rent|buy|print|build|pay|ship|invite)\s+"
            rf"{COUNTED}{WORD}(?:\s+{WORD}){{0,2}})[.!]*$"
        ),
    ),
    taken=(
        pattern(rf"{OPEN}(?P<what>(?P<object>{NAMED})\s+it\s+is)(?:,?\s+then)?[.!]*$"),
        pattern(
            rf"(?:^|,\s+)(?<!and\s)(?:(?:okay|all right|fine|good)[,.]?\s+)?(?:so|then)\s+"
            rf"(?P<what>we(?:(?:'ll|\s+will|'re going to|\s+are going to)?\s+{TAKE}|(?:'re|\s+are)\s+{TAKING})"
            rf"\s+{IDLE}(?P<object>{CHOSEN}))[.!]*$"
        ),
        pattern(
            rf"{OPEN}(?P<what>(?:we(?:'ll|\s+will)|let(?:'s|\s+us))\s+(?:{TAKE}\s+{IDLE}|call it\s+(?!a\s)|make it\s+)"
            rf"(?P<object>{CHOSEN}))[.!]*$"
        ),
    ),
    named=(
        pattern(rf"{OPEN}(?P<what>{NAMED}),?\s+then[.!]*$"),
        pattern(rf"{OPEN}then\s+(?P<what>{NAMED})[.!]*$"),
    ),
    agreed=(pattern(rf"^(?:okay|ok|all right|alright|good|fine|so)[,.]?\s+(?P<what>{NAMED})[.!]*$"),),
    unsure=pattern(
        r"\b(?:maybe|perhaps|possibly|if|unless|would|could|might|should|suppose|guess|think|know|sure|whether|always|"
        r"every\s+(?:day|week|month|year|time)|usually|often|used\s+to|last\s+(?:week|month|year|time)|yesterday|ago|"
        r"when|once|never)\b|n't\b"
    ),
    refused=pattern(r"^(?:no(?:pe)?[,.]|no,? i\b|sorry[,.]|i (?:can't|cannot|won't|don't)\b|hang on|wait[,.])"),
)
