"""Spanish wordings of decisions, next steps and deadlines."""

import re

from domain.summarize.deadlines import Deadlines
from domain.summarize.spanish_choices import CHOICES
from domain.summarize.wordings import Wordings, pattern

# Verbs of tasks: infinitive, then as said of me, you and somebody else; the last one is also the imperative.
VERBS = [
    row.split()
    for row in """
    enviar envío envías envía|mandar mando mandas manda|llamar llamo llamas llama|escribir escribo escribes escribe|
    avisar aviso avisas avisa|preguntar pregunto preguntas pregunta|reservar reservo reservas reserva|
    preparar preparo preparas prepara|revisar reviso revisas revisa|comprar compro compras compra|
    buscar busco buscas busca|mirar miro miras mira|pedir pido pides pide|pasar paso pasas pasa|
    actualizar actualizo actualizas actualiza|organizar organizo organizas organiza|
    confirmar confirmo confirmas confirma|
    terminar termino terminas termina|subir subo subes sube|hacer hago haces haz|publicar publico publicas publica|
    corregir corrijo corriges corrige|comprobar compruebo compruebas comprueba|traer traigo traes trae|
    traducir traduzco traduces traduce|instalar instalo instalas instala|arreglar arreglo arreglas arregla|
    reparar reparo reparas repara|imprimir imprimo imprimes imprime|redactar redacto redactas redacta|
    contactar contacto contactas contacta|consultar consulto consultas consulta|cambiar cambio cambias cambia|
    quitar quito quitas quita|borrar borro borras borra|añadir añado añades añade|probar pruebo pruebas prueba|
    pagar pago pagas paga|firmar firmo firmas firma|contratar contrato contratas contrata|
    entregar entrego entregas entrega|
    recoger recojo recoges recoge|compartir comparto compartes comparte|calcular calculo calculas calcula|
    comparar comparo comparas compara|convocar convoco convocas convoca|informar informo informas informa|
    responder respondo respondes responde|contestar contesto contestas contesta|poner pongo pones pon|
    hablar hablo hablas habla|encargar encargo encargas encarga|ocupar ocupo ocupas ocupa|decir diré dices di|
    renovar renuevo renuevas renueva|cancelar cancelo cancelas cancela|montar monto montas monta
    """.replace("\n", " ").split("|")
]
INFINITIVES = "|".join(infinitive for infinitive, *_ in VERBS if infinitive != "decir")
# In the present tense, these are a task only with a deadline: "hablo español", "cambio de tema", "paso la palabra".
WEAK = {"hablar", "pasar", "mirar", "buscar", "cambiar", "poner", "subir", "responder", "contestar", "probar"}
FIRM = "|".join(mine for infinitive, mine, *_ in VERBS if infinitive not in WEAK)
MINE, YOURS, THEIRS = ("|".join(row[at] for row in VERBS) for at in (1, 2, 3))
IMPERATIVE = rf"(?:{THEIRS})(?:me|nos|le|les|lo|la|los|las|te|melo|selo)?"
# "Envíe", "escriba", "pague".
SUBJUNCTIVES = "|".join(
    re.sub("ze$", "ce", re.sub("([cg])e$", lambda found: {"c": "que", "g": "gue"}[found[1]], f"{mine[:-1]}e"))
    if infinitive.endswith("ar")
    else f"{mine[:-1]}a"
    for infinitive, mine, *_ in VERBS
    if mine.endswith("o")
)
FORMAL = rf"(?:{SUBJUNCTIVES})(?:me|nos|le|les|lo|la|los|las|melo|selo)?"
FUTURE = "|".join(f"{row[0]}é" for row in VERBS if row[0] not in {"hacer", "poner", "decir"}) + "|haré|pondré|diré"
CLITICS = r"(?:(?:me|te|le|les|os|nos|lo|la|los|las|se)\s+){0,2}"
ENDINGS = r"(?:me|te|le|les|os|nos|lo|la|los|las|se|melo|telo|selo|sela|selos|selas)?"
TO_DO = rf"(?:{INFINITIVES}){ENDINGS}\b.*"
# With a deadline, any verb is a task but these.
BUSY = (
    r"(?!(?:ser|estar|haber|tener|ir|venir|quedar|seguir|ver|oír|saber|poder|esperar|dormir|decir|explicar|repetir|salir)"
    r"(?:me|te|se|nos|lo|la)?\b)"
)
INFINITIVE = r"\w+(?:ar|er|ir)(?:me|te|le|les|os|nos|lo|la|los|las|se)?\b"
# "me encargo de la lista", "les digo": these two need what makes them a task.
VAGUE = (
    r"(?!(?:encarg|ocup)\w+\b|hago\s+(?!(?:yo\s+)?(?:el|la|los|las|un|una)\b)|"
    r"pido\s+(?:perdón|disculpas|la\s+palabra)|pregunto\s+(?:si|una|qué|por\s+qué)\b|envío\s+gratis|aviso\s+importante)"
)

DAY = r"(?:lunes|martes|miércoles|jueves|viernes|sábado|domingo)"
PART = r"(?:(?:por|a|de)\s+la\s+(?:mañana|tarde|noche)|al\s+mediodía|a\s+primera\s+hora)"
MONTH = r"(?:enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre)"
NUMBER = r"(?:\d+|un|una|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|doce|unos|unas|un par de)"
COUNT = (
    r"(?:\d{1,2}|uno|primero|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|trece|catorce|"
    r"quince|veinte|treinta)"
)
PERIOD = r"(?:semana|mes|trimestre|año|día)"
UNTIL = r"(?:antes\s+del?|a\s+partir\s+del?|desde|hasta|para|a\s+más\s+tardar)"
DUE = pattern(
    rf"\b(?:{UNTIL}\s+)?(?:(?:el|este|próximo)\s+){{0,2}}{DAY}\b(?:\s+(?:que\s+viene|próximo))?(?:\s+{PART})?"
    rf"(?:,?\s+{COUNT}\s+de\s+{MONTH})?"
    rf"|\b(?:{UNTIL}\s+|a\s+)?(?:el\s+)?(?:fin|final|finales|principios|mediados)\s+de\s+(?:la\s+|este\s+|esta\s+|el\s+)?"
    rf"(?:{PERIOD}|{MONTH})\b"
    rf"|\b(?:{UNTIL}\s+)?(?:el\s+)?(?:día\s+{COUNT}\b(?:\s+de\s+{MONTH})?|{COUNT}\s+de\s+{MONTH})\b"
    rf"|\b{UNTIL}\s+(?:el\s+)?{COUNT}(?!\w|\s+(?:personas|euros|horas|días|semanas))|\b{UNTIL}\s+{MONTH}\b"
    rf"|\b(?:{UNTIL}\s+)?(?:hoy(?:\s+mismo)?|pasado\s+mañana|(?<!la )(?<!de )(?<!esta )mañana)\b"
    rf"(?:\s+(?:mismo|sin falta|{PART}))?"
    rf"|\b(?:{UNTIL}\s+)?(?:esta|este|la\s+próxima|el\s+próximo)\s+(?:tarde|noche|mañana|fin\s+de\s+semana|{PERIOD})\b"
    rf"|\b(?:{UNTIL}\s+)?(?:el|la)\s+{PERIOD}\s+que\s+viene\b|\b(?:el|durante el)\s+fin\s+de\s+semana\b"
    rf"|\b(?:en|dentro\s+de)\s+{NUMBER}\s+(?:minutos?|horas?|días?|semanas?|meses|mes)\b"
    r"|\bdespués\s+de\s+(?:la\s+reunión|comer|esto)\b|\b(?:cuanto\s+antes|lo\s+antes\s+posible)\b"
)
DEADLINES = Deadlines(
    due=DUE,
    negation=pattern(
        r"\b(?:no(?!\s+solo\b|\s+más\s+tarde\b)|nunca|ni|ningun[oa]?|sin(?!\s+falta)|en\s+vez\s+de|en\s+lugar\s+de)\b"
    ),
    relative=pattern(r"\b(?:que|si|porque|quien|cuando|donde|cómo|qué|por qué|cuál)\b"),
    joint=pattern(r"[,;:]\s+|\b(?:pero|sino|y)\s+"),
    state=pattern(
        r"(?:(?:yo|nosotr[oa]s|ell[oa]s?|él|ustedes)\s+)?(?:estoy|está[ns]?|estamos|soy|es|son|somos|tengo|tiene[ns]?|tenemos|"
        r"hay|había)\b(?!\s+que\b)"
    ),
)

NOW = r"(?:(?:ya|entonces|ahora|hoy|pues|al\s+final|por\s+fin|todos|también|por\s+tanto)\s+)*"


def _what(start: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the patterns of "hemos decidido que ..." and "hemos decidido quitar ..."."""
    return (
        pattern(rf"{start}\s+(?:que\s+(?!no\b)|(?={INFINITIVE}))(?P<what>.+)"),
        pattern(rf"(?P<what>{start}\s+(?:que\s+no\b|no\s+{INFINITIVE}).+)"),
    )


WORDINGS = Wordings(
    opening=pattern(
        r"^(?:[¿¡]|(?:bueno|vale|bien|muy bien|perfecto|de acuerdo|claro|sí|no|genial|estupendo|venga|ok|"
        r"okay|pues|entonces|es verdad|por supuesto|como (?:he|ya he) dicho|gracias|así que)"
        r"[,.]\s+|(?:y|pues|entonces|así que|pero)\s+)+"
    ),
    question=pattern(r"^(?:¿|(?:imagin\w+|supon\w+|pongamos)\s+que\b|(?:quién|qué|cuándo|cómo|dónde|cuál|por qué)\b)"),
    joint=pattern(r"[,;:]\s+(?:(?:y|pero|sino|así que)\s+)?|\s+(?:y|pero|sino|así que|por eso)\s+"),
    decided=(
        *_what(rf"\b(?:hemos\s+{NOW}(?:decidido|acordado|resuelto|aprobado)|acordamos|decidimos|resolvemos)"),
        *_what(r"\b(?:hemos\s+quedado|quedamos)\s+en"),
        *_what(rf"\b(?:queda(?:mos)?\s+{NOW}(?:decidido|acordado|aprobado)|(?:está|queda)\s+(?:decidido|acordado))"),
        *_what(r"\bse\s+(?:decide|acuerda|aprueba|decidió|acordó|ha\s+decidido|ha\s+acordado)"),
        pattern(
            r"\b(?:la|nuestra)\s+decisión\s+(?:final\s+)?es\s+(?:que\s+)?(?!no\b|difícil|mía|tuya|vuestra|suya|complicada)(?P<what>.+)"
        ),
        pattern(r"\b(?:la|nuestra)\s+decisión\s+(?:final\s+)?es\s+(?P<what>(?:que\s+)?no\s+.+)"),
        pattern(r"\b(?P<what>quedan?\s+(?:aprobad|decidid|acordad)[oa]s?\s+(?:el|la|los|las)\s+.+)"),
        pattern(r"\b(?P<what>(?:optamos\s+por|nos\s+decidimos\s+por|hemos\s+optado\s+por)\s+.+)"),
    ),
    lead=pattern(
        r"(?:(?:entonces|pues|hoy|ahora|finalmente|al final|por tanto|creo que|me parece que|nosotros|en resumen|"
        r"que conste que|bueno|así que)\s*)*"
    ),
    supposed=pattern(
        r"\b(?:no|nunca|nadie|tampoco|si|cuando|cuándo|hasta|antes|ojalá|quizás?|tal vez|a lo mejor|supong\w*|"
        r"imagin\w*|esper\w*|dud\w*|pensaba|dij\w*|dice\w?|quién|qué|cómo|acaso)\b"
    ),
    earlier=pattern(
        r"\b(?:(?:el|la)\s+(?:\w+\s+)?(?:pasad[oa]|anterior)|la\s+última\s+\w+|ayer|anteayer|hace\s+(?:\w+\s+)?"
        r"(?:días?|semanas?|mes(?:es)?|años?|tiempo)|(?:19|20)\d\d|antes|entonces\s+se|en\s+su\s+día)\b"
    ),
    stated=(
        pattern(r"^(?P<what>nos\s+quedamos\s+con\s+.+)"),
        pattern(
            r"^(?P<what>(?:vamos\s+con|vamos\s+a\s+quedarnos\s+con|seguimos\s+con|renunciamos\s+a)\s+"
            r"(?:el|la|los|las)\s+(?!siguiente|próxim|orden|primer|segundo\s+punto|último|tema|punto|horario).+)"
        ),
        pattern(r"^(?P<what>fijamos\s+.+\s(?:en|para|a)\s+.+)"),
        pattern(rf"^(?P<what>(?:hagamos|pongamos|dejemos|lancemos)\s+(?:el|la|los|las)\s+.*(?:{DUE.pattern}).*)"),
    ),
    passive=pattern(
        r"^(?P<what>(?!eso\b|esto\b).+\s(?:queda|quedan|está|están|ha sido|han sido)\s+(?:ya\s+)?"
        r"(?:aprobad|acordad|rechazad|decidid)[oa]s?[.!]*)$"
    ),
    unsettled=pattern(
        r"\b(?:no|nada|nadie|nunca|ningun[oa]?|ningún|si|cuando|hasta|antes|quizás?|ojalá|tal vez|a lo mejor|esper\w*|"
        r"todavía|aún|qué|quién)\b"
    ),
    choices=CHOICES,
    because=pattern(r",?\s+porque\s+"),
    promise=(
        pattern(rf"(?:yo\s+)?{CLITICS}(?:voy\s+a|tengo\s+que|debo|puedo)\s+(?P<task>{TO_DO})"),
        pattern(rf"(?P<due>)(?:yo\s+)?{CLITICS}(?:voy\s+a|tengo\s+que|debo)\s+(?P<task>{BUSY}{INFINITIVE}.+)"),
        pattern(rf"(?P<task>(?:yo\s+)?{CLITICS}(?:{FUTURE})\b.+)"),
        pattern(rf"(?P<task>(?:yo\s+)?{CLITICS}{VAGUE}(?:{FIRM})\b.+)"),
        pattern(rf"(?P<due>)(?P<task>(?:yo\s+)?{CLITICS}{VAGUE}(?:{MINE})\b.+)"),
        pattern(r"(?P<task>(?:yo\s+)?me\s+(?:encargo|ocupo|encargaré|ocuparé)\s+del?\s+(?!eso\b|ello\b).+)"),
        pattern(rf"(?P<task>(?:{DUE.pattern})\s+(?:yo\s+)?{CLITICS}(?:{FUTURE}|{MINE})\b.+)"),
    ),
    echo=pattern(
        r"(?:(?:sí|vale|claro|eso)\s+)*(?P<task>(?:(?:yo\s+)?me\s+(?:encargo|ocupo)(?:\s+yo)?(?:\s+de\s+(?:eso|ello))?(?!\s+de)|"
        r"(?:yo\s+)?lo\s+(?:hago|haré)(?:\s+yo)?|(?:lo\s+)?(?:voy\s+a\s+hacer|puedo\s+hacer)(?:lo)?).*)"
    ),
    request=(
        pattern(
            rf"(?:por\s+favor,?\s+)?¿?{CLITICS}(?:puedes|podrías|puede|podría)\s+(?:por\s+favor\s+)?(?P<task>{TO_DO})"
        ),
        pattern(
            rf"(?P<due>)(?:por\s+favor,?\s+)?{CLITICS}(?:puedes|podrías)\s+(?:por\s+favor\s+)?"
            rf"(?P<task>{BUSY}{INFINITIVE}.+)"
        ),
        pattern(rf"por\s+favor,?\s+(?P<task>{FORMAL}\b.+)"),
        pattern(rf"(?P<task>{FORMAL}\b.+,?\s+por\s+favor[.!]*$)"),
        pattern(rf"(?P<task>{IMPERATIVE},?\s+(?:\w+\s+){{0,3}}por\s+favor\b.+)"),
        pattern(rf"por\s+favor,?\s+(?P<task>{IMPERATIVE}\b.+)"),
        pattern(rf"(?P<task>{IMPERATIVE}\b.+,?\s+por\s+favor[.!]*$)"),
    ),
    please=pattern(r"\bpor favor\b"),
    asked=(
        pattern(rf"(?P<task>(?:tú\s+)?{CLITICS}(?:{YOURS})\b.+?)(?:,\s+¿(?:no|vale|verdad|sí))?\?$"),
        pattern(rf"(?P<due>)(?P<task>{IMPERATIVE}\s+(?:el|la|los|las|un|una)\s[^?]+)$"),
        pattern(rf"(?:quieres|te\s+importa|te\s+importaría)\s+(?P<task>{TO_DO})"),
    ),
    named=(
        pattern(rf"(?:va\s+a|tiene\s+que|debe)\s+(?P<task>{TO_DO})"),
        pattern(r"(?P<task>se\s+(?:encarga|ocupa|encargará|ocupará)\s+del?\s+.+)"),
        pattern(rf"(?P<due>)(?P<task>{CLITICS}(?:{THEIRS}|hace|pone)\b.+)"),
    ),
    called=(pattern(rf"(?P<task>(?:{IMPERATIVE}|{FORMAL})\b.+)"),),
    team=(pattern(rf"(?P<due>)(?:tenemos\s+que|debemos|hay\s+que)\s+(?P<task>{TO_DO})"),),
    explicit=(
        pattern(r"(?:el\s+)?(?:siguiente|próximo)\s+paso\s*(?:es|:)\s+(?P<task>.+)"),
        pattern(r"(?:la\s+|una\s+)?tarea\s*(?:es|:)\s+(?P<task>.+)"),
    ),
    talk=pattern(
        r"\b(?:no(?!\s+solo)|nunca|jamás|siempre|cada|todos\s+los|todas\s+las|normalmente|a\s+veces|quizás?|tal\s+vez|"
        r"a\s+lo\s+mejor|antes\s+era|ayer|ya\s+(?:he|está)|gracias|un\s+momento|me\s+llamo|el\s+chat|me\s+pregunto|(?:hago|tengo)\s+una\s+pregunta|paso\s+a|la\s+pantalla|por\s+si\s+acaso)\b"
    ),
    reported=pattern(r"\b(?:dij\w*|dice\w?|dicho|pensaba|creía|no creo|si yo|cuando yo)\b"),
    duty=pattern(rf"(?:yo\s+)?{CLITICS}(?:tengo\s+que|debo)\b"),
    condition=pattern(r"^(?:si|cuando|en cuanto)\b"),
    pointing=pattern(
        r"^(?:yo\s+)?(?:(?:me|te|le|les|os|se)\s+)?(?:lo|la|los|las)\s+\w+|^(?:\w+)(?:lo|la|los|las|selo|sela)\b|\beso\b"
    ),
    accepted=pattern(
        r"^(?:sí|claro|vale|de acuerdo|por supuesto|ok|okay|sin problema|perfecto|yo me encargo|me encargo|lo hago|"
        r"hecho|yo lo hago|desde luego|cuenta con ello)\b(?!,?\s+pero\b)"
    ),
    refused=pattern(r"^(?:no|imposible|no puedo|lo siento|qué va)\b"),
    deadlines=DEADLINES,
    before="antes",
)
