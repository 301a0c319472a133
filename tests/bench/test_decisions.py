"""The scripted meetings with known decisions and next steps, and what is found in them."""

import pytest

from bench import decisions
from bench.results import Size
from tests.bench.test_audio import check_shape


@pytest.mark.parametrize("language", decisions.LANGUAGES)
def test_meetings_have_enough_items_and_as_many_traps(language: str) -> None:
    for held_out in (False, True):
        found = decisions.meetings(language, held_out=held_out)
        items = [item for meeting in found for item in meeting.items]
        assert len(items) >= 10
        assert {item.kind for item in items} == set(decisions.KINDS)
        assert sum(meeting.traps for meeting in found) >= len(items)
        assert {item.owner for meeting in found for item in meeting.items if item.kind == "step"} - {None} <= {
            name for meeting in found for name in meeting.names.values()
        }


def test_nothing_is_found_worse_than_before() -> None:
    result = decisions.bench(Size.LEAST)
    check_shape(result)
    assert [target.what for target in result.targets if not target.met] == []


@pytest.mark.parametrize("language", ["german", "spanish"])
def test_other_languages_are_found(language: str) -> None:
    for held_out in (False, True):
        for kind in decisions.KINDS:
            precision, recall, *_ = decisions.score(decisions.meetings(language, held_out=held_out), kind).shares()
            assert precision is not None
            assert recall is not None
            assert min(precision, recall) >= 0.7
