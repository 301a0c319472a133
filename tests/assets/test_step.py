"""What surrounds every step: limits that hold in real step processes, retries by kind of error, clean messages."""

# pyright: basic

import json
import multiprocessing
import subprocess
import sys
import time
from typing import Any

import dagster as dg
import httpx
import openai
import pytest

from domain.errors import PermanentError, TransientError
from reflector_assets.assets.step import step
from reflector_assets.log_entries import crash_reason
from testing import PATIENCE_S
from testing.deployment import new_instance
from tests.assets.step_jobs import ONCE_MORE, every_kind, whole_run

pytestmark = pytest.mark.slow(25)

SIGNATURE = "c2lnbmF0dXJl"
URL = f"https://user:{SIGNATURE}@storage.example/audio.webm?X-Amz-Signature={SIGNATURE}&x=1"
RECORDINGS = dg.DynamicPartitionsDefinition(name="recordings")


class Run:
    """The events of one run, by step."""

    def __init__(self, instance: dg.DagsterInstance, run_id: str) -> None:
        self.entries = instance.all_logs(run_id)

    def of(self, step_key: str, *kinds: dg.DagsterEventType) -> list[Any]:
        return [e for e in self.entries if e.step_key == step_key and e.dagster_event_type in kinds]

    def ends(self, step_key):
        return self.of(
            step_key,
            dg.DagsterEventType.STEP_UP_FOR_RETRY,
            dg.DagsterEventType.STEP_FAILURE,
            dg.DagsterEventType.STEP_SUCCESS,
        )

    def waits(self, step_key):
        """The seconds before each further attempt."""
        retries = self.of(step_key, dg.DagsterEventType.STEP_UP_FOR_RETRY)
        return [e.dagster_event.step_retry_data.seconds_to_wait for e in retries]

    def kinds(self, step_key):
        return [e.dagster_event_type.value for e in self.ends(step_key)]

    def reason(self, step_key: str) -> str:
        [failure] = self.of(step_key, dg.DagsterEventType.STEP_FAILURE)
        return failure.dagster_event.step_failure_data.user_failure_data.description

    def said(self, step_key):
        return [e.user_message for e in self.entries if e.step_key == step_key]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with (
        new_instance(tmp_path_factory.mktemp("home")) as instance,
        dg.execute_job(dg.reconstructable(every_kind), instance) as result,
    ):
        assert not result.success
        yield Run(instance, result.run_id)


def test_a_step_that_hangs_is_interrupted_and_tried_again(run):
    assert run.kinds("hangs") == ["STEP_UP_FOR_RETRY", "STEP_FAILURE"]
    assert run.reason("hangs") == "timeout after 1 s"


def test_a_step_that_ignores_interruption_is_ended_with_its_process_and_tried_again(run):
    assert run.kinds("spins_once") == ["STEP_UP_FOR_RETRY", "STEP_SUCCESS"]
    reported = [crash_reason(e.message) for e in run.of("spins_once", dg.DagsterEventType.ENGINE_EVENT)]
    assert [reason for reason in reported if reason] == [
        "timeout: the step could not be interrupted, so its process was ended"
    ]


def test_the_sibling_of_a_step_that_is_ended_goes_on(run):
    assert run.kinds("sibling") == ["STEP_SUCCESS"]


def test_steps_of_the_executor_know_that_their_process_is_their_own(run):
    assert "own process: True" in run.said("spins_once")


def test_a_permanent_error_ends_the_step_at_its_first_attempt(run):
    assert run.kinds("refused") == ["STEP_FAILURE"]
    assert run.reason("refused") == "Daily doesn't know it. Check DAILY_API_KEY."


def test_a_wait_that_was_asked_for_is_kept(run):
    assert run.kinds("told_to_wait") == ["STEP_UP_FOR_RETRY", "STEP_SUCCESS"]
    assert run.waits("told_to_wait") == [3]


def test_the_attempt_is_said_and_kept(run):
    assert any(said.startswith("attempt 2 of 4") for said in run.said("spins_once"))
    [output] = [e.dagster_event.step_output_data for e in run.of("spins_once", dg.DagsterEventType.STEP_OUTPUT)]
    assert output.metadata["attempt"].value == 2


def test_a_steps_process_has_everything_heavy_imported_before_it_begins(run):
    """Notices a version of Dagster that imports more when a step runs than the warm preload module brings about."""
    [output] = [e.dagster_event.step_output_data for e in run.of("imported", dg.DagsterEventType.STEP_OUTPUT)]
    code = (
        "import json, os, sys, threading\n"
        "import reflector_assets.preload\n"
        "files = [os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd') if int(n) > 2\n"
        "         and os.path.exists(f'/proc/self/fd/{n}')]\n"
        "print(json.dumps([sorted(sys.modules), threading.active_count(), files]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules, threads, files = json.loads(done.stdout.splitlines()[-1])
    late = set(json.loads(output.metadata["modules"].value)) - set(modules)
    packages = {"dagster", "dagster_postgres", "sqlalchemy", "alembic", "rich", "fsspec", "upath"}
    heavy = {name for name in late if name.split(".")[0] in packages}
    assert len(heavy) < 25, sorted(heavy)
    assert "dagster._core.storage.event_log.sql_event_log" in modules
    assert "reflector_assets.definitions" in modules
    assert not {"ctranslate2", "faster_whisper", "torch", "onnxruntime"} & set(modules), "they start threads"
    assert threads == 1
    assert [file for file in files if file != "/dev/null" and "pipe:" not in file] == []


# Runs in this process: what an error becomes.


def attempt(
    body,
    *,
    name="recording",
    partition=None,
    track=None,
    retries: dg.RetryPolicy | None = ONCE_MORE,
    takes_context=False,
):
    """Run a body as a step; returns its run's events and how often it was tried."""
    tries = []

    @dg.asset(name="probe", retry_policy=retries, partitions_def=RECORDINGS if partition else None)
    def probe(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with step(context, name, track=track) as work:
            tries.append(1)
            body(context if takes_context else work)
        return dg.MaterializeResult(metadata=work.metadata)

    with dg.DagsterInstance.ephemeral() as instance:  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
        if partition:
            instance.add_dynamic_partitions("recordings", [partition])
        result = dg.materialize([probe], instance=instance, partition_key=partition, raise_on_error=False)
        return Run(instance, result.run_id), len(tries)


def raising(error):
    def body(work):
        raise error

    return body


def status(code, **headers):
    request = httpx.Request("GET", URL)
    return httpx.HTTPStatusError(f"{code} for {URL}", request=request, response=httpx.Response(code, headers=headers))


def sdk_status(kind, code):
    # The SDK's HTTP client is its own dependency: its errors are made by a real call.
    with (
        openai.OpenAI(api_key="none", base_url="http://127.0.0.1:9", max_retries=0) as client,
        pytest.raises(openai.APIConnectionError) as reported,
    ):
        client.models.list()
    if kind is openai.APIConnectionError:
        return reported.value
    response = httpx.Response(code, request=httpx.Request("GET", URL))
    return kind("refused", response=response, body=None)


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (TransientError("busy"), 2),
        (PermanentError("not found"), 1),
        (httpx.ConnectError("refused"), 2),
        (httpx.ReadTimeout("slow"), 2),
        (httpx.RemoteProtocolError("cut off"), 2),
        (status(408), 2),
        (status(425), 2),
        (status(503), 2),
        (status(404), 1),
        (status(401), 1),
        (sdk_status(openai.APIConnectionError, None), 2),
        (sdk_status(openai.InternalServerError, 500), 2),
        (sdk_status(openai.BadRequestError, 400), 1),
        (BrokenPipeError("pipe"), 2),
        (ConnectionResetError("reset"), 2),
        (TimeoutError("late"), 2),
        (MemoryError(), 2),
        (KeyError("speaker"), 1),
        (TypeError("a bug"), 1),
        (FileNotFoundError(2, "No such file", "x"), 1),
        (dg.Failure("its own", allow_retries=False), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_what_another_attempt_can_heal_is_tried_again_and_nothing_else(error, tries):
    run, tried = attempt(raising(error))
    assert tried == tries
    assert run.kinds("probe")[-1] == "STEP_FAILURE"


def test_a_response_that_asks_for_a_wait_gets_it():
    run, tried = attempt(raising(status(429, **{"retry-after": "1"})), retries=None)
    assert tried == 4
    assert run.waits("probe") == [1, 1, 1]
    assert run.reason("probe").startswith("HTTPStatusError: 429")


def test_what_a_sensor_delivers_is_not_tried_again_in_the_run():
    run, tried = attempt(raising(TransientError("gone", retry_after=0.1)), name="webhook_delivery")
    assert tried == 1
    assert run.reason("probe") == "gone"


def test_a_failure_names_recording_and_track():
    run, _ = attempt(raising(PermanentError("no audio")), partition="r1", track=2)
    assert run.reason("probe") == "recording r1, track 2: no audio"
    [failure] = run.of("probe", dg.DagsterEventType.STEP_FAILURE)
    # What Dagster's page of the run begins with.
    assert failure.dagster_event.step_failure_data.error.message == "Failed: recording r1, track 2: no audio\n"


def test_a_partition_that_is_deleted_meanwhile_is_a_plain_reason():
    def body(context):
        context.instance.delete_dynamic_partition("recordings", "r1")

    run, tried = attempt(body, partition="r1", takes_context=True)
    assert tried == 1
    assert run.reason("probe").startswith("recording r1: the recording's partition was deleted while this run was in")
    [failure] = run.of("probe", dg.DagsterEventType.STEP_FAILURE)
    kind = failure.dagster_event.step_failure_data.user_failure_data.metadata["kind"]
    assert kind.value == "Incomplete", "it is requested again if somebody adds the partition again"


@pytest.mark.parametrize("key", ["x" * 260, "../../etc/passwd", "two\nlines", "\N{BIRD}"])
def test_a_partition_that_cant_be_a_recording_is_a_plain_reason(key):
    run, tried = attempt(lambda work: pytest.fail("it begins"), partition=key)
    assert tried == 0
    assert f"({len(key)} characters) can't be a recording id" in run.reason("probe")
    assert "Delete this partition" in run.reason("probe")
    assert len(run.reason("probe").splitlines()) == 1


def test_the_reason_is_still_told_when_all_attempts_failed():
    run, tried = attempt(raising(TransientError("the service is away", hint="Start it.")))
    assert (tried, run.reason("probe")) == (2, "the service is away. Start it.")


def test_a_bug_keeps_its_traceback():
    def body(work):
        {}["missing"]

    run, _ = attempt(body)
    assert run.reason("probe").startswith("KeyError: 'missing'")
    [failure] = run.of("probe", dg.DagsterEventType.STEP_FAILURE)
    error = failure.dagster_event.step_failure_data.error
    assert "in body" in "".join(error.cause.stack)


class Stubborn(Exception):
    """Like some errors of libraries: its text isn't in its arguments."""

    def __str__(self):
        return f"fetching {URL}"


def chained():
    try:
        try:
            raise Stubborn  # noqa: TRY301
        except Stubborn:
            raise ValueError(f"could not read {URL}")  # noqa: B904 - as libraries do
    except ValueError as error:
        raise TransientError(f"the track at {URL} is away", hint=f"See {URL}.") from error


def unforeseen():
    raise ValueError(f"no such track: {URL}")


@pytest.mark.parametrize(("fails", "said"), [(chained, "fetching"), (unforeseen, "no such track")])
def test_no_presigned_url_gets_into_the_log(fails, said):
    run, _ = attempt(lambda work: fails())
    everything = "".join(e.to_json() for e in run.entries)
    assert "https://storage.example/audio.webm?..." in everything
    assert said in everything
    assert SIGNATURE not in everything


def test_what_a_step_used_is_reported():
    def body(work):
        subprocess.run([sys.executable, "-c", "sum(range(10**7))"], check=True)
        time.sleep(0.2)
        work.add(prompt_tokens=3)
        work.add(prompt_tokens=4, gpu_seconds=1.5)

    run, _ = attempt(body)
    [made] = run.of("probe", dg.DagsterEventType.ASSET_MATERIALIZATION)
    reported = {name: value.value for name, value in made.dagster_event.materialization.metadata.items()}
    assert (reported["prompt_tokens"], reported["gpu_seconds"], reported["attempt"]) == (7, 1.5, 1)
    assert reported["wall_seconds"] >= 0.2
    assert reported["cpu_seconds"] > 0.05


def test_a_whole_run_in_a_child_process_is_no_step_of_its_own():
    child = multiprocessing.get_context("spawn").Process(target=whole_run)
    child.start()
    child.join(PATIENCE_S)
    assert child.exitcode == 0
