"""The error tree: transient errors are retried, permanent ones end the step at once."""

from typing import Self

# What is left to say of a recording that was deleted.
DELETED = "the recording was deleted on request"


class ReflectorError(Exception):
    """A failure of one recording, with a message of one line.

    `what` is the problem, `recording` and `track` name what it affects, `hint` is the suggested fix.
    """

    def __init__(
        self, what: str, *, recording: str | None = None, track: str | int | None = None, hint: str | None = None
    ) -> None:
        super().__init__(what)
        self.what, self.recording, self.track, self.hint = what, recording, track, hint

    def at(self, *, recording: str | None = None, track: str | int | None = None) -> Self:
        """Set the recording and track where they are not set yet; return the error."""
        self.recording = self.recording or recording
        self.track = track if self.track is None else self.track
        return self

    def __str__(self) -> str:
        place = [f"recording {self.recording}"] if self.recording else []
        place += [f"track {self.track}"] if self.track is not None else []
        line = f"{', '.join(place)}: {self.what}" if place else self.what
        return f"{line.rstrip('.')}. {self.hint}" if self.hint else line


class TransientError(ReflectorError):
    """A failure worth retrying; `retry_after` is the minimum delay in seconds, if the service gave one."""

    def __init__(
        self,
        what: str,
        *,
        recording: str | None = None,
        track: str | int | None = None,
        hint: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(what, recording=recording, track=track, hint=hint)
        self.retry_after = retry_after


def is_retryable(status: int) -> bool:
    """Return True if a request that got this HTTP status can be retried: 408, 425, 429 and 5xx."""
    return status in {408, 425, 429} or status >= 500


class StepTimeout(TransientError):
    """A step ran past its time limit and was interrupted."""


class PermanentError(ReflectorError):
    """A failure that a retry cannot fix: bad input, bad configuration, access denied."""


class Incomplete(PermanentError):
    """A run lacked parts of an asset's work, or its partition was deleted meanwhile: a new run of the asset has all."""


class InvalidInput(PermanentError):
    """Input from the user or from Daily that does not describe a recording that can be processed."""


class OutOfDate(PermanentError):
    """A change that was made to a state which has changed meanwhile."""


class UnreadableAudio(PermanentError):
    """A file without decodable audio."""


class NotFound(PermanentError):
    """A recording, result or stored object that does not exist."""


class AudioDeleted(PermanentError):
    """The audio of a recording was permanently deleted, on request or because its retention period ended."""

    def __init__(self, reason: str, *, recording: str | None = None, hint: str | None = None) -> None:
        how = "on request" if reason.startswith("consent") else f"({reason})"
        super().__init__(f"the audio of this recording was deleted {how}", recording=recording, hint=hint)


class RecordingDeleted(PermanentError):
    """A recording that was deleted wholly, on request."""

    def __init__(self, *, recording: str | None = None, hint: str | None = None) -> None:
        super().__init__(DELETED, recording=recording, hint=hint)


class InvalidAnswer(PermanentError):
    """A language model's answer that is still invalid after all correction rounds."""


# What Python raises where the program meets something that it wasn't written for.
DEFECTS = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def reason(error: Exception) -> str:
    """Return the reason why a part of a transcript is missing, on one line."""
    if isinstance(error, ReflectorError):
        return str(error)
    what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return f"{what}. This is a defect of the program, not of the recording: please report it."
