"""Probes of doors to the outside, run side by side, each for a limited time; what they try is not known here."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from domain.errors import ReflectorError
from domain.health import Outcome, State
from domain.redaction import redact_secrets, redact_urls
from resources.http import one_line

# Seconds by which a trial that has a limit of its own ends after it was given up.
LATER = 1.0


class Aside(Exception):
    """A door that can't be judged, and needn't be."""

    def __init__(self, state: State, said: str) -> None:
        super().__init__(said)
        self.state: State = state


class Probe(NamedTuple):
    """A door, what is tried, the settings to look at when it hangs, and the trial.

    The trial gets a limit of its own in seconds, at which it should end too, and says in one line what it found, or
    raises.
    """

    door: str
    tried: str
    settings: str
    run: Callable[[float], str]


def examine(probes: Sequence[Probe], seconds: float, secrets: Sequence[str] = ()) -> list[Outcome]:
    """Run all probes at once, and leave those behind that aren't done after so many seconds.

    `secrets` are blanked out in what is said. A probe that was left behind goes on in a daemon thread.
    """
    done: queue.SimpleQueue[tuple[int, Outcome]] = queue.SimpleQueue()
    begin = time.monotonic()

    def work(number: int, probe: Probe) -> None:
        state, said = _run(probe, seconds)
        took = round((time.monotonic() - begin) * 1000)
        done.put((number, Outcome(probe.door, probe.tried, state, took, _clean(said, secrets))))

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
        or Outcome(probe.door, probe.tried, "failed", round(seconds * 1000), f"{late}{probe.settings}.", hangs=True)
        for number, probe in enumerate(probes)
    ]


def _run(probe: Probe, seconds: float) -> tuple[State, str]:
    try:
        return "ok", probe.run(seconds + LATER)
    except Aside as aside:
        return aside.state, str(aside)
    except ReflectorError as error:
        return "failed", str(error)
    except Exception as error:  # whatever it is, it is this door's, and told
        return "failed", f"{reason(error)}. Check {probe.settings}."


def reason(error: BaseException) -> str:
    """What an exception of somebody else's says: that in which it began, for libraries wrap it."""
    while error.__cause__ is not None:
        error = error.__cause__
    said = str(error).strip()
    return one_line(f"{type(error).__name__}: {said}" if said else type(error).__name__).rstrip(".")


def _clean(said: str, secrets: Sequence[str]) -> str:
    """Leave out what must show nowhere, also where somebody else's message repeats it."""
    return redact_urls(redact_secrets(secrets, said))
