"""The steps of a recording and what is fixed about each, in the order of the work (spec: assets, per-step policy)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from domain.corrections.gathered import PARTS, Part

Pool = Literal["cpu", "gpu", "llm"]


@dataclass(frozen=True)
class Scaling:
    """A time limit in seconds that grows with the work: tracks, seconds of recording, chunks of words."""

    base: float = 0.0
    per_track: float = 0.0
    per_second: float = 0.0
    per_chunk: float = 0.0

    def seconds(self, tracks: int, duration: float, chunks: int) -> float:
        """Return the limit in seconds for a number of tracks, seconds of recording and chunks of words."""
        return self.base + self.per_track * tracks + self.per_second * duration + self.per_chunk * chunks


@dataclass(frozen=True)
class Step:
    """The facts about one step; all times in seconds.

    `label` names it on pages, `activity` says what is going on meanwhile; a step without a label is an op within an
    asset of several. `timeout` is the least time limit, `scaling` raises it with the work. `grace` lies between the
    interruption of a late step and the end of its process. `retries` come after the first attempt; `backoff` is the
    first delay, which doubles up to `longest_backoff`. `delivered` steps are tried again by a sensor, in runs of their
    own, so that no worker waits for hours. Of waiting steps, those of higher `priority` begin first. `weight` is the
    share in a run's progress. What `needs_audio` can't be made after the audio was deleted. `identity` names the
    resource whose model and parameters are part of the code version. `corrected_by` are the parts of the corrections
    that it reads (domain/corrections/gathered.py).
    """

    timeout: float
    label: str | None = None
    activity: str = ""
    retries: int = 3
    backoff: float = 2.0
    longest_backoff: float | None = None
    delivered: bool = False
    scaling: Scaling | None = None
    grace: float = 5.0
    pool: Pool | None = None
    priority: int = 0
    weight: float = 1.0
    needs_audio: bool = False
    identity: Literal["transcriber", "understanding"] | None = None
    corrected_by: tuple[Part, ...] = ()


# The asset of what people corrected.
CORRECTIONS = "corrections"

_audio = partial(Step, pool="cpu", needs_audio=True)
_llm = partial(Step, backoff=5.0, pool="llm", identity="understanding")

# Words take longest: what leads to them has the highest priority; the mix and its waveform fill the gaps.
STEPS: Mapping[str, Step] = {
    "recording": Step(60, "Read the recording", "Reading the recording", priority=10),
    # Only where something was corrected: it takes no share in a run's progress.
    CORRECTIONS: Step(60, "Gather corrections", "Gathering corrections", priority=10, weight=0),
    "participants": Step(
        *(60, "Look up who took part", "Looking up who took part"), priority=10, corrected_by=("people",)
    ),
    "padded_tracks": _audio(
        300, "Line up the tracks", "Lining up", scaling=Scaling(per_track=300), priority=10, weight=2
    ),
    "mixed_audio": _audio(
        *(600, "Mix the audio", "Mixing the audio"),
        scaling=Scaling(base=300, per_track=60, per_second=0.1),
        priority=2,
        weight=3,
    ),
    "waveform": Step(120, "Draw the waveform", "Drawing the waveform", priority=2, needs_audio=True),
    "transcribe_track": Step(1800, backoff=5.0, pool="gpu", priority=9),
    "track_transcripts": Step(
        *(1800, "Transcribe each track", "Transcribing"),
        priority=9,
        weight=12,
        needs_audio=True,
        identity="transcriber",
    ),
    "merged_words": Step(
        *(60, "Put the words in order", "Putting the words in order"), priority=8, corrected_by=("words",)
    ),
    "topics": _llm(
        *(300, "Find the topics", "Finding the topics"),
        scaling=Scaling(base=60, per_chunk=30),
        priority=7,
        weight=3,
        corrected_by=("topics", "read"),
    ),
    "title": _llm(60, "Find a title", "Finding a title", priority=6, corrected_by=("title",)),
    "summary": _llm(
        300, "Write the summary", "Writing the summary", priority=6, weight=3, corrected_by=("summary", "read")
    ),
    "action_items": _llm(
        *(300, "Find decisions and next steps", "Finding decisions and next steps"),
        priority=5,
        weight=2,
        corrected_by=("action_items", "read"),
    ),
    "transcript": Step(60, "Finish the transcript", "Finishing the transcript", priority=5, corrected_by=PARTS),
    "consent_cleanup": Step(60, "Check consent", "Checking consent", priority=5),
    "zulip_message": Step(60, "Post to Zulip", "Posting to Zulip", retries=5, backoff=5.0, priority=5),
    "webhook_delivery": Step(
        *(60, "Tell other systems", "Telling other systems"),
        retries=30,
        backoff=60.0,
        longest_backoff=3600.0,
        delivered=True,
        priority=5,
    ),
    # In shadow mode only.
    "shadow_comparison": Step(60, "Compare with the old system", "Comparing with the old system", priority=1),
}
NEED_AUDIO = frozenset(name for name, step in STEPS.items() if step.needs_audio)


def reads_uncorrected(asset: str, upstream: str) -> bool:
    """Return True if an asset reads an input without corrections: it applies those that it may read itself."""
    step = STEPS.get(asset)
    return step is not None and step.identity == "understanding" and upstream in {"participants", "merged_words"}
