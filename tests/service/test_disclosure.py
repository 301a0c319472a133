"""What readers without a token see of failures in a public deployment, and what holders of the token see."""

# pyright: basic

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry import trace
from websockets.asyncio.client import connect

from domain.access import Scope
from domain.events import Event
from service.rules import RULES
from service.transcriber import Limits, build
from tests.domain.finished import finished
from tests.service.in_process import BEARER, TOKEN, application, listening
from tests.service.shown_recordings import finish, overview, shown
from tests.service.test_access import World, bearer

ID = "rec-1"
REASON = "gpu.internal:8443 answered 500 (upstream said boom). Check TRANSCRIPT_URL"
SECRETS = ("gpu.internal", "8443", "boom", "TRANSCRIPT_URL", "500")
TOPICS = "GET /v1/transcripts/{id}/topics"
PATHS = [f"/v1/transcripts/{ID}", f"/v1/transcripts/{ID}/events"]


def app_of(folder: Path):
    ports, script, _ = shown(folder / "data")
    script.states[ID] = overview(ID, "error", step="track_transcripts", reason=f"track_transcripts: {REASON}")
    script.events[ID] = [
        Event(id="1", at=1.0, event="PIPELINE_PROGRESS", data={"current_step": "track_transcripts", "reason": REASON}),
        Event(id="2", at=2.0, event="STATUS", data={"value": "error", "step": "track_transcripts", "reason": REASON}),
    ]
    app, _, _ = application(f"sqlite:///{folder}/reflector.db", ports=ports, public=True)
    return app, folder / "data"


def shows_nothing(text: str) -> bool:
    return not any(secret in text for secret in SECRETS)


@pytest.mark.parametrize("path", PATHS)
def test_a_reader_sees_the_step_and_a_general_reason(tmp_path: Path, path: str) -> None:
    app, _ = app_of(tmp_path)
    with listening(app) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        seen = client.get(path)
        assert seen.status_code == 200
        assert "track_transcripts" in seen.text
        assert "the operator of this service can see why" in seen.text
        assert shows_nothing(seen.text)
        assert REASON in client.get(path, headers=BEARER).text
        client.post("/v1/session", headers=BEARER)
        assert REASON in client.get(path).text, "with a session too"


def test_live_events_are_general_too(tmp_path: Path) -> None:
    app, _ = app_of(tmp_path)
    with listening(app) as port:

        async def hear(**options) -> str:
            async with connect(f"ws://127.0.0.1:{port}{PATHS[1]}", **options) as socket:
                return "".join([str(await socket.recv()) for _ in range(2)])

        async def stream(headers: dict[str, str]) -> str:
            url, text = f"http://127.0.0.1:{port}{PATHS[1]}", ""
            async with (
                httpx.AsyncClient(trust_env=False) as client,
                client.stream("GET", url, headers={"Accept": "text/event-stream", **headers}) as answer,
            ):
                async for line in answer.aiter_lines():
                    text += line
                    if '"id":"2"' in line:
                        break
            return text

        for seen in (asyncio.run(hear()), asyncio.run(stream({}))):
            assert "track_transcripts" in seen
            assert shows_nothing(seen)
        assert REASON in asyncio.run(hear(subprotocols=["bearer", TOKEN]))
        assert REASON in asyncio.run(stream(BEARER))


def test_errors_name_neither_folders_nor_settings(tmp_path: Path) -> None:
    app, data = app_of(tmp_path)
    folder = data / "recordings" / ID
    folder.mkdir(parents=True, exist_ok=True)
    with listening(app) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        missing = client.get(f"/v1/transcripts/{ID}/topics")
        assert missing.status_code == 404
        assert str(data) not in missing.text
        assert "topics.json" in client.get(f"/v1/transcripts/{ID}/topics", headers=BEARER).text
        assert "topics.json" not in missing.text
        (folder / "topics.json").write_bytes(b"{")
        broken = client.get(f"/v1/transcripts/{ID}/topics")
        assert broken.status_code >= 500
        assert list(json.loads(broken.text)) == ["detail"]
        assert "topics.json" not in broken.text


def test_readers_learn_not_who_corrected_a_transcript(tmp_path: Path) -> None:
    with World(tmp_path, public=True).running() as world:
        made = world.client.patch(f"/v1/transcripts/{ID}", json={"title": "Another"}, headers=BEARER)
        assert made.status_code == 200, made.text

        def who(headers: dict[str, str]) -> str | None:
            [edit] = world.client.get(f"/v1/transcripts/{ID}/corrections", headers=headers).json()["edits"]
            return edit["who"]

        assert who({}) is who(bearer(world.by_scope[Scope.READ])) is None
        assert who(bearer(world.by_scope[Scope.WRITE])) == "REFLECTOR_API_TOKEN"


def test_readers_learn_what_is_missing_of_a_transcript_and_operators_why(tmp_path: Path) -> None:
    with World(tmp_path, public=True).running() as world:
        script: Any = world.app.state.recordings
        topic, *others = finished().topics
        parts: dict[str, Any] = {
            "errors": (f"The title could not be made: {REASON}",),
            "topics": (topic.model_copy(update={"error": REASON}), *others),
            "action_items": {"method": "none", "error": REASON},
        }
        finish(world.store, script, finished(ID, duration=1.0, **parts), [])
        script.tell(ID, "ACTION_ITEMS", action_items=parts["action_items"])
        routes = sorted(route for route, rule in RULES.items() if route.startswith("GET") and rule.scope is Scope.READ)

        def shows(headers: dict[str, str]) -> set[str]:
            found: set[str] = set()
            for path in (route.removeprefix("GET ").replace("{id}", ID) for route in routes):
                answer = world.client.get(path, headers=headers)
                found |= {path.rpartition("/")[2]} if not shows_nothing(answer.text.replace("500", "")) else set()
                tags.append(answer.headers.get("etag"))
            return found

        tags: list[str | None] = []
        assert shows(BEARER) == {ID, "topics", "json", "md", "events"}
        assert shows({}) == set()
        assert tags[routes.index(TOPICS)] != tags[routes.index(TOPICS) + len(routes)]
        seen = world.client.get(f"/v1/transcripts/{ID}").json()
        assert seen["errors"] == ["The title could not be made"]
        assert "the operator of this service can see why" in seen["action_items"]["error"]
        # While it is made, the parts are read one by one.
        world.store.delete(f"recordings/{ID}/transcript.json")
        assert ID in shows(BEARER)
        assert shows({}) == set()


def test_no_request_becomes_a_span(tmp_path: Path) -> None:
    """A process has one tracer provider, which can't be taken back: tests of other files don't mind it."""
    spans: list[str] = []

    class Noting(trace.NoOpTracer):
        def start_span(self, name: str, *arguments: Any, **options: Any) -> trace.Span:
            spans.append(name)
            return super().start_span(name, *arguments, **options)

    class Provider(trace.TracerProvider):
        def get_tracer(self, *_: Any, **__: Any) -> trace.Tracer:
            return Noting()

    trace.set_tracer_provider(Provider())
    of_the_framework = FastAPI()
    of_the_framework.get("/health")(lambda: "ok")
    limits = Limits(at_once=1, waiting=1)
    transcriber = build(lambda *_: pytest.fail("unused"), "m", lambda *_: None, key="k", limits=limits, files=tmp_path)
    for app, traced in ((of_the_framework, True), (app_of(tmp_path)[0], False), (transcriber, False)):
        with listening(app) as port:
            assert httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).status_code == 200
        assert bool(spans) is traced
        spans.clear()
