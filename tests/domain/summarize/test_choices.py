"""Decisions that only name what was chosen, in three languages; each is said behind the same sentences."""

import pytest

from domain.summarize import extractive
from domain.text.words import Word, table

BEFORE = {
    "english": [
        "Shall we paint the wall red, like the door, or move it to Thursday?",
        "Two reviewers of the release said that the wall of the database is a problem for the people.",
    ],
    "german": [
        "Streichen wir die rote Wand und die Tür am Donnerstag, oder wie machen wir das?",
        "Zwei Prüfer haben gesagt, dass die Leute mit der Datenbank noch ein Problem haben.",
    ],
    "spanish": [
        "¿Pintamos la pared roja y la puerta el jueves, o cómo lo hacemos?",
        "Dos revisores dijeron que la gente tiene un problema con la base de datos.",
    ],
}
CHOSEN = {
    "english": {
        "So Thursday it is.": "Thursday it is",
        "No door this Thursday, then.": "No door this Thursday",
        "Okay, red then.": "Red",
        "Then Thursday.": "Thursday",
        "Done: two reviewers.": "Two reviewers",
        "All right, we'll keep the door.": "We'll keep the door",
        "It's the older one, so we're keeping it.": "We're keeping it",
    },
    "german": {
        "Gut, dann Donnerstag.": "Donnerstag",
        "Okay, also die rote Wand.": "Die rote Wand",
        "Abgemacht: zwei Prüfer.": "Zwei Prüfer",
        "Nehmen wir die rote Tür.": "Nehmen wir die rote Tür",
        "Dann bleiben wir zwei Nächte.": "Dann bleiben wir zwei Nächte",
        "Die ist noch gut, die Tür behalten wir.": "Die Tür behalten wir",
    },
    "spanish": {
        "Vale, pues el jueves.": "El jueves",
        "La puerta roja, entonces.": "La puerta roja",
        "Trato hecho: dos revisores.": "Dos revisores",
        "Nos quedamos dos noches.": "Nos quedamos dos noches",
        "Cogemos la sala grande.": "Cogemos la sala grande",
        "Todavía sirve, así que nos la quedamos.": "Nos la quedamos",
    },
}
NOT_CHOSEN = {
    "english": [
        *("Okay then.", "That's how it is.", "So it is with doors.", "Is it Thursday then?", "Maybe red then."),
        *(
            "See you Thursday then.",
            "Right, the next point then.",
            "And then the door fell.",
            "Then the wall came down.",
        ),
        *("Done, the door is painted.", "Agreed, the wall is ugly.", "If it's Thursday then I'm out.", "Then Friday."),
        *("We'll take the wall up with the landlord.", "Let's keep the wall in mind.", "So we're taking a break."),
        *("Then we take the door every Thursday.", "The two reviewers were fast then.", "Okay, the wall."),
    ],
    "german": [
        *("Also gut.", "So ist es.", "Dann der nächste Punkt.", "Also dann, bis Donnerstag.", "Also Donnerstag?"),
        *("Vielleicht dann die rote Tür.", "Und dann die Wand, die war schief.", "Dann fiel die Tür um."),
        *("Also die Prüfer.", "Nehmen wir die Wand als Beispiel.", "Nehmen wir mal an, die Tür klemmt."),
        *("Wenn, dann die rote Wand.", "Das lassen wir mal so stehen.", "Dann Freitag."),
    ],
    "spanish": [
        *(
            "Así es.",
            "Entonces nada.",
            "Pues el siguiente punto.",
            "Hasta el jueves, entonces.",
            "¿El jueves, entonces?",
        ),
        *("Quizá la puerta roja, entonces.", "Y entonces la puerta se cayó.", "Entonces la pared estaba torcida."),
        *("Cogemos el tren de las ocho.", "Nos quedamos dos minutos."),
        *("Pues la pared.", "Hecho, la puerta ya está pintada.", "Entonces el viernes."),
    ],
}


def decisions(language: str, *said: str) -> list[str]:
    """Return the decisions of a meeting in which two people speak in turns."""
    words: list[Word] = []
    for number, sentence in enumerate([*BEFORE[language], *said]):
        for word in sentence.split():
            at = 0.4 * len(words)
            words.append(Word(word, at, at + 0.3, number % 2, 1.0))
    return [one.decision for one in extractive.action_items(table(words), {0: "Ann", 1: "Bob"}).decisions]


@pytest.mark.parametrize(
    ("language", "said", "decided"),
    [(language, said, decided) for language, pairs in CHOSEN.items() for said, decided in pairs.items()],
)
def test_what_was_spoken_of_and_is_then_named_was_chosen(language: str, said: str, decided: str) -> None:
    assert decisions(language, said) == [decided]


@pytest.mark.parametrize(("language", "said"), [(one, said) for one, many in NOT_CHOSEN.items() for said in many])
def test_what_only_resembles_a_choice_is_none(language: str, said: str) -> None:
    assert decisions(language, said) == []


@pytest.mark.parametrize(
    ("language", "said", "answer"),
    [
        ("english", "So Thursday it is.", "No, that's too early."),
        ("german", "Gut, dann Donnerstag.", "Nein, das ist zu früh."),
        ("spanish", "Vale, pues el jueves.", "No, es demasiado pronto."),
    ],
)
def test_a_choice_that_is_refused_at_once_is_none(language: str, said: str, answer: str) -> None:
    assert decisions(language, said, answer) == []
