"""Spanish wordings of what was chosen, without a verb of deciding."""

from domain.summarize.choices import Choices
from domain.summarize.wordings import pattern

FIRST = r"(?:bueno|vale|bien|muy bien|perfecto|de acuerdo|claro|sí|genial|estupendo|venga|ok|okay)[,.]?\s+"
OPEN = rf"^(?:{FIRST})*"
ARTICLE = r"(?:el|la|los|las|un|una|unos|unas|al|ningún|ninguna|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|\d+)"
COUNTED = r"(?:\d+|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|quince|veinte|treinta|cien)"
OTHER = (
    r"(?:nada|eso|esto|ya|bien|sí|no|vale|claro|gracias|perfecto|vamos|hasta|adiós|nos|qué|así|genial|yo|tú|que|"
    r"siguiente|próxim[oa]|último|última|tema|punto|es|está|era|fue|son|hay|he|hemos|ha)\b"
)
WORD = rf"(?!{OTHER})\w+"
NAMED = (
    rf"(?:(?:en|con|sin|a|por|de)\s+)?(?:{ARTICLE}\s+{WORD}(?:\s+{WORD})?|{WORD})"
    rf"(?:\s+(?:del?|con|para|en|y)\s+(?:{ARTICLE}\s+)?{WORD}){{0,2}}"
)
TAKE = r"(?:cogemos|tomamos|usamos|elegimos|escogemos|compramos|alquilamos|usaremos|cogeremos|mantenemos|reservamos)"

CHOICES = Choices(
    firm=(
        pattern(
            rf"{OPEN}(?:(?:hecho|trato\s+hecho|decidido|acordado|cerrado|aprobado)\s*[:–—]|"
            r"(?:trato\s+hecho|decidido|acordado)[,.])\s+(?P<what>(?!(?:yo|pero|gracias|eso)\b)\S+.*)"
        ),
        pattern(r"(?:^|,\s+)(?:(?:así que|entonces|pues)\s+)?(?P<what>nos\s+(?:lo|la|los|las)\s+quedamos)[.!]*$"),
        # "Cogemos el tren" alone can be a habit.
        pattern(
            rf"{OPEN}(?:(?:pues|entonces)\s+)?(?P<what>(?:cogemos|elegimos|escogemos|alquilamos|reservamos|usaremos|cogeremos|"
            rf"alquilaremos|compraremos)\s+(?:el|la|los|las)\s+{WORD}\s+(?!(?:de|a)\s+las?\s+(?:\d|una\b|\w+o\b)){WORD}(?:\s+{WORD}){{0,4}})[.!]*$"
        ),
        pattern(
            rf"{OPEN}(?:(?:pues|entonces)\s+)?(?P<what>(?:nos\s+quedamos|pediremos|reservaremos|compraremos|alquilaremos|"
            rf"contrataremos)\s+{COUNTED}\s+(?!minutos|segundos|cosas|preguntas|puntos){WORD}(?:\s+{WORD})?)[.!]*$"
        ),
    ),
    taken=(
        pattern(rf"{OPEN}(?:(?:pues|entonces)\s+)?(?P<what>lo\s+dejamos\s+en\s+(?P<object>.+))"),
        pattern(
            rf"{OPEN}(?:(?:pues|entonces)\s+)?(?P<what>{TAKE}\s+(?P<object>{ARTICLE}(?:\s+(?!y\b){WORD}){{1,6}}))[.!]*$"
        ),
        pattern(rf"{OPEN}(?:(?:pues|entonces)\s+)?(?P<what>que\s+sean?\s+(?P<object>{NAMED}))(?:,?\s+entonces)?[.!]*$"),
    ),
    named=(
        # "Pues los revisores." alone only begins to speak of them.
        pattern(rf"(?:{OPEN}(?:pues\s+)?entonces\s+|^(?:{FIRST})+pues\s+)(?:mejor\s+)?(?P<what>{NAMED})[.!]*$"),
        pattern(rf"{OPEN}(?:pues\s+)?(?P<what>{NAMED}),?\s+entonces[.!]*$"),
    ),
    agreed=(pattern(rf"^(?:vale|bien|muy bien|de acuerdo|perfecto)[,.]\s+(?P<what>{NAMED})[.!]*$"),),
    unsure=pattern(
        r"\b(?:quizás?|tal\s+vez|a\s+lo\s+mejor|si|cuando|siempre|cada\s+(?:año|mes|semana|día|vez)|normalmente|ayer|"
        r"(?:año|mes|semana|vez)\s+(?:pasad[oa])|la\s+última\s+vez|no\s+sé|podría\w*|sería\w*|ojalá|hasta|creo|habría\w*)\b"
    ),
    refused=pattern(r"^(?:no|espera|imposible|qué va)\b"),
)
