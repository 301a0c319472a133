"""Deadlines in German and Spanish; the English ones are in test_decisions."""

import pytest

from domain.summarize import german, spanish
from domain.summarize.deadlines import Deadlines, deadline


@pytest.mark.parametrize(
    ("language", "task", "due"),
    [
        (german.DEADLINES, "Die Liste bis spätestens Freitag schicken", "bis spätestens Freitag"),
        (german.DEADLINES, "Die Liste am Dienstagabend schicken", "am Dienstagabend"),
        (german.DEADLINES, "Die Liste bis zum 15. Mai schicken", "bis zum 15. Mai"),
        (german.DEADLINES, "Die Liste in zwei Wochen schicken", "in zwei Wochen"),
        (german.DEADLINES, "Die Liste bis Ende nächster Woche schicken", "bis Ende nächster Woche"),
        (german.DEADLINES, "Die Liste so bald wie möglich schicken", "so bald wie möglich"),
        (german.DEADLINES, "Die Liste nicht bis Freitag schicken", None),
        (german.DEADLINES, "Die Liste schicken, aber nicht vor Montag", None),
        (german.DEADLINES, "Die Liste nicht bis Freitag, sondern bis Montag schicken", "bis Montag"),
        (german.DEADLINES, "Die Liste von jeden Morgen schicken", None),
        (spanish.DEADLINES, "Enviar la lista antes del viernes", "antes del viernes"),
        (spanish.DEADLINES, "Enviar la lista el lunes por la tarde", "el lunes por la tarde"),
        (spanish.DEADLINES, "Enviar la lista antes del 15 de mayo", "antes del 15 de mayo"),
        (spanish.DEADLINES, "Enviar la lista en dos semanas", "en dos semanas"),
        (spanish.DEADLINES, "Enviar la lista la semana que viene", "la semana que viene"),
        (spanish.DEADLINES, "Enviar la lista lo antes posible", "lo antes posible"),
        (spanish.DEADLINES, "Enviar la lista, pero no el viernes", None),
        (spanish.DEADLINES, "Enviar la lista en vez de el viernes", None),
        (spanish.DEADLINES, "Enviar la lista de la mañana", None),
    ],
)
def test_deadlines(language: Deadlines, task: str, due: str | None) -> None:
    assert deadline(task, language) == due
