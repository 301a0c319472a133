"""GET /v1/transcripts over a real recording: pages, search, what is refused, and who may read."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.catch_up import CatchUp
from testing import PATIENCE_S
from testing.daemon import until
from tests.consent.world import World, world
from tests.costs.serving import client_of


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("world")) as found:
        assert found.run().success
        found.instance.add_dynamic_partitions("recordings", ["waiting"])
        yield found


@pytest.fixture(scope="module")
def client(made: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with client_of(made, f"sqlite:///{tmp_path_factory.mktemp('service') / 'reflector.db'}") as running:
        yield running


def rows(client: TestClient, **query: Any) -> Any:
    answer = client.get("/v1/transcripts", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_newest_comes_first_with_all_that_is_known(client: TestClient, made: World) -> None:
    reported = rows(client)
    assert (reported["total"], reported["page"], reported["size"]) == (2, 1, 20)
    waiting, done = reported["items"]
    nothing = dict.fromkeys(("title", "room_name", "created_at", "duration", "reason", "excerpt"))
    assert waiting == {"id": "waiting", "state": "new", "marks": [], **nothing}
    assert (done["id"], done["state"], done["room_name"]) == (made.id, "ended", made.room)
    assert done["created_at"].endswith("+00:00")
    assert done["duration"] == 2
    assert done["title"]


def test_what_is_searched_for_is_found_with_its_place(client: TestClient, made: World) -> None:
    word = "speaking"
    reported = rows(client, q=word)
    assert [row["id"] for row in reported["items"]] == [made.id]
    [row] = reported["items"]
    assert word in row["excerpt"].lower()
    assert {row["excerpt"][begin:end].lower() for begin, end in row["marks"]} == {word}
    assert rows(client, q=f"{word} nobodysaidthis") == {"total": 0, "page": 1, "size": 20, "items": []}


def test_what_is_added_later_is_there(client: TestClient, made: World) -> None:
    made.instance.add_dynamic_partitions("recordings", ["later"])
    until(lambda: rows(client)["items"][0]["id"] == "later")
    made.instance.delete_dynamic_partition("recordings", "later")
    assert rows(client, size=1)["items"][0]["state"] == "retired"


@pytest.mark.parametrize(
    "query", [{"page": "0"}, {"page": "x"}, {"size": "101"}, {"size": "-1"}, {"q": "x" * 201}, {"other": "1"}]
)
def test_what_is_no_page_is_refused(client: TestClient, query: dict[str, str]) -> None:
    answer = client.get("/v1/transcripts", params=query)
    assert answer.status_code == 422
    assert "detail" in answer.json()


def test_nobody_else_may_read(client: TestClient) -> None:
    for path in ("/v1/transcripts", "/v1/costs", "/metrics"):
        assert client.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_what_one_request_leaves_is_read_on_behind_it() -> None:
    pieces: list[bool] = []

    def piece() -> bool:
        pieces.append(len(pieces) == 5)
        return pieces[-1]

    async def ask_once() -> None:
        await CatchUp(piece)()
        assert len(pieces) == 1
        while not pieces[-1]:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(ask_once(), PATIENCE_S))
    assert pieces == [False] * 5 + [True]
