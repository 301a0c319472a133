"""What a language model does wrong, as the asset tells it: worth another try or not, with the reason on the asset."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from domain.recording import Participants, value_key
from domain.results import Topics
from domain.text import words
from reflector_assets.assets.understanding import action_items, title
from reflector_assets.io_manager import StoreIOManager
from reflector_assets.partitions import RECORDINGS, recordings
from resources.call_cache import CallCache
from resources.llm.client import LLM
from resources.llm.understanding import WithLLM
from resources.store.base import LocalStore
from testing.hosts.llm_host import LLMHost
from tests.domain.finished import RECORDING, finished

# So often an invalid answer is sent back.
ROUNDS = 2


class Meeting:
    """A recording with topics and words, whose title and action items an LLM makes."""

    def __init__(self, folder: Path, host: LLMHost) -> None:
        self.host, self.store = host, LocalStore(root=str(folder))
        self.instance = dg.DagsterInstance.ephemeral()  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
        self.instance.add_dynamic_partitions(RECORDINGS, [RECORDING])
        transcript = finished()
        said = [words.Word(word, n, n + 0.5, 0, 1.0) for n, word in enumerate(["We", "have", "many", "plans", "."])]
        self._keep("topics", Topics(transcript.topics).model_dump_json().encode())
        self._keep("participants", Participants(transcript.participants).model_dump_json().encode())
        self._keep("merged_words", words.to_parquet(words.table(said)))

    def _keep(self, asset: str, content: bytes) -> None:
        self.store.write(value_key(asset, RECORDING), content)

    def make(self, asset: dg.AssetsDefinition) -> dg.ExecuteInProcessResult:
        llm = LLM(
            base_url=self.host.url,
            model=self.host.model,
            api_key=self.host.key,
            parse_max_retries=ROUNDS,
            request_timeout=5,
        )
        cache = CallCache(folder=f"{self.store.root}/calls", max_bytes=2**20)
        read = ("topics", "participants", "merged_words", "corrections")
        return dg.materialize(
            [*(dg.AssetSpec(name, partitions_def=recordings) for name in read), asset],
            selection=dg.AssetSelection.assets(asset),
            partition_key=RECORDING,
            instance=self.instance,
            raise_on_error=False,
            resources={
                "io_manager": StoreIOManager(store=self.store),
                "understanding": WithLLM(llm=llm, prompts={}, cache=cache),
                "store": self.store,
            },
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )


@pytest.fixture
def meeting(tmp_path: Path) -> Iterator[Meeting]:
    with LLMHost() as host:
        found = Meeting(tmp_path, host)
        with found.instance:
            yield found


def reason(result: dg.ExecuteInProcessResult) -> str:
    """What stands on the step that failed."""
    [failure] = [event for event in result.all_events if event.is_step_failure]
    reported = failure.step_failure_data.user_failure_data
    assert reported is not None
    return reported.description or ""


@pytest.mark.parametrize(
    ("kind", "calls", "says"),
    [
        ("prose", 1 + ROUNDS, "JSON"),
        ("broken", 1 + ROUNDS, "JSON"),
        ("wrong", 1 + ROUNDS, "title"),
        ("empty", 1 + ROUNDS, "empty"),
        ("huge", 1 + ROUNDS, "longer than"),
        ("refusal", 1, "can't help with that"),
    ],
)
def test_an_answer_that_stays_invalid_fails_at_once_with_the_reason(
    meeting: Meeting, kind: str, calls: int, says: str
) -> None:
    meeting.host.misbehave(kind, times=100)
    result = meeting.make(title)
    assert not result.success
    reported = reason(result)
    assert reported.startswith(f"recording {RECORDING}: ")
    assert says in reported
    assert meeting.host.count() == calls, "corrections are made, and the step isn't tried again"


def test_an_answer_that_is_put_right_makes_the_asset(meeting: Meeting) -> None:
    meeting.host.misbehave("wrong", times=ROUNDS)
    assert meeting.make(title).success
    assert meeting.host.count() == 1 + ROUNDS


def test_a_side_product_that_fails_is_reported_and_fails_nothing(meeting: Meeting) -> None:
    meeting.host.misbehave("refusal", times=100)
    result = meeting.make(action_items)
    assert result.success
    [check] = result.get_asset_check_evaluations()
    assert not check.passed
    assert "can't help with that" in str(check.metadata["problems"].value)
