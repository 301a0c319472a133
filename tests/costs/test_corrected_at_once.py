"""What people correct is in list, search and events at once: before a run takes it, once undone, and afterwards."""

import json
import threading
from collections.abc import Iterator
from itertools import count, pairwise
from typing import Any

import pytest
from starlette.testclient import TestClient
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from domain.corrections.edits import AnyEdit, SetTitle, Undo
from resources.database.catalogue import Catalogue
from resources.database.corrections import CorrectionHistory
from resources.database.database import Database
from resources.results import search_index
from resources.store.base import LocalStore
from testing import PATIENCE_S
from testing.daemon import until
from tests.consent.world import World, world
from tests.costs.serving import app_of, client_of
from tests.service.in_process import TOKEN, listening
from tests.service.shown_recordings import Scripted, finish, meeting

pytest_plugins = ["tests.service.databases"]
RUN = ["corrections", "merged_words", "topics", "title", "summary", "action_items", "transcript"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("world")) as found:
        assert found.run().success
        yield found


@pytest.fixture(scope="module")
def client(made: World) -> Iterator[TestClient]:
    with client_of(made, f"sqlite:///{made.home / 'reflector.db'}") as running:
        yield running


class Seen:
    """A recording as clients see it."""

    def __init__(self, client: TestClient, recording_id: str) -> None:
        self._client, self._path = client, f"/v1/transcripts/{recording_id}"

    def get(self, path: str, **query: Any) -> Any:
        answer = self._client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def correct(self, *edits: dict[str, Any]) -> None:
        answer = self._client.post(f"{self._path}/corrections", json={"edits": edits})
        assert answer.status_code == 200, answer.text

    def titles(self) -> set[str]:
        """The title, wherever it is shown."""
        old = "/compat/v1/transcripts"
        [listed], [found] = self.get("/v1/transcripts")["items"], self.get(f"{old}/search", q="")["results"]
        own, theirs = self.get(self._path), self.get(old + self._path.removeprefix("/v1/transcripts"))
        return {listed["title"], found["title"], own["title"], theirs["title"], self.get(old)["items"][0]["title"]}

    def finds(self, query: str) -> bool:
        return bool(self.get("/v1/transcripts", q=query)["items"])

    def events(self, after: str = "") -> list[dict[str, Any]]:
        return self.get(f"{self._path}/events", after=after)["data"]

    def told(self, after: str, title: str) -> dict[str, Any]:
        """What the events after one say, once they say the title."""
        until(lambda: any(one["data"].get("title") == title for one in self.events(after)), what=title)
        return {one["event"]: one["data"] for one in self.events(after)}


def test_a_listener_who_comes_back_misses_nothing_and_gets_nothing_old(client: TestClient, made: World) -> None:
    seen = Seen(client, made.id)
    # The run's last event.
    until(lambda: seen.events()[-1]["data"].get("percent") == 100)
    before = seen.events()[-1]["id"]
    seen.correct({"kind": "title", "title": "One"})
    told = seen.told(before, "One")
    assert set(told) == {"CORRECTION", "FINAL_TITLE"}
    after = [one["id"] for one in seen.events(before)]
    # From each event on, those that follow it.
    for (at, event), (_, following) in pairwise(enumerate(after)):
        assert [one["id"] for one in seen.events(event)] == after[at + 1 :]
        assert seen.events(event)[0]["id"] == following
    assert seen.events(after[-1]) == []
    seen.correct({"kind": "undo", "number": 1})


def test_list_search_and_events_follow_at_once_and_after_the_run(client: TestClient, made: World) -> None:
    seen = Seen(client, made.id)
    [generated] = seen.titles()
    assert seen.finds("speaking")
    last = seen.events()[-1]["id"]
    word: list[Any] = seen.get(f"/v1/transcripts/{made.id}/words")["segments"][0]["words"][0]
    replaced: dict[str, Any] = {
        "kind": "words",
        "start": word[1],
        "end": word[2],
        "was": word[0].strip(),
        "text": "Xylophone",
    }
    seen.correct({"kind": "title", "title": "Zeppelins"}, replaced)
    assert seen.titles() == {"Zeppelins"}
    assert (seen.finds("xylophone"), seen.finds("zeppelins")) == (True, True)
    told = seen.told(last, "Zeppelins")
    assert (told["CORRECTION"]["number"], told["FINAL_TITLE"]["title"]) == (4, "Zeppelins")
    assert "Xylophone" in told["TRANSCRIPT"]["text"]
    assert "FINAL_SHORT_SUMMARY" not in told
    assert made.run(RUN).success
    assert seen.titles() == {"Zeppelins"}
    # What was generated isn't in the transcript any more.
    last = seen.events()[-1]["id"]
    seen.correct({"kind": "undo", "number": 3}, {"kind": "undo", "number": 4})
    assert seen.titles() == {generated}
    assert (seen.finds("xylophone"), seen.finds("zeppelins"), seen.finds("speaking")) == (False, False, True)
    told = seen.told(last, generated)
    assert (told["FINAL_TITLE"]["title"], "Xylophone" in told["TRANSCRIPT"]["text"]) == (generated, False)
    assert made.run(RUN).success
    assert seen.titles() == {generated}


def test_a_generated_summary_is_returned_to_at_once(client: TestClient, made: World) -> None:
    seen = Seen(client, made.id)

    def summaries() -> tuple[str, str]:
        found = seen.get(f"/v1/transcripts/{made.id}")
        return found["short_summary"], found["long_summary"]

    generated = summaries()
    for given in ({"short_summary": "Short."}, {"short_summary": "Short.", "long_summary": "Long."}):
        seen.correct({"kind": "summary", **given})
        assert made.run(RUN).success
        assert summaries() != generated
        seen.correct({"kind": "summary", **dict.fromkeys(given)})
        assert summaries() == generated


def test_the_old_frontends_socket_has_a_corrected_topic_at_once(client: TestClient, made: World) -> None:
    seen = Seen(client, made.id)
    topic = seen.get(f"/v1/transcripts/{made.id}")["topics"][0]
    word = seen.get(f"/v1/transcripts/{made.id}/words")["segments"][0]["words"][0]
    said = word[0].strip()

    def has(socket: ClientConnection, title: str, text: str) -> None:
        """Read until the topic has a title, and a text in its transcript."""
        messages = (json.loads(socket.recv(PATIENCE_S)) for _ in count())
        found = (one["data"] for one in messages if one["event"] == "TOPIC" and one["data"]["id"] == topic["id"])
        assert next(one for one in found if one["title"] == title and text in one["transcript"])

    def opened() -> ClientConnection:
        url = f"ws://127.0.0.1:{port}/compat/v1/transcripts/{made.id}/events"
        return connect(url, subprotocols=[Subprotocol("bearer"), Subprotocol(TOKEN)], proxy=None)

    with listening(app_of(made, f"sqlite:///{made.home / 'reflector.db'}")) as port:
        with opened() as socket:
            has(socket, topic["title"], said)
            seen.correct({"kind": "topic", "at": topic["timestamp"], "title": "Airships"})
            has(socket, "Airships", said)
            seen.correct({"kind": "words", "start": word[1], "end": word[2], "was": said, "text": "Blimps"})
            has(socket, "Airships", "Blimps")
        # The event of the run, sent again, has the topic as it is now.
        with opened() as socket:
            has(socket, "Airships", "Blimps")
            last = seen.get(f"/v1/transcripts/{made.id}/corrections")["version"]
            seen.correct({"kind": "undo", "number": last}, {"kind": "undo", "number": last - 1})
            has(socket, topic["title"], said)


class Held(LocalStore):
    """A store whose transcripts are read slowly: a reader has read one when it is held up."""

    def read(self, key: str) -> bytes:
        content = super().read(key)
        if key.endswith("transcript.json") and threading.current_thread().name == "slow":
            READ.set()
            assert GO.wait(60)
        return content


READ, GO = threading.Event(), threading.Event()


@pytest.mark.parametrize("newer", ["edit", "run"])
def test_a_slow_reader_doesnt_bring_old_text_back(database_url: str, tmp_path: Any, newer: str) -> None:
    READ.clear()
    GO.clear()
    database, store, recording_id = Database(url=database_url), Held(root=str(tmp_path)), f"rec-{newer}"
    history, catalogue = CorrectionHistory(database=database), Catalogue(database=database)
    transcript, spoken = meeting(recording_id, 1, 40, 2)
    finish(store, Scripted(), transcript, spoken)
    search_index.index(recording_id, catalogue, history, store, "1")

    def titles() -> list[str | None]:
        return [row.title for row in catalogue.search("", 1).items]

    def edit(change: AnyEdit) -> None:
        history.add(recording_id, [change])
        search_index.index(recording_id, catalogue, history, store)

    slow = threading.Thread(target=edit, args=(SetTitle(title="Older"),), name="slow")
    slow.start()
    assert READ.wait(60)
    if newer == "edit":
        edit(SetTitle(title="Newer"))
    else:
        finish(store, Scripted(), transcript.model_copy(update={"title": "Older", "revision": 1}), spoken)
        edit(Undo(number=1))
        finish(store, Scripted(), transcript.model_copy(update={"title": "Newer", "revision": 2}), spoken)
        search_index.index(recording_id, catalogue, history, store, "2")
    assert titles() == ["Newer"]
    GO.set()
    slow.join(60)
    assert titles() == ["Newer"]
