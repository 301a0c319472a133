"""Runs probes of services concurrently, each with a time limit; independent of what the probes check."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from domain.errors import ReflectorError
from domain.health import Outcome, State
from domain.redaction import redact_secrets, redact_urls
from resources.http import one_line

# Seconds by which a probe's own time limit exceeds the runner's.
GRACE_S = 1.0


class ProbeSkipped(Exception):
    """The service can't be checked, or needn't be; `state` is the outcome's state."""

    def __init__(self, state: State, reason: str) -> None:
        super().__init__(reason)
        self.state: State = state


class Probe(NamedTuple):
    """A service, the check in a few words, the settings to look at if it hangs, and the function that checks.

    `run` gets its own time limit in seconds. It returns its finding in one line, or raises. `late` is the outcome's
    state if it doesn't finish in time.
    """

    service: str
    tried: str
    settings: str
    run: Callable[[float], str]
    late: State = "failed"


def examine(probes: Sequence[Probe], seconds: float, secrets: Sequence[str] = ()) -> list[Outcome]:
    """Run all probes concurrently and abandon those that haven't finished after `seconds`.

    `secrets` are redacted in the findings. An abandoned probe continues in a daemon thread.
    """
    done: queue.SimpleQueue[tuple[int, Outcome]] = queue.SimpleQueue()
    begin = time.monotonic()

    def work(number: int, probe: Probe) -> None:
        state, finding = _run(probe, seconds)
        took = round((time.monotonic() - begin) * 1000)
        finding = redact_urls(redact_secrets(secrets, finding))
        done.put((number, Outcome(probe.service, probe.tried, state, took, finding)))

    for number, probe in enumerate(probes):
        threading.Thread(target=work, args=(number, probe), daemon=True).start()
    outcomes: dict[int, Outcome] = {}
    while len(outcomes) < len(probes):
        try:
            number, outcome = done.get(timeout=max(0.0, begin + seconds - time.monotonic()))
        except queue.Empty:
            break
        outcomes[number] = outcome
    late = f"no answer in {seconds:g} s. Check "
    return [
        outcomes.get(number)
        or Outcome(
            probe.service, probe.tried, probe.late, round(seconds * 1000), f"{late}{probe.settings}.", hangs=True
        )
        for number, probe in enumerate(probes)
    ]


def _run(probe: Probe, seconds: float) -> tuple[State, str]:
    try:
        return "ok", probe.run(seconds + GRACE_S)
    except ProbeSkipped as skipped:
        return skipped.state, str(skipped)
    except ReflectorError as error:
        return "failed", str(error)
    except Exception as error:  # any error of a library is a finding about its service
        return "failed", f"{root_cause(error)}. Check {probe.settings}."


def root_cause(error: BaseException) -> str:
    """Describe the exception at the start of a chain of causes in one line; libraries wrap exceptions."""
    while error.__cause__ is not None:
        error = error.__cause__
    message = str(error).strip()
    return one_line(f"{type(error).__name__}: {message}" if message else type(error).__name__).rstrip(".")
