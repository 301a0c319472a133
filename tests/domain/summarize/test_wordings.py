"""Decisions and next steps in German and Spanish, and in languages without a table."""

import pytest

from domain.results import ActionItems
from domain.summarize import extractive
from tests.domain.meetings import spoken

NAMES = {0: "Anna", 1: "Bernd Vogel", 2: "Clara"}
ANNA, BERND, CLARA = NAMES.values()
FILLING = {
    "german": "Das ist der Plan, den wir hier haben, und ich denke, das ist so.",
    "spanish": "Esto es lo que tenemos para hoy y es lo que hay en la lista.",
}


def items(language: str, *turns: tuple[str, str]) -> ActionItems:
    return extractive.action_items(spoken(*turns, (CLARA, FILLING[language]), names=NAMES), NAMES)


def steps(language: str, *turns: tuple[str, str]) -> list[tuple[str | None, str, str | None]]:
    return [(one.assigned_to, one.task, one.deadline) for one in items(language, *turns).next_steps]


DECISIONS = [
    ("german", "Wir haben uns auf den 3. März geeinigt.", "Wir haben uns auf den 3. März geeinigt"),
    ("german", "Wir haben entschieden, niemanden einzustellen.", "Wir haben entschieden, niemanden einzustellen"),
    (
        "german",
        "Also, wir haben uns darauf verständigt, dass wir später anfangen.",
        "Wir haben uns darauf verständigt, dass wir später anfangen",
    ),
    (
        "german",
        "Ich glaube, wir haben vereinbart, dass Clara den Vortrag hält.",
        "Wir haben vereinbart, dass Clara den Vortrag hält",
    ),
    ("german", "Das Budget für die Halle ist genehmigt.", "Das Budget für die Halle ist genehmigt"),
    ("german", "Dann bleiben wir bei dem alten Lieferanten.", "Dann bleiben wir bei dem alten Lieferanten"),
    (
        "german",
        "Wir entscheiden uns gegen den neuen Lieferanten.",
        "Wir entscheiden uns gegen den neuen Lieferanten",
    ),
    ("spanish", "Hemos decidido no contratar a nadie.", "Hemos decidido no contratar a nadie"),
    ("spanish", "Creo que hemos decidido seguir con el proveedor.", "Seguir con el proveedor"),
    ("spanish", "Hemos quedado en que Clara prepara las fotos.", "Clara prepara las fotos"),
    ("spanish", "Queda aprobado el presupuesto de la sala.", "Queda aprobado el presupuesto de la sala"),
    ("spanish", "La decisión es no cambiar el precio.", "No cambiar el precio"),
    ("spanish", "Vale, nos quedamos con el logotipo azul.", "Nos quedamos con el logotipo azul"),
]


@pytest.mark.parametrize(("language", "text", "decision"), DECISIONS)
def test_decisions(language: str, text: str, decision: str) -> None:
    made = items(language, (ANNA, text))
    assert [(one.decision, one.decided_by, one.timestamp) for one in made.decisions] == [(decision, ANNA, 0.0)]
    assert made.next_steps == ()
    assert made.decisions[0].evidence is not None
    assert made.decisions[0].evidence.quote == text


NO_DECISIONS = {
    "german": """
        Wir haben noch nichts entschieden.
        Wir haben uns auf keinen Termin geeinigt.
        Kein Termin wurde vereinbart.
        Das Budget für die Halle ist noch nicht genehmigt.
        Es wurde nie beschlossen, dass alle mitkommen.
        Haben wir beschlossen, dass alle mitkommen?
        Haben wir beschlossen, dass alle mitkommen
        Ich glaube nicht, dass wir beschlossen haben, das Budget zu erhöhen.
        Ich bin nicht sicher, ob wir uns auf einen Preis geeinigt haben.
        Wenn wir beschließen, dass wir umziehen, brauchen wir Kisten.
        Sobald das Budget genehmigt ist, fangen wir an.
        Vielleicht haben wir beschlossen, später anzufangen.
        Nehmen wir an, wir haben beschlossen, später anzufangen.
        Damals haben wir beschlossen, dass alle mitkommen.
        Vor zwei Jahren haben wir uns auf einen Preis geeinigt.
        In der letzten Sitzung haben wir beschlossen, zwei Leute einzustellen.
        Meine Frau und ich haben beschlossen, umzuziehen.
        Wir entscheiden am Freitag.
        Die Entscheidung ist noch offen.
        Dann nehmen wir den nächsten Punkt.
        Dann machen wir Schluss für heute.
    """,
    "spanish": """
        No hemos acordado nada.
        No hemos decidido que el presupuesto sea final.
        No se ha acordado cerrar los lunes.
        El presupuesto de la sala no está aprobado.
        ¿Hemos decidido contratar a alguien?
        Quizás hemos decidido seguir con el proveedor.
        Si decidimos mudarnos, necesitamos cajas.
        Cuando el presupuesto esté aprobado, empezamos.
        Imagina que hemos decidido seguir con el proveedor.
        Hace dos años acordamos pagar al proveedor.
        En la última reunión decidimos contratar a dos personas.
        En 2015 acordamos cerrar los lunes.
        Mi mujer y yo hemos decidido cambiar de casa.
        Decidimos el viernes.
        La decisión es mía y la tomo luego.
        Vamos con el siguiente punto.
    """,
}


@pytest.mark.parametrize(
    ("language", "text"),
    [(name, line.strip()) for name, text in NO_DECISIONS.items() for line in text.split("\n")[1:-1]],
)
def test_no_decision(language: str, text: str) -> None:
    assert items(language, (ANNA, text)).decisions == ()


STEPS: list[tuple[str, str, tuple[str | None, str, str | None]]] = [
    (
        "german",
        "Ich schicke dir die Liste bis Freitag.",
        (ANNA, "Ich schicke dir die Liste bis Freitag", "bis Freitag"),
    ),
    ("german", "Ich werde den Vertrag noch unterschreiben.", (ANNA, "Den Vertrag noch unterschreiben", None)),
    ("german", "Morgen rufe ich den Elektriker an.", (ANNA, "Morgen rufe ich den Elektriker an", "Morgen")),
    ("german", "Ich mach das Protokoll.", (ANNA, "Ich mach das Protokoll", None)),
    ("german", "Ich kümmere mich um die Getränke.", (ANNA, "Ich kümmere mich um die Getränke", None)),
    ("german", "Kannst du bitte die Rechnung bezahlen, Bernd?", (BERND, "Die Rechnung bezahlen", None)),
    ("german", "Bernd, schick die Rechnung an die Bank.", (BERND, "Schick die Rechnung an die Bank", None)),
    (
        "german",
        "Bernd schickt die Rechnung bis Montag an die Bank.",
        (BERND, "Schickt die Rechnung bis Montag an die Bank", "bis Montag"),
    ),
    ("german", "Bernd soll die Rechnung prüfen.", (BERND, "Die Rechnung prüfen", None)),
    (
        "german",
        "Wir müssen bis Donnerstag den Vertrag kündigen.",
        (None, "Bis Donnerstag den Vertrag kündigen", "bis Donnerstag"),
    ),
    (
        "german",
        "Der nächste Schritt ist, den Vertrag zu unterschreiben.",
        (None, "Den Vertrag zu unterschreiben", None),
    ),
    (
        "german",
        "Ich schicke dir die Liste, aber nicht bis Freitag.",
        (ANNA, "Ich schicke dir die Liste, aber nicht bis Freitag", None),
    ),
    (
        "spanish",
        "Te envío la lista antes del viernes.",
        (ANNA, "Te envío la lista antes del viernes", "antes del viernes"),
    ),
    (
        "spanish",
        "Llamaré al electricista mañana por la mañana.",
        (ANNA, "Llamaré al electricista mañana por la mañana", "mañana por la mañana"),
    ),
    ("spanish", "Tengo que firmar el contrato esta semana.", (ANNA, "Firmar el contrato esta semana", "esta semana")),
    ("spanish", "Me encargo de las bebidas.", (ANNA, "Me encargo de las bebidas", None)),
    ("spanish", "Por favor, ¿puedes enviar la factura, por favor?", (None, "Enviar la factura", None)),
    (
        "german",
        "Ich schließe das Ticket bis Freitag ab.",
        (ANNA, "Ich schließe das Ticket bis Freitag ab", "bis Freitag"),
    ),
    ("spanish", "¿Puedes pagar la factura, Bernd, por favor?", (BERND, "Pagar la factura", None)),
    ("spanish", "Bernd, envía la factura al banco.", (BERND, "Envía la factura al banco", None)),
    (
        "spanish",
        "Bernd envía la factura al banco el lunes.",
        (BERND, "Envía la factura al banco el lunes", "el lunes"),
    ),
    ("spanish", "Bernd tiene que revisar la factura.", (BERND, "Revisar la factura", None)),
    (
        "spanish",
        "Tenemos que cancelar el contrato antes del jueves.",
        (None, "Cancelar el contrato antes del jueves", "antes del jueves"),
    ),
    ("german", "Schick die Rechnung bis Montag.", (None, "Schick die Rechnung bis Montag", "bis Montag")),
    ("german", "Schick die Rechnung an die Bank, Bernd.", (BERND, "Schick die Rechnung an die Bank", None)),
    ("german", "Herr Vogel, schicken Sie die Rechnung.", (BERND, "Schicken Sie die Rechnung", None)),
    ("german", "Bernd, sei so gut und schick die Rechnung.", (BERND, "Schick die Rechnung", None)),
    (
        "german",
        "Ich rufe die Bank an, die haben am Montag eine Feier.",
        (ANNA, "Ich rufe die Bank an, die haben am Montag eine Feier", None),
    ),
    ("spanish", "Envía la factura al banco, Bernd.", (BERND, "Envía la factura al banco", None)),
    ("spanish", "Señor Vogel, pague la factura, por favor.", (BERND, "Pague la factura", None)),
    ("spanish", "Por favor, recoja usted las cajas.", (None, "Recoja usted las cajas", None)),
    (
        "spanish",
        "Les llamo esta tarde y pregunto por el contrato.",
        (ANNA, "Les llamo esta tarde y pregunto por el contrato", "esta tarde"),
    ),
    (
        "spanish",
        "Llamo al banco, tienen una fiesta el lunes.",
        (ANNA, "Llamo al banco, tienen una fiesta el lunes", None),
    ),
    ("spanish", "El siguiente paso es firmar el contrato.", (None, "Firmar el contrato", None)),
    (
        "spanish",
        "Te envío la lista, pero no antes del viernes.",
        (ANNA, "Te envío la lista, pero no antes del viernes", None),
    ),
]


@pytest.mark.parametrize(("language", "text", "step"), STEPS)
def test_steps(language: str, text: str, step: tuple[str | None, str, str | None]) -> None:
    assert steps(language, (ANNA, text)) == [step]


NO_STEPS = {
    "german": """
        Ich schicke dir die Liste nicht.
        Ich schicke jeden Montag eine Liste.
        Ich würde die Liste schicken.
        Ich habe gestern den Elektriker angerufen.
        Ich frage mich, ob das stimmt.
        Ich mache mir Sorgen um die Halle.
        Ich muss sagen, das gefällt mir.
        Ich kann euch gut hören.
        Ich werde morgen nicht da sein.
        Schicke ich die Liste bis Freitag?
        Er hat gesagt, ich schicke das am Montag.
        Bernd schickt die Rechnung immer an die Bank.
        Wir müssen den Vertrag kündigen.
        Kannst du mich hören, Bernd?
        Ich nehme an, dass es reicht.
        Ich stelle mich einmal vor.
        Ich stelle fest, dass alle da sind.
        Ich spreche Deutsch und Englisch.
        Ich frage nur, ob das stimmt.
        Ich mache beruflich Musik.
        Ich bringe es auf den Punkt.
        Ich schreibe es in den Chat.
        Dann suche ich die Datei.
        Wenn es Montag wird, muss ich den Arzt anrufen.
    """,
    "spanish": """
        No te envío la lista.
        Envío una lista cada lunes.
        Enviaría la lista si pudiera.
        Ayer llamé al electricista.
        Me pregunto si eso es cierto.
        Tengo que decir que me gusta.
        No puedo llamar al electricista hoy.
        Mañana no estaré aquí.
        Me dijo, te llamo el lunes.
        Bernd siempre envía la factura al banco.
        Tenemos que cancelar el contrato.
        ¿Puedes oírme bien, Bernd?
        Paso a la siguiente diapositiva.
        Me llamo Anna y soy de la oficina.
        Cambio de tema y hablo de la sala.
        Yo hablo español y alemán.
        Pido disculpas por el ruido.
        Envío gratis para todos los que compran.
        Contesto a la pregunta de Clara.
        Si es el lunes, entonces tengo que llamar al médico.
        Envía la factura el lunes.
    """,
}


@pytest.mark.parametrize(
    ("language", "text"), [(name, line.strip()) for name, text in NO_STEPS.items() for line in text.split("\n")[1:-1]]
)
def test_no_step(language: str, text: str) -> None:
    assert steps(language, (ANNA, text)) == []


@pytest.mark.parametrize(
    ("language", "request_", "answer", "step"),
    [
        ("german", "Kannst du die Rechnung prüfen?", "Ja, mache ich bis Freitag.", (BERND, "bis Freitag")),
        ("german", "Kannst du die Rechnung prüfen?", "Dafür bin ich nicht zuständig.", None),
        ("german", "Bernd, kannst du die Rechnung prüfen?", "Nein, das schaffe ich nicht.", None),
        ("german", "Schickst du mir die Fotos?", "Ja, gerne.", (BERND, None)),
        ("german", "Schickst du mir die Fotos?", "Welche Fotos meinst du?", None),
        ("german", "Bernd, du schickst die Fotos, oder?", "Ja, ich schicke die Fotos.", (BERND, None)),
        ("spanish", "¿Puedes revisar la factura?", "Sí, lo hago el viernes.", (BERND, "el viernes")),
        ("spanish", "¿Puedes revisar la factura?", "Eso no es cosa mía.", None),
        ("spanish", "Bernd, ¿puedes revisar la factura?", "No, no puedo.", None),
        ("spanish", "¿Me mandas las fotos?", "Sí, claro.", (BERND, None)),
        ("spanish", "Manda las fotos el lunes.", "Sí, claro.", (BERND, "el lunes")),
        ("spanish", "¿Me mandas las fotos?", "Qué fotos son esas.", None),
    ],
)
def test_requests_are_accepted_or_refused(
    language: str, request_: str, answer: str, step: tuple[str, str | None] | None
) -> None:
    found = [(owner, due) for owner, _, due in steps(language, (ANNA, request_), (BERND, answer))]
    assert found == ([step] if step else [])


def test_a_sentence_with_the_tasks_of_two_people() -> None:
    assert steps("german", (ANNA, "Ich bestelle das Papier und Bernd ruft morgen die Druckerei an.")) == [
        (ANNA, "Ich bestelle das Papier", None),
        (BERND, "Ruft morgen die Druckerei an", "morgen"),
    ]
    assert steps("spanish", (ANNA, "Bueno, yo escribo el acta, y Clara, ¿puedes subir las fotos?")) == [
        (ANNA, "Yo escribo el acta", None),
        (CLARA, "Subir las fotos", None),
    ]


def test_a_later_figure_replaces_the_earlier_one() -> None:
    made = items(
        "german",
        (ANNA, "Wir haben beschlossen, 100 Euro zu zahlen."),
        (BERND, "Wir haben beschlossen, 250 Euro zu zahlen."),
    )
    assert [one.decision for one in made.decisions] == ["Wir haben beschlossen, 250 Euro zu zahlen (zuvor: 100 Euro)"]
    made = items("spanish", (ANNA, "Hemos decidido pagar 100 euros."), (BERND, "Hemos decidido pagar 250 euros."))
    assert [one.decision for one in made.decisions] == ["Pagar 250 euros (antes: 100 euros)"]


def test_reasons_conditions_and_pronouns() -> None:
    made = items("german", (ANNA, "Wir haben beschlossen, dass wir warten, weil die Kasse leer ist."))
    assert [one.rationale for one in made.decisions] == ["Weil die Kasse leer ist"]
    made = items("german", (ANNA, "Wenn der Test wieder rot ist, rufe ich heute den Kunden an."))
    assert [one.context for one in made.next_steps] == ["Wenn der Test wieder rot ist, rufe ich heute den Kunden an."]
    made = items("spanish", (ANNA, "La factura está abierta."), (BERND, "La envío mañana al banco."))
    assert [one.context for one in made.next_steps] == ["Anna: La factura está abierta."]


@pytest.mark.parametrize(
    "texts",
    [
        ["我们决定周五发布。", "那个报告我周五之前发给你。", "我们还没有决定。"],
        ["来週リリースすることに決めました。", "金曜日までに資料を送ります。", "まだ決まっていません。"],
        ["금요일에 출시하기로 결정했습니다.", "금요일까지 보고서를 보내겠습니다.", "아직 결정하지 않았습니다."],
        ["Nous avons décidé de publier vendredi.", "Je vais envoyer le rapport avant vendredi.", "Pas encore décidé."],
    ],
)
def test_a_language_without_a_table_has_no_decisions_and_steps(texts: list[str]) -> None:
    made = extractive.action_items(spoken(*((ANNA, text) for text in texts), names=NAMES), NAMES)
    assert not made.decisions
    assert not made.next_steps


def test_english_words_are_nothing_elsewhere() -> None:
    assert items("german", (ANNA, "We decided to hire two people.")).decisions == ()
    assert steps("spanish", (ANNA, "I will send the report by Friday.")) == []
