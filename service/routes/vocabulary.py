"""Corrected names and words that the next meetings of the room can expect: nothing is learnt until it is accepted."""

from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel, Field

from domain.corrections import terms
from domain.corrections.edits import standing
from domain.errors import NotFound
from domain.recording import Recording
from domain.rooms import Room, unset
from domain.vocabulary import MOST_TERMS, Term
from resources.database.corrections import CorrectionHistory
from resources.results.stored_results import StoredResults
from service.bodies import json_body
from service.dependencies import AuthorizedRouter, CorrectionsDep, RoomsDep, StoredResultsDep
from service.routing import problems, request_body

router = AuthorizedRouter(prefix="/v1/transcripts/{id}/vocabulary", responses=problems(401, 403, 404))


class Learn(BaseModel, extra="forbid"):
    """Terms to add to the room's vocabulary."""

    terms: Annotated[list[Term], Field(min_length=1, max_length=MOST_TERMS)]


class VocabularyView(BaseModel):
    """The room, its vocabulary, and what corrections offer for it."""

    room: str
    vocabulary: list[str]
    offered: list[str]


@router.get("")
def show_vocabulary(results: StoredResultsDep, history: CorrectionsDep, rooms: RoomsDep) -> VocabularyView:
    """Show the vocabulary of the recording's room, and the corrected names and words that aren't in it."""
    meeting = _meeting(results)
    return _view(rooms.of_meeting(meeting) or unset(meeting), results, history)


@router.post("", responses=problems(400, 413, 415, 422), openapi_extra=request_body(Learn))
def learn_terms(
    results: StoredResultsDep,
    history: CorrectionsDep,
    rooms: RoomsDep,
    body: Annotated[Learn, Depends(json_body(Learn))],
) -> VocabularyView:
    """Add terms to the room's vocabulary, for its next meetings; past recordings stay as they are."""
    return _view(rooms.learn(_meeting(results), body.terms), results, history)


def _meeting(results: StoredResults) -> str:
    found = results.find("recording.json", Recording)
    if found is None:
        raise NotFound("its room isn't known yet", recording=results.id)
    return found.room_name


def _view(room: Room, results: StoredResults, history: CorrectionHistory) -> VocabularyView:
    known = room.vocabulary
    offered = terms.offered(standing(history.history(results.id)), known)
    return VocabularyView(room=room.name, vocabulary=list(known), offered=offered)
