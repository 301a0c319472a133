"""Both clients of a transcription service, against a real server that checks their contract and misbehaves."""

# pyright: basic

from typing import Any

import dagster as dg
import pytest

from domain.errors import PermanentError, ReflectorError, TransientError
from domain.text.words import Word
from resources.store.base import LocalStore
from resources.transcription.base import TrackAudio
from resources.transcription.gpu import GPUService
from resources.transcription.openai import OpenAIAudio
from testing.hosts.gpu_host import FROM_URL, UPLOAD, GPUHost

KEY = "recordings/r1/tracks/0.webm"
WHO: dict[str, Any] = {"speaker": 3, "recording": "r1", "track": 0}


@pytest.fixture
def host():
    with GPUHost() as server:
        yield server


@pytest.fixture
def audio(tmp_path: Any):
    store = LocalStore(root=str(tmp_path / "data"))
    stored = store.write(KEY, b"the bytes of a track")
    return TrackAudio(store, KEY, stored.sha256, 60.0)


def gpu(host: GPUHost, **changes: Any):
    return GPUService(**(dict[str, Any](url=host.url, api_key=host.key, model=host.model, timeout=20) | changes))


def sdk(host: GPUHost, **changes: Any):
    fields: dict[str, Any] = {"url": f"{host.url}/v1", "api_key": host.key, "model": host.model, "timeout": 20}
    return OpenAIAudio(**{**fields, **changes})


BOTH = pytest.mark.parametrize("client", [gpu, sdk], ids=["gpu", "openai"])


def failure(client: Any, audio: Any, kind: type[ReflectorError]) -> Any:
    with pytest.raises(kind) as caught:
        client.transcribe(audio, **WHO)
    assert (caught.value.recording, caught.value.track) == ("r1", 0)
    return caught.value


@BOTH
def test_words_come_stripped_with_speaker_and_times(client: Any, host: GPUHost, audio: Any):
    heard = client(host).transcribe(audio, **WHO)
    assert [word.word for word in heard.words] == ["this", "is", "0", "speaking"]
    assert heard.words[1] == Word("is", 0.5, 0.9, 3, 1.0)
    assert heard.speech == pytest.approx(1.6)
    assert heard.language == "en"


def test_the_service_is_sent_what_its_contract_says_and_reads_the_url(host: GPUHost, audio: Any):
    gpu(host, language="de").transcribe(audio, **WHO)
    [call] = host.requests
    assert (call.path, call.status, call.bytes) == (FROM_URL, 200, len(b"the bytes of a track"))
    assert set(call.fields) == {"audio_file_url", "language", "model"}
    assert call.fields["language"] == "de"
    assert list(host.calls.values()) == [1]


def test_the_url_is_made_anew_for_every_call(host: GPUHost, tmp_path: Any):
    asked = []

    class Signing(LocalStore):
        def url(self, key: str, expires: float = 3600) -> str:
            asked.append(expires)
            return f"{super().url(key)}?signature={len(asked)}"

    store = Signing(root=str(tmp_path))
    store.write(KEY, b"track")
    audio = TrackAudio(store, KEY, "", 60.0)
    host.fail(1, 503)
    service = gpu(host, timeout=20)
    failure(service, audio, TransientError)
    service.transcribe(audio, **WHO)
    assert [call.fields["audio_file_url"][-1] for call in host.requests] == ["1", "2"]
    assert min(asked) > 20, "the URL must outlive the call"


def test_the_openai_client_uploads_the_file(host: GPUHost, audio: Any):
    sdk(host).transcribe(audio, **WHO)
    [call] = host.requests
    assert (call.path, call.name, call.bytes) == (UPLOAD, "0.webm", len(b"the bytes of a track"))
    assert call.fields["language"] == "en"


def test_the_openai_client_leaves_the_language_open_when_it_is_to_be_detected(host: GPUHost, audio: Any):
    heard = sdk(host, language="auto").transcribe(audio, **WHO)
    assert "language" not in host.requests[0].fields
    assert heard.language == "english"


@BOTH
def test_a_silent_track_is_no_failure(client: Any, host: GPUHost, audio: Any):
    host.words = lambda call: []
    assert client(host).transcribe(audio, **WHO).words == ()


def test_gpu_seconds_are_the_services_own_or_the_calls(host: GPUHost, audio: Any):
    host.latency = 0.3
    assert 0.3 <= gpu(host).transcribe(audio, **WHO).gpu_seconds < 10
    host.extra = {"gpu_seconds": 1.25}
    assert gpu(host).transcribe(audio, **WHO).gpu_seconds == 1.25


@BOTH
@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_what_a_retry_helps_is_transient(client: Any, host: GPUHost, audio: Any, status: Any):
    host.fail(1, status, retry_after=7)
    error = failure(client(host), audio, TransientError)
    assert f"answered {status} (told to fail)" in str(error)
    assert error.retry_after == 7
    assert len(host.requests) == 1, "the step's policy retries, not the client"
    assert client(host).transcribe(audio, **WHO).words


@BOTH
@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 307])
def test_what_no_retry_helps_is_permanent(client: Any, host: GPUHost, audio: Any, status: Any):
    host.fail(1, status)
    failure(client(host), audio, PermanentError)
    assert len(host.requests) == 1


@pytest.mark.parametrize(("given", "least"), [("Wed, 21 Oct 2099 07:28:00 GMT", 1e6), ("soon", None)])
def test_retry_after_can_be_a_date_or_nonsense(host: GPUHost, audio: Any, given: Any, least: Any):
    host.fail(1, 503, retry_after=given)
    wait = failure(gpu(host), audio, TransientError).retry_after
    assert wait is None if least is None else wait is not None and wait > least


@BOTH
def test_a_wrong_key_is_reported_without_the_key(client: Any, host: GPUHost, audio: Any):
    error = failure(client(host, api_key="s3cr3t-key"), audio, PermanentError)
    assert "TRANSCRIPT_MODAL_API_KEY" in str(error)
    assert "s3cr3t-key" not in repr(error)


@BOTH
def test_a_language_that_the_service_lacks_is_reported(client: Any, host: GPUHost, audio: Any):
    error = failure(client(host, language="tlh"), audio, PermanentError)
    assert "'tlh'" in str(error)


def test_a_url_that_the_service_cannot_read_is_reported_without_the_url(host: GPUHost, audio: Any, tmp_path: Any):
    class Elsewhere(LocalStore):
        def url(self, key: str, expires: float = 3600) -> str:
            return f"file:///nowhere/{key}?X-Amz-Signature=c2ln"

    error = failure(gpu(host), TrackAudio(Elsewhere(root=str(tmp_path)), KEY, "", 60.0), PermanentError)
    assert "could not read the track's file URL" in str(error)
    assert "c2ln" not in str(error)


@BOTH
def test_a_service_that_never_answers_is_given_up(client: Any, host: GPUHost, audio: Any):
    host.hang()
    error = failure(client(host, timeout=0.5), audio, TransientError)
    assert "didn't answer in 0.5 s" in str(error)


@BOTH
def test_a_service_that_drips_is_given_up_after_the_whole_time(client: Any, host: GPUHost, audio: Any):
    host.drip()
    error = failure(client(host, timeout=0.5), audio, TransientError)
    assert "didn't answer in 0.5 s" in str(error)


@BOTH
def test_a_connection_that_breaks_in_mid_answer_is_transient(client: Any, host: GPUHost, audio: Any):
    host.reset()
    error = failure(client(host), audio, TransientError)
    assert "the connection to the transcription service at 127.0.0.1" in str(error)


@BOTH
def test_a_service_that_is_away_is_transient(client: Any, host: GPUHost, audio: Any):
    with GPUHost() as gone:
        pass
    failure(client(gone), audio, TransientError)


def test_an_address_that_is_none_is_permanent(audio: Any):
    failure(GPUService(url="gpu.example:80", api_key=""), audio, PermanentError)


@BOTH
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>Welcome</html>", "answer with a JSON object"),
        (b"", "answer with a JSON object"),
        ([], "answer with a JSON object"),
        ({"text": "hello"}, "no list of words"),
        ({"text": "hello", "words": []}, "no list of words"),
        ({"text": "hello", "words": [{"word": " ", "start": 1, "end": 2}], "segments": []}, "no list of words"),
        ({"words": ["a"]}, "no list of words"),
        # In milliseconds.
        ({"words": [{"word": "a", "start": 1500, "end": 2000}]}, "no list of words"),
        ({"words": [{"word": "a", "start": float("nan"), "end": 1}]}, "no list of words"),
        ({"words": [{"word": "a"}], "segments": [{"start": None, "text": "a"}]}, "no list of words"),
    ],
)
def test_an_answer_that_does_not_fit_is_permanent(client: Any, host: GPUHost, audio: Any, body: Any, said: Any):
    host.answer(1, body)
    assert said in str(failure(client(host), audio, PermanentError))


@BOTH
def test_one_odd_word_does_not_spoil_the_others(client: Any, host: GPUHost, audio: Any):
    given = [
        *({"word": w, "start": s, "end": s + 0.4} for w, s in (("we", 1.0), ("meet", 2.0))),
        {"word": "2266"},
        {"word": "times", "start": None, "end": None},
        {"word": "on", "start": 3.0, "end": 3.4},
        {"word": "odd", "start": 40.0, "end": 41.0},
        {"word": "days", "start": 5.0, "end": 1e9},
        {"word": "late", "start": audio.duration + 1.5, "end": audio.duration + 3},
        {"start": 7.0, "end": 8.0},
        "word",
    ]
    host.answer(1, {"text": "we meet 2266 times on odd days late", "words": given})
    done = client(host).transcribe(audio, **WHO)
    found = {word.word: (word.start, word.end) for word in done.words}
    assert list(found) == ["we", "meet", "2266", "times", "on", "odd", "days"]
    assert [found[word] for word in ("we", "meet", "on")] == [(1.0, 1.4), (2.0, 2.4), (3.0, 3.4)]
    assert (found["2266"][0], found["times"][1]) == (2.4, 3.0)
    assert 3.4 <= found["odd"][0] <= found["odd"][1] <= 5.0
    assert found["days"] == (5.0, audio.duration)
    assert len(done.notes) == 4


@BOTH
@pytest.mark.parametrize("words", [None, [], [{"word": "", "start": 0, "end": 0}], [{"word": "one"}, {"word": "two"}]])
def test_without_times_of_words_those_of_segments_are_spread(client: Any, host: GPUHost, audio: Any, words: Any):
    segments = [{"start": 1.0, "end": 2.0, "text": " one two"}, {"start": 4.0, "end": 5.0, "text": "three"}]
    host.answer(1, {"text": "one two three", "segments": segments, **({"words": words} if words is not None else {})})
    done = client(host).transcribe(audio, **WHO)
    assert [(word.word, word.start, word.end) for word in done.words] == [
        ("one", 1.0, 1.5),
        ("two", 1.5, 2.0),
        ("three", 4.0, 5.0),
    ]
    assert done.notes == ("3 words have the times of their segment",)


def test_a_confidence_is_kept(host: GPUHost, audio: Any):
    host.words = lambda call: [{"word": "a", "start": 0, "end": 1, "probability": 0.25}]
    assert gpu(host).transcribe(audio, **WHO).words[0].confidence == 0.25


@BOTH
def test_identity_holds_what_decides_the_result_and_no_secret(client: Any, host: GPUHost):
    made = client(host, model="large", language="de")
    assert made.identity() == client(host, model="large", language="de", url="http://b", api_key="other").identity()
    assert len({made.identity(), client(host, model="small", language="de").identity()}) == 2
    assert len({made.identity(), client(host, model="large", language="en").identity()}) == 2
    assert host.key not in made.identity() + repr(made) + str(made)
    assert "127.0.0.1" not in made.identity()


@BOTH
def test_a_key_can_come_from_the_environment(client: Any, host: GPUHost, audio: Any, monkeypatch: Any):
    monkeypatch.setenv("TRANSCRIPT_MODAL_API_KEY", host.key)
    assert client(host, api_key=dg.EnvVar("TRANSCRIPT_MODAL_API_KEY")).transcribe(audio, **WHO).words
