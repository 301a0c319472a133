"""A service with recordings, for its compatibility API: asked as the old frontend asks, and by the old document."""

# pyright: basic

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from domain.rooms import Room
from resources.database.catalogue import Catalogue, IndexedTranscript, RecordingInfo
from resources.database.database import Database
from service.ports import Listing, Ports
from testing import PATIENCE_S
from testing.databases import migrated
from testing.hosts.old_contract import DOCUMENT
from tests.examples import examples
from tests.service.in_process import BEARER, TOKEN, application, http_client, listening
from tests.service.shown_recordings import BEGAN, finish, meeting, overview, shown

DONE, BUSY = "0f6d9c1e-6a0b-4a53-9c57-2f3a4d5e6b70", "1f6d9c1e-6a0b-4a53-9c57-2f3a4d5e6b71"
OLD_ID = "9a1e3c1c-5b52-4df2-8c1c-0d2b6f7c8a11"
ORIGIN = "https://old.example.com"
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


class World:
    """A service with a finished recording of an hour and one without anything yet, and their room."""

    def __init__(self, folder: Path) -> None:
        made, self.script, self.store = shown(folder / "data")
        transcript, spoken = meeting(DONE, 60, 900)
        self.spoken = spoken
        finish(self.store, self.script, transcript, spoken)
        self.script.states[BUSY] = overview(BUSY, room="other_room-20260323090000")
        url = migrated(folder / "reflector.db")
        catalogue = Catalogue(database=Database(url=url))
        catalogue.add([DONE, BUSY], "")
        catalogue.describe([RecordingInfo(BUSY, "other_room-20260323090000", BEGAN + 3600, None)], 1)
        catalogue.index(
            IndexedTranscript(DONE, "1", "weekly-20260323080000", "Weekly meeting", BEGAN, 3600, "the budget")
        )
        listing = Listing(catalogue, lambda: True, lambda rows: [self.script.states[row.recording_id] for row in rows])
        ports = Ports(made.recordings, made.store, listing)
        self.app, _, rooms = application(url, ports=ports, origins=[ORIGIN])
        rooms.put(Room(name="weekly", old_id=OLD_ID, zulip_stream="general"))
        self.app.state.changes.pause = 0.05

    @contextmanager
    def running(self) -> Iterator["World"]:
        """Serve it while the block lasts."""
        with listening(self.app) as port, http_client() as self.client:
            self.port, self.client.base_url = port, f"http://127.0.0.1:{port}"
            self.topic = self.get(f"/transcripts/{DONE}/topics").json()[0]["id"]
            yield self

    def socket(self, path: str, token: str = TOKEN, origin: str = ORIGIN) -> ClientConnection:
        """Open a WebSocket as the frontend does."""
        return connect(
            f"ws://127.0.0.1:{self.port}/compat/v1{path}",
            origin=Origin(origin),
            subprotocols=[Subprotocol("bearer"), Subprotocol(token)],
            open_timeout=PATIENCE_S,
            proxy=None,
        )

    def get(self, path: str, headers: dict[str, str] = BEARER, **query: Any) -> Any:
        return self.client.get(f"/compat/v1{path}", headers=headers, params=query)

    def send(self, method: str, path: str, body: Any = None, *, status: int = 200, **more: Any) -> Any:
        """Send a change as the frontend does, and return the answer."""
        answer = self.client.request(method, f"/compat/v1{path}", json=body, headers=more.get("headers", BEARER))
        assert answer.status_code == status, answer.text
        return answer.json()

    def path(self, template: str) -> str:
        """Fill in a path of the document."""
        known = {"transcript_id": DONE, "topic_id": self.topic, "room_name": "weekly", "participant_id": "p0"}
        return template.removeprefix("/v1").format(room_id=OLD_ID, **known)


def check_by_document(world: World, path: str, method: str) -> None:
    """Check the answers to requests that are generated from the old document."""
    operation = DOCUMENT["paths"][path][method]
    document = {**DOCUMENT, "paths": {f"/compat{path}": {method: operation}}}
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(document)))
    generated = schema[f"/compat{path}"][method.upper()]
    checks = [not_a_server_error, response_schema_conformance, *([] if "mp3" in path else [content_type_conformance])]
    has_inputs = "requestBody" in operation or any(one["in"] == "query" for one in operation.get("parameters", ()))
    # Of a path, every text is valid.
    for mode in GenerationMode if has_inputs and "mp3" not in path else (GenerationMode.POSITIVE,):

        @settings(max_examples=examples(5, 50), suppress_health_check=SLOW, deadline=None)
        @given(case=generated.as_strategy(generation_mode=mode))
        def send(case: schemathesis.Case) -> None:
            case.path_parameters = {**case.path_parameters, **_known_ids(world, case.path_parameters)}
            case.call_and_validate(base_url=str(world.client.base_url), headers=BEARER, checks=checks)

        send()


def _known_ids(world: World, parameters: dict[str, Any]) -> dict[str, str]:
    """Return ids of what exists for half of the requests, so that not all are answered with 404."""
    known = {"transcript_id": DONE, "topic_id": world.topic, "room_name": "weekly", "room_id": OLD_ID}
    known |= {"participant_id": "p0"}
    return {name: known[name] for name in parameters if name in known and len(str(parameters[name])) % 2}
