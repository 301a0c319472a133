"""German wordings of decisions, next steps and deadlines."""

from domain.summarize.deadlines import Deadlines
from domain.summarize.german_choices import CHOICES
from domain.summarize.wordings import Wordings, pattern

# Verbs of tasks: infinitive, then as said of me, you and somebody else.
VERBS = [
    row.split()
    for row in """
    schicken schicke schickst schickt|senden sende sendest sendet|schreiben schreibe schreibst schreibt|
    rufen rufe rufst ruft|prüfen prüfe prüfst prüft|bestellen bestelle bestellst bestellt|buchen buche buchst bucht|
    besorgen besorge besorgst besorgt|bereiten bereite bereitest bereitet|leiten leite leitest leitet|
    laden lade lädst lädt|erstellen erstelle erstellst erstellt|aktualisieren aktualisiere aktualisierst aktualisiert|
    klären kläre klärst klärt|stellen stelle stellst stellt|bringen bringe bringst bringt|holen hole holst holt|
    kaufen kaufe kaufst kauft|überarbeiten überarbeite überarbeitest überarbeitet|testen teste testest testet|
    organisieren organisiere organisierst organisiert|übernehmen übernehme übernimmst übernimmt|
    melden melde meldest meldet|informieren informiere informierst informiert|
    reservieren reserviere reservierst reserviert|
    erledigen erledige erledigst erledigt|kümmern kümmere kümmerst kümmert|drucken drucke druckst druckt|
    korrigieren korrigiere korrigierst korrigiert|ergänzen ergänze ergänzt ergänzt|löschen lösche löschst löscht|
    installieren installiere installierst installiert|reparieren repariere reparierst repariert|
    verschicken verschicke verschickst verschickt|vergleichen vergleiche vergleichst vergleicht|
    übersetzen übersetze übersetzt übersetzt|kontaktieren kontaktiere kontaktierst kontaktiert|
    sammeln sammle sammelst sammelt|unterschreiben unterschreibe unterschreibst unterschreibt|
    bezahlen bezahle bezahlst bezahlt|berechnen berechne berechnest berechnet|planen plane planst plant|
    tauschen tausche tauschst tauscht|räumen räume räumst räumt|kündigen kündige kündigst kündigt|
    beantworten beantworte beantwortest beantwortet|veröffentlichen veröffentliche veröffentlichst veröffentlicht|
    verteilen verteile verteilst verteilt|entfernen entferne entfernst entfernt|ändern ändere änderst ändert|
    fragen frage fragst fragt|schauen schaue schaust schaut|nehmen nehme nimmst nimmt|machen mache machst macht|
    schließen schließe schließt schließt|reichen reiche reichst reicht|lösen löse löst löst|
    beheben behebe behebst behebt|teilen teile teilst teilt|beantragen beantrage beantragst beantragt|
    richten richte richtest richtet|mailen maile mailst mailt|besprechen bespreche besprichst bespricht|
    dokumentieren dokumentiere dokumentierst dokumentiert|bauen baue baust baut|
    geben gebe gibst gibt|sagen sage sagst sagt|sprechen spreche sprichst spricht|suchen suche suchst sucht
    """.replace("\n", " ").split("|")
]
INFINITIVES = "|".join(infinitive for infinitive, *_ in VERBS if infinitive not in {"sagen", "geben", "nehmen"})
# In the present tense, these are a task only with a deadline: "ich nehme an", "ich spreche Deutsch".
WEAK = {
    "nehmen",
    "sprechen",
    "suchen",
    "stellen",
    "bringen",
    "schauen",
    "holen",
    "planen",
    "schließen",
    "reichen",
    "lösen",
    "teilen",
    "richten",
    "besprechen",
    "bauen",
}
FORMS = {infinitive: f"{mine}?" for infinitive, mine, *_ in VERBS}
MINE = "|".join(FORMS.values())
FIRM = "|".join(form for infinitive, form in FORMS.items() if infinitive not in WEAK)
YOURS, THEIRS = ("|".join(row[at] for row in VERBS) for at in (2, 3))
PREFIX = r"(?:an|ab|auf|aus|ein|vor|nach|mit|zu|zurück|weiter|um|durch|fertig|herum|raus|rein|hoch|bei|zusammen|frei)"
TO_DO = rf".*\b{PREFIX}?(?:{INFINITIVES}|Bescheid\s+(?:sagen|geben))\b(?!\s+(?:zu|müssen|können|wollen|sollen)\b).*"
# With a deadline, any verb is a task but these.
BUSY = (
    r"(?!.*\b(?:sein|haben|werden|bleiben|da|hören|sehen|wissen|verstehen|kommen|gehen|schlafen|warten|müssen|können|"
    r"sagen|erklären|wiederholen)\b)"
)
IMPERATIVE = MINE + "|gib|nimm|sprich|übernimm|kümmer(?:e|) dich"
# "frage mich", "mache mir Sorgen", "sage mal", "gebe zu" are talk.
IDLE = r"(?!\s+(?:mich\b(?!\s+(?:um|darum|bei))|mir\b(?!\s+(?:das|die|den)\b)|mal so|ja|zu[.,]|nur|dazu|auf\b))"
# These need what makes them a task.
VAGUE = (
    r"(?!(?:gebe?|sage?|gibst|sagst)\b(?!.*\bBescheid\b)|frage?,?\s+(?:nur|ob|mal)\b|"
    r"mache?\s+(?!(?:dann\s+|noch\s+)?(?:die|den|das|dir|euch|eine?n?|ihm|ihr)\b))"
)

# "Das schicke ich ...", "bis Freitag schicke ich ...".
FRONT = (
    r"(?:(?:das|den|die|dem|ihm|ihr|ihnen|es|dann|nachher|später|gleich|dazu|"
    r"(?:bis|am|in|nächste\w*|heute|morgen|übermorgen)(?:\s+\w+){0,2})\s+){0,3}"
)
DAY = r"(?:montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonnabend|sonntag)"
PART = r"(?:früh|morgen|vormittag|mittag|nachmittag|abend)"
MONTH = r"(?:januar|februar|märz|april|mai|juni|juli|august|september|oktober|november|dezember)"
NUMBER = r"(?:\d+|einem|einer|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|zwölf|ein paar|wenigen)"
ORDINAL = r"(?:\d{1,2}\.|(?:ers|zwei|drit|vier|fünf|sechs|sieb|ach|neun|zehn|elf|zwölf|\w+zehn|\w+zig?s)te[nr]?)"
PERIOD = r"(?:woche|monats?|quartals?|jahr(?:es)?|tag(?:es)?)"
UNTIL = (
    r"(?:spätestens\s+)?(?:bis(?:\s+spätestens)?(?:\s+(?:zum|zur|am|an|vor))?|vor(?:\s+(?:dem|der))?|am|"
    r"ab(?:\s+dem)?|zum)"
)
DUE = pattern(
    rf"\b(?:{UNTIL}\s+)?(?:(?:kommenden|nächsten|diesen)\s+)?{DAY}{PART}?s?\b(?:\s+{PART})?"
    rf"(?:,?\s+(?:dem|den)\s+{ORDINAL}"
    rf"(?:\s+{MONTH})?)?"
    rf"|\b(?:{UNTIL}\s+)?(?:ende|anfang|mitte)\s+(?:der\s+|des\s+|dieser\s+|dieses\s+|nächster\s+|nächsten\s+)?"
    rf"(?:{PERIOD}|{MONTH})\b"
    rf"|\b(?:bis\s+)?(?:diese|nächste|kommende)[nrs]?\s+(?:{PERIOD}|{DAY})\b"
    rf"|\b{UNTIL}\s+{ORDINAL}(?!\w)(?:\s+{MONTH})?|\b{ORDINAL}\s+{MONTH}\b|\b(?:bis|ab|vor)\s+{MONTH}\b"
    rf"|\b(?:bis\s+)?(?:heute|übermorgen|(?<!guten )(?<!jeden )(?<!am )(?<!diesen )morgen)\b(?:\s+(?:noch|{PART})\b)?"
    r"|\b(?:bis\s+(?:zum\s+)?|am\s+|übers\s+|vor\s+dem\s+)(?:nächsten\s+)?wochenende\b"
    rf"|\b(?:in|innerhalb\s+von|binnen)\s+{NUMBER}\s+(?:minuten|stunden?|tage?n?|wochen?|monat(?:en)?)\b"
    r"|\b(?:gleich\s+)?nach\s+(?:der|dem)\s+(?:besprechung|sitzung|meeting|termin|pause)\b"
    r"|\bbis\s+\d{1,2}(?::\d\d)?\s+uhr\b|\bso\s?(?:bald|schnell)\s+wie\s+möglich\b|\bsobald wie möglich\b"
)
DEADLINES = Deadlines(
    due=DUE,
    negation=pattern(r"\b(?:nicht(?!\s+nur\b|\s+später\b)|nie|niemals|kein\w*|statt|anstatt)\b"),
    relative=pattern(r"\b(?:dass|ob|weil|da|warum|wieso|wann|wie|was|wer)\b"),
    joint=pattern(r"[,;:]\s+|\b(?:aber|und|sondern)\s+"),
    state=pattern(
        r"(?:ich|wir|er|sie|die|der|da|du|ihr|es\s+gibt)\s+(?:bin|ist|sind|seid|bist|war(?:en)?|habe?|haben|hat|hast|gibt)\b"
        r"(?!.*\bzu\b)"
    ),
)

NOW = r"(?:(?:also|jetzt|nun|gerade|heute|eben|damit|hiermit|alle|gemeinsam|dann|ja|einstimmig|uns|gut|doch)\s+)*"
SETTLED = r"(?:beschlossen|entschieden|vereinbart|festgelegt|verabredet|abgemacht|ausgemacht|geeinigt|verständigt)"
TO = (
    r"(?:(?:darauf|dafür|dagegen)?,?\s+(?:dass\s+\S|(?!wie\b|ob\b|was\b|wann\b|wer\b|wo\b).*?"
    r"\b(?:\w*zu\w+en|zu \w+n)\b).*)"
)
WORDINGS = Wordings(
    opening=pattern(
        r"^(?:(?:also gut|also|so|gut|okay|ok|ja|jo|genau|prima|super|perfekt|alles klar|in ordnung|"
        r"einverstanden|stimmt|na gut|na ja|nein|wie gesagt|klar|gerne?|schön|richtig|danke)[,.]\s+|"
        r"(?:okay|also|und|aber|ja)\s+(?!gut\b)|(?:wie gesagt)\s+)+"
    ),
    question=pattern(
        r"^(?:(?:nehmen\s+wir\s+(?:mal\s+)?an|(?:mal\s+)?angenommen|stell\w*\s+(?:dir|euch|wir\s+uns))\b|(?:wer|was|wann|warum|wieso|wie|wo|welche\w*)\b|(?:haben|hatten|hätten|hätte|sollen|sollten|wollen|können|"
        r"müssen|dürfen|ist|sind|wurde|wird|werden)\s+(?:wir|ich|das|die|der|es|sie)\b)"
    ),
    joint=pattern(r"[,;:]\s+(?:(?:und|aber|sondern)\s+)?|\s+(?:und|aber|sondern)\s+|(?<=\s)(?:deshalb|daher|darum)\s+"),
    decided=(
        pattern(rf"\b(?P<what>(?:wir\s+haben|haben\s+wir)\s+{NOW}{SETTLED}{TO})"),
        pattern(
            rf"\b(?P<what>(?:wir\s+haben|haben\s+wir)\s+{NOW}(?:auf|für|gegen)\s+(?!nichts|keine?)[^,;]+?\s{SETTLED}\b)"
        ),
        pattern(
            rf"\b(?P<what>(?:wir\s+beschließen|wir\s+vereinbaren|wir\s+legen\s+(?:\w+\s+)?fest),?\s+{NOW}dass\s+.+)"
        ),
        pattern(rf"\b(?P<what>(?:wir\s+haben|haben\s+wir)\s+{NOW}(?:darauf|dafür|dagegen)\s+{SETTLED}{TO})"),
        pattern(
            r"\b(?P<what>(?:wir\s+(?:einigen|verständigen|entscheiden)\s+uns|(?:einigen|verständigen|entscheiden)\s+wir\s+uns)"
            rf"\s+{NOW}(?:auf|für|gegen|darauf|dafür|dagegen)\b(?!\s+(?:nichts|keine?)).+)"
        ),
        pattern(
            rf"\b(?P<what>(?:der|unser|die|unsere)\s+(?:beschluss|entscheidung|vereinbarung)\s+(?:ist|lautet)"
            rf"\s*{NOW}[,:]?\s*(?:dass\s+.+|.+\b(?:zu\s+\w+n|\w+zu\w+en)\b.*))"
        ),
        pattern(rf"\b(?P<what>(?:es\s+(?:ist|wird|wurde)|(?:ist|wird|wurde))\s+{NOW}{SETTLED}{TO})"),
        pattern(rf"\b(?P<what>(?:beschlossen|abgemacht|ausgemacht|vereinbart)\s+(?:ist|wird)\s+{NOW}{TO})"),
    ),
    lead=pattern(
        r"(?:(?:also|damit|somit|hiermit|dann|heute|jetzt|nun|daher|deshalb|schließlich|ich glaube|ich denke|ich finde|"
        r"soweit ich sehe|wir halten fest|fürs protokoll)\s*)*"
    ),
    supposed=pattern(
        r"\b(?:nicht|nie|kein\w*|ob|wenn|falls|sobald|bevor|solange|vielleicht|dacht\w*|angenommen|hoff\w*|bezweif\w*|"
        r"wünscht\w*|sagt\w*|meint\w*|wundert)\b"
    ),
    earlier=pattern(
        r"\b(?:(?:letzte|vorige|vergangene)[nsmr]?\s+\w+|gestern|vorgestern|vor\s+(?:\w+\s+)?(?:tage?n?|wochen?|monat(?:en)?|"
        r"jahr(?:en)?)|damals|seinerzeit|früher|(?:19|20)\d\d|schon\s+(?:lange|längst))\b"
    ),
    stated=(
        pattern(
            r"^(?P<what>(?:dann|also|gut)\s+(?:nehmen|verwenden|streichen|verschieben|behalten|wählen)\s+wir\s+"
            r"(?!mal\b|uns\b|den\s+nächsten|das\s+nächste|die\s+nächste|an\b)(?:\S+\s+)*\S+)"
        ),
        pattern(r"^(?P<what>(?:dann\s+)?(?:bleiben\s+wir|wir\s+bleiben)\s+(?:also\s+|dann\s+)?bei\s+.+)"),
        pattern(r"^(?P<what>(?:dann\s+)?(?:verzichten\s+wir|wir\s+verzichten)\s+(?:also\s+|dann\s+)?auf\s+.+)"),
        pattern(r"^(?P<what>(?:dann\s+legen\s+wir|wir\s+legen|legen\s+wir)\s+(?!uns\b).+\sfest\b.*)"),
        pattern(rf"^(?P<what>(?:dann\s+)?machen\s+wir\s+(?:das\s+|die\s+|den\s+)\w+.*(?:{DUE.pattern}).*)"),
    ),
    passive=pattern(
        r"^(?P<what>(?!(?:das|es|dann)\s+(?:ist|sind|wird|wurde)\b).+\s(?:ist|sind|wird|wurden?)\s+"
        r"(?:damit\s+|hiermit\s+|jetzt\s+|also\s+)*"
        r"(?:beschlossen|genehmigt|bewilligt|angenommen|vereinbart|verabschiedet|abgelehnt)[.!]*)$"
    ),
    unsettled=pattern(
        r"\b(?:nicht|nichts|nie|niemals|kein\w*|niemand|ob|wenn|falls|sobald|bevor|bis|vielleicht|hoff\w*|dacht\w*|was|"
        r"wer|wann|noch)\b"
    ),
    choices=CHOICES,
    because=pattern(r",?\s+(?=weil\s)|,\s+denn\s+"),
    promise=(
        pattern(rf"ich\s+(?:werde|muss|kann|soll)\s+(?P<task>{TO_DO})"),
        pattern(rf"(?P<due>)ich\s+werde\s+(?P<task>{BUSY}.+)"),
        pattern(rf"(?P<task>ich\s+{VAGUE}(?:{FIRM})\b{IDLE}.+)"),
        pattern(rf"(?P<due>)(?P<task>ich\s+(?:{MINE})\b{IDLE}.+)"),
        pattern(rf"(?P<task>{FRONT}{VAGUE}(?:{FIRM})\s+ich\b{IDLE}.+)"),
        pattern(rf"(?P<due>)(?P<task>{FRONT}(?:{MINE})\s+ich\b{IDLE}.+)"),
    ),
    echo=pattern(
        r"(?:(?:ja|das|dann|gerne?|klar)\s+)*(?P<task>(?:(?:mache|erledige|übernehme)\s+ich\b|"
        r"ich\s+(?:mache|erledige|übernehme)\s+(?:das|es)\b|ich\s+kümmere?\s+mich\s+darum|(?:das\s+)?kann\s+ich\s+machen)"
        r"(?!.*\b(?:die|den|der|eine?n?)\s).*)"
    ),
    request=(
        pattern(
            r"(?:bitte,?\s+)?(?:kannst|könntest|würdest|magst)\s+du\s+(?:(?:bitte|mal|noch|dann|vielleicht|auch)\s+)*"
            rf"(?P<task>{TO_DO})"
        ),
        pattern(
            r"(?P<due>)(?:bitte,?\s+)?(?:kannst|könntest|würdest|magst)\s+du\s+(?:(?:bitte|mal|noch|dann|vielleicht|auch)\s+)*"
            rf"(?P<task>{BUSY}.+)"
        ),
        pattern(rf"(?:bitte,?\s+)?(?:können|könnten|würden)\s+sie\s+(?:bitte\s+)?(?P<task>{TO_DO})"),
        pattern(rf"(?P<task>(?:bitte\s+)(?:{IMPERATIVE})\b.+)"),
        pattern(rf"(?P<task>(?:{IMPERATIVE})\s+(?:\w+\s+){{0,3}}bitte\b.+)"),
        pattern(rf"(?:bitte,?\s+)?(?P<task>(?:{INFINITIVES})\s+sie\s+(?:\w+\s+){{0,3}}bitte\b.+)"),
        pattern(rf"bitte,?\s+(?P<task>(?:{INFINITIVES})\s+sie\b.+)"),
        pattern(rf"bitte\s+(?P<task>{TO_DO})"),
        pattern(rf"sei\s+(?:\w+\s+)?so\s+(?:gut|lieb|nett)\s+und\s+(?P<task>(?:{IMPERATIVE})\b.+)"),
    ),
    please=pattern(r"\bbitte\b"),
    asked=(
        pattern(rf"(?P<task>{VAGUE}(?:{YOURS})\s+du\b.+)"),
        pattern(rf"(?P<task>du\s+{VAGUE}(?:{YOURS})\b.+?)(?:,\s+(?:oder|ja|nicht wahr|okay|richtig))?\?$"),
    ),
    named=(
        pattern(rf"(?:wird|soll|muss)\s+(?P<task>{TO_DO})"),
        pattern(r"(?P<task>(?:kümmert\s+sich\s+(?:\w+\s+){0,3}um|übernimmt)\s+.+)"),
        pattern(rf"(?P<due>)(?P<task>(?:{THEIRS})\b.+)"),
    ),
    called=(
        pattern(rf"(?P<task>(?:{IMPERATIVE})\b(?!\s+(?:ich|wir|du|er|sie)\b).+)"),
        pattern(rf"(?P<task>(?:{INFINITIVES})\s+sie\s.+)"),
    ),
    team=(
        pattern(rf"(?P<due>)wir\s+müssen\s+(?P<task>{TO_DO})"),
        pattern(rf"(?P<due>)(?P<task>(?:{IMPERATIVE})\s+(?:d(?:as|ie|en|em|er)|eine?n?|ihm|ihr|ihnen|uns)\s.+)"),
    ),
    explicit=(
        pattern(
            r"(?:(?:der\s+)?nächste\s+schritt|(?:die\s+|eine\s+)?aufgabe)(?:\s+(?:ist|wäre)(?:\s+es)?,?|:)\s+(?P<task>.+)"
        ),
    ),
    talk=pattern(
        r"\b(?:nicht(?!\s+nur)|nie|niemals|kein\w*|jede[nsr]?|immer|oft|meistens?|manchmal|normalerweise|sonst|gerade|seit|"
        r"schon|würde|hätte|könnte|vielleicht|eventuell|früher|damals|gestern|angenommen|sorgen|gedanken|schluss|"
        r"spaß|witz|chat|bildschirm|folie|punkt|nehme?\s+(?:mal\s+)?an|stelle?\s+(?:mich|mir|fest))\b"
    ),
    reported=pattern(
        r"\b(?:sagt\w*|gesagt|meint\w*|gemeint|dacht\w*|gedacht|geschrieben|glaube nicht|falls|wenn ich)\b"
    ),
    duty=pattern(r"ich\s+muss\b|.*\bmuss\s+ich\b"),
    condition=pattern(r"^(?:wenn|falls|sobald)\b"),
    pointing=pattern(
        r"\b(?:es|ihn|darum|dazu|davon)\b|\bdas\s+(?:ihm|ihr|ihnen|dir|euch|heute|morgen|bis|am|gleich|noch)\b"
    ),
    accepted=pattern(
        r"^(?:ja|jo|jawohl|klar|okay|ok|gerne?|mach(?:e)? ich|in ordnung|alles klar|natürlich|sicher|"
        r"kein problem|geht klar|das (?:mache|erledige|übernehme) ich|kann ich (?:machen|gerne)|"
        r"wird gemacht|einverstanden)\b(?!,?\s+aber\b)"
    ),
    refused=pattern(r"^(?:nein|nee|nö|leider|das geht nicht|kann ich nicht|ich kann nicht|das schaffe ich nicht)\b"),
    deadlines=DEADLINES,
    before="zuvor",
)
