"""What can go wrong between the client and a chat endpoint, on real connections."""

import signal
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from domain.errors import PermanentError, TransientError
from resources.llm.client import LLM
from testing import PATIENCE_S
from testing.daemon import until
from testing.hosts.llm_host import LLMHost
from tests.resources.llm_client import ask, client, many


@pytest.fixture
def host() -> Iterator[LLMHost]:
    with LLMHost() as server:
        yield server


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 529])
def test_failures_that_a_retry_heals(host: LLMHost, status: int) -> None:
    host.fail(1, status, retry_after=7)
    with pytest.raises(TransientError, match=f"answered {status}") as error:
        ask(client(host))
    assert error.value.retry_after == 7
    assert host.count() == 1, "the client's own retries must be off"
    ask(client(host))


@pytest.mark.parametrize(
    ("status", "setting"),
    [
        (400, "LLM_MODEL"),
        (401, "LLM_API_KEY"),
        (403, "LLM_API_KEY"),
        (404, "LLM_URL"),
        (413, "LLM_MODEL"),
        (422, "LLM_MODEL"),
    ],
)
def test_failures_that_no_retry_heals_name_the_setting(host: LLMHost, status: int, setting: str) -> None:
    host.fail(3, status, message="no such thing")
    with pytest.raises(PermanentError, match=rf"{status} \(no such thing\).*{setting}"):
        ask(client(host))


def test_a_meeting_that_is_too_long_is_not_asked_again_in_other_ways(host: LLMHost) -> None:
    host.fail(3, 400, message="This model's maximum context length is 4096 tokens")
    with pytest.raises(PermanentError, match="4096"):
        ask(client(host))
    assert host.count() == 1


def test_wrong_key_model_and_path(host: LLMHost) -> None:
    with pytest.raises(PermanentError, match="LLM_API_KEY") as error:
        ask(client(host, api_key="sk-very-secret"))
    assert "sk-very-secret" not in str(error.value)
    with pytest.raises(PermanentError, match="LLM_MODEL"):
        ask(client(host, model="no-such-model"))
    with pytest.raises(PermanentError, match="LLM_URL"):
        ask(client(host, base_url=host.url.removesuffix("/v1")))


@pytest.mark.parametrize("url", ["", "localhost:8000/v1", "ftp://127.0.0.1/v1", "http://"])
def test_no_url_fails_at_once(url: str) -> None:
    with pytest.raises(PermanentError, match="LLM_URL"):
        ask(LLM(base_url=url, model="m"))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("2.5", 2.5), ("0", 0), ("soon", None), ("-3", None), ("1e9", None), ("nan", None), (None, None)],
)
def test_retry_after(host: LLMHost, value: str | None, seconds: float | None) -> None:
    host.fail(1, 429, retry_after=value)
    with pytest.raises(TransientError) as error:
        ask(client(host))
    assert error.value.retry_after == seconds


def test_retry_after_as_a_date(host: LLMHost) -> None:
    host.fail(1, 503, retry_after=format_datetime(datetime.now(UTC) + timedelta(seconds=PATIENCE_S), usegmt=True))
    with pytest.raises(TransientError) as error:
        ask(client(host))
    assert error.value.retry_after is not None
    assert 0 < error.value.retry_after <= PATIENCE_S


@pytest.mark.parametrize("misbehave", [LLMHost.hang, LLMHost.drip])
def test_a_call_has_one_limit_for_the_whole_of_it(host: LLMHost, misbehave: Callable[[LLMHost], None]) -> None:
    misbehave(host)
    with pytest.raises(TransientError, match=r"didn't answer in 0\.3 s"):
        ask(client(host, request_timeout=0.3))


@pytest.mark.parametrize("begun", [False, True])
def test_a_broken_connection_is_transient(host: LLMHost, begun: bool) -> None:
    host.reset(begun=begun)
    with pytest.raises(TransientError, match="connection to the language model at 127"):
        ask(client(host))


def test_nobody_listening_is_transient() -> None:
    with LLMHost() as gone:
        llm = client(gone)
    with pytest.raises(TransientError, match="LLM_URL"):
        ask(llm)


def test_what_is_no_chat_completion(host: LLMHost) -> None:
    host.misbehave("html")
    with pytest.raises(PermanentError, match="LLM_URL"):
        ask(client(host))
    host.misbehave("gateway")
    with pytest.raises(TransientError, match=r"503.*upstream is overloaded"):
        ask(client(host))


def test_the_key_shows_nowhere(host: LLMHost, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    secret = "sk-very-secret-key"
    host.key = secret
    llm = client(host, api_key=secret)
    assert secret not in repr(llm)
    assert secret not in str(llm)
    host.fail(1, 503, message=f"upstream said no to {secret}")
    with pytest.raises(TransientError) as error:
        ask(llm)
    assert "***" in str(error.value)
    assert secret not in f"{error.value}{error.value!r}{caplog.text}{llm.parameters()}{llm.host()}"


def test_a_login_in_the_url_is_used_and_shows_nowhere(host: LLMHost, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    llm = client(host, api_key="", base_url=host.url.replace("127", "user:hunter%402@127", 1))
    with pytest.raises(PermanentError, match="LLM_API_KEY") as error:
        ask(llm)
    login = b64encode(b"user:hunter@2").decode()
    assert host.refused[-1].headers["Authorization"] == f"Basic {login}"
    reported = f"{error.value}{caplog.text}{llm.host()}"
    assert not any(secret in reported for secret in ("hunter", login))


def test_an_interrupted_step_leaves_at_once(host: LLMHost) -> None:
    """A step's time limit raises in the main thread while calls hang there."""

    def interrupt(*_: object) -> None:
        raise TimeoutError("step timed out")

    host.hang(3)
    before = signal.signal(signal.SIGUSR1, interrupt)
    main = threading.main_thread().ident
    assert main

    def interrupt_soon() -> None:
        until(lambda: len(host.requests) == 3, what="three calls")
        signal.pthread_kill(main, signal.SIGUSR1)

    timer = threading.Thread(target=interrupt_soon)
    timer.start()
    try:
        # The host holds the calls for longer than this test may take: it isn't waited for.
        with pytest.raises(TimeoutError, match="step timed out"):
            many(client(host, request_timeout=2 * PATIENCE_S), 3)
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)
