"""Corrections wait until nobody edits their recording any more, but not for ever."""

import time
from pathlib import Path

from domain.corrections.edits import SetTitle
from resources.database.corrections import CorrectionHistory
from resources.database.database import Database
from sensors.gathering import LONGEST, Gathering, Waiting

HOUR = 3600.0


def test_edits_are_due_once_they_were_quiet(tmp_path: Path) -> None:
    history = CorrectionHistory(database=Database(url=f"sqlite:///{tmp_path / 'reflector.db'}"))
    gathering = Gathering()
    assert gathering.due(history, HOUR) == []
    history.add("rec-1", [SetTitle(title="A")])
    history.add("rec-2", [SetTitle(title="A"), SetTitle(title="B")])
    assert gathering.due(history, HOUR) == []
    assert gathering.waits_for("rec-1")
    # As in the sensor's cursor.
    gathering = Gathering.model_validate_json(gathering.model_dump_json())
    assert gathering.due(history, 0.0) == ["rec-1", "rec-2"]
    assert not gathering.waits_for("rec-1")
    assert gathering.due(history, 0.0) == []


def test_whoever_goes_on_editing_doesnt_put_it_off_for_ever(tmp_path: Path) -> None:
    history = CorrectionHistory(database=Database(url=f"sqlite:///{tmp_path / 'reflector.db'}"))
    began = time.time() - LONGEST * HOUR
    gathering = Gathering(recordings={"rec-1": Waiting(first=began - 1, last=time.time())})
    history.add("rec-1", [SetTitle(title="A")])
    assert gathering.due(history, HOUR) == ["rec-1"]
