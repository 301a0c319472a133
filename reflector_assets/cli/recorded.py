"""A decorator of commands that change something: each use is appended to the audit log."""

import getpass
import socket
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import typer

from reflector_assets.cli.imports import on_first_use

with on_first_use():
    from reflector_assets import wiring
    from resources.database import audit as log

P = ParamSpec("P")
R = TypeVar("R")


def recorded(
    action: str, *, recording: str = "", subject: str = "", only_if: str = "", unless: str = ""
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return the decorator; `recording` and `subject` name the parameters that say what is changed.

    `only_if` and `unless` name options with and without which the command changes something.
    """

    def decorate(command: Callable[P, R]) -> Callable[P, R]:
        @wraps(command)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            options: dict[str, Any] = dict(kwargs)
            if (only_if and not options[only_if]) or (unless and options[unless]):
                return command(*args, **kwargs)
            with wiring.opened(wiring.audit()) as audit:
                seq = audit.begin(user(), action, options.get(recording), _text(options.get(subject)))
                outcome = log.FAILED
                try:
                    result = command(*args, **kwargs)
                    outcome = log.DONE
                except typer.Exit as ended:
                    # Other codes, such as that of a statement that matches nothing yet, are no failures.
                    outcome = log.FAILED if ended.exit_code == 1 else log.DONE
                    raise
                finally:
                    audit.end(seq, outcome)
            return result

        run.__dict__["action"] = action
        return run

    return decorate


def user() -> str:
    """Return the user of this machine, as in the audit log."""
    return f"user {user_name()} on {socket.gethostname()}"


def user_name() -> str:
    """Return the name of this machine's user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # In containers, users may have no name.
        return "unknown"


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return " ".join(map(str, cast("list[Any]", value))) if isinstance(value, list) else str(value)
