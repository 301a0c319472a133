"""Transcription: one step per padded track, joined, then merged into one table of words."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from domain import vocabulary
from domain.corrections import spoken
from domain.corrections.gathered import Corrections
from domain.errors import Incomplete, NotFound
from domain.recording import Participants, folder, value_key
from domain.results import PaddedTrack, PaddedTracks, TrackTranscript, TrackTranscripts, TranscribedTrack
from domain.text import words
from domain.text.captions import plain
from domain.text.table import Table
from reflector_assets import tags
from reflector_assets.assets.asset import OWNERS, check, code_version, conflicting, for_run, recording_asset, result
from reflector_assets.assets.step import step
from reflector_assets.io_manager import data_version
from reflector_assets.partitions import recordings
from reflector_assets.policies import op_tags, policies, retry_policy
from resources import usage
from resources.call_cache import CallCache
from resources.results.originals import read_words
from resources.store.base import Store
from resources.store.erasure import using_audio
from resources.transcription import cached, meeting_language
from resources.transcription.base import TrackAudio, Transcriber

REVISION = 2
COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("word", "string"),
        dg.TableColumn("start", "float", "seconds after the recording's start"),
        dg.TableColumn("end", "float", "seconds after the recording's start"),
        dg.TableColumn("speaker", "int", "as in the participants"),
        dg.TableColumn("confidence", "float", "0 to 1"),
    ]
)
# The usage of a track's step that the join sums up.
USAGE = ("wall_seconds", "cpu_seconds", "gpu_seconds", "bytes_read", "bytes_written")


@dg.op(
    # Only the order depends on it: a name that is corrected later makes no transcript stale.
    ins={"participants": dg.In(dg.Nothing)},
    out=dg.DynamicOut(PaddedTrack),
    retry_policy=retry_policy("transcribe_track"),
)
def each_track(
    context: dg.OpExecutionContext, padded_tracks: PaddedTracks, store: Store
) -> Iterator[dg.DynamicOutput[PaddedTrack]]:
    """Yield the padded tracks, each to be transcribed in a step of its own, with the names to expect."""
    with step(context, "track_transcripts"):
        padded_tracks.check_there()
        names = _names(store, context.partition_key)
    for track in padded_tracks.tracks:
        expected = track.model_copy(update={"vocabulary": (*track.vocabulary, *names)})
        yield dg.DynamicOutput(expected, mapping_key=str(track.index))


def _names(store: Store, recording_id: str) -> list[str]:
    """Return the participants' names; none if they were never looked up."""
    try:
        content = store.read(value_key("participants", recording_id))
    except NotFound:
        return []
    return vocabulary.names(Participants.model_validate_json(content))


@dg.op(
    retry_policy=retry_policy("transcribe_track"),
    tags=op_tags("transcribe_track"),
    pool=policies()["transcribe_track"].pool,
)
def transcribe_track(
    context: dg.OpExecutionContext,
    track: PaddedTrack,
    padded_tracks: PaddedTracks,
    transcriber: Transcriber,
    call_cache: CallCache,
    store: Store,
) -> TranscribedTrack:
    """Transcribe one padded track into words with times relative to the recording's start."""
    recording_id = context.partition_key
    transcriber = transcriber.for_track(track.language, track.vocabulary)
    # Those who were unmuted longest have probably spoken most.
    others = sorted((t for t in padded_tracks.tracks if t.index != track.index), key=lambda t: t.silence - t.duration)
    with step(context, "transcribe_track", track=track.index) as work, using_audio(store, recording_id):
        audio = _audio(store, track)
        language = meeting_language.choose(transcriber, audio, (_audio(store, other) for other in others))
        transcription, from_cache = cached.transcribe(
            transcriber.with_language(language.language),
            for_run(context, call_cache),
            audio,
            speaker=track.speaker,
            recording=recording_id,
            track=track.index,
        )
        stored = store.write(
            f"{folder(recording_id)}/tracks/{track.index}.words.parquet",
            words.to_parquet(words.table(transcription.words)),
        )
    used: dict[str, Any] = {"gpu_seconds": transcription.gpu_seconds, **work.metadata, **usage.take()}
    context.add_output_metadata(
        {
            "words": len(transcription.words),
            "speech_s": round(transcription.speech, 1),
            "language": transcription.language,
            "language_chosen_by": language.by,
            **({"language_certainty": language.certainty} if language.certainty is not None else {}),
            "vocabulary": ", ".join(transcriber.vocabulary) or transcriber.without_vocabulary,
            "kept_from_an_earlier_call": from_cache,
            **({"notes": "\n".join(transcription.notes)} if transcription.notes else {}),
            **used,
        }
    )
    return TranscribedTrack(
        transcript=TrackTranscript(
            index=track.index,
            speaker=track.speaker,
            key=stored.key,
            sha256=stored.sha256,
            words=len(transcription.words),
            language=transcription.language,
            speech=round(transcription.speech, 3),
        ),
        kept=from_cache,
        notes=transcription.notes,
        vocabulary=tuple(transcriber.vocabulary),
        **{name: used[name] for name in USAGE},
    )


def _audio(store: Store, track: PaddedTrack) -> TrackAudio:
    return TrackAudio(store, track.key, track.sha256, track.duration)


@dg.op(retry_policy=retry_policy("track_transcripts"))
def join_transcripts(
    context: dg.OpExecutionContext, padded_tracks: PaddedTracks, transcribed: list[TranscribedTrack], store: Store
) -> dg.Output[TrackTranscripts]:
    """Collect the transcripts of all tracks into one result."""
    with step(context, "track_transcripts") as work:
        if missing := sorted({t.index for t in padded_tracks.tracks} - {t.transcript.index for t in transcribed}):
            # When a run is re-executed from its failure, Dagster leaves out mapped steps that had not begun.
            raise Incomplete(
                f"the transcripts of tracks {', '.join(map(str, missing))} are missing",
                hint="The sensor keep_up_to_date requests the whole asset again, as `reflector run ID` does.",
            )
        value = TrackTranscripts(
            duration=padded_tracks.duration,
            expected=len(padded_tracks.tracks),
            tracks=tuple(sorted((t.transcript for t in transcribed), key=lambda t: t.index)),
        )
        _delete_outputs_of_earlier_runs(context, store)
    # The tracks run in parallel: the wall time of all is at least that of the longest.
    tracks: dict[str, float] = {name: sum(getattr(t, name) for t in transcribed) for name in USAGE}
    tracks["wall_seconds"] = max((t.wall_seconds for t in transcribed), default=0.0)
    own = work.metadata
    notes = [f"track {t.transcript.index}: {note}" for t in transcribed for note in t.notes]
    rows = "\n".join(f"| {t.index} | {t.speaker} | {t.words} | {t.speech} | {t.language} |" for t in value.tracks)
    # The join is an op, whose output can't have a data version without a warning.
    context.set_data_version(dg.AssetKey("track_transcripts"), data_version(value))
    expected = ", ".join(dict.fromkeys(term for t in transcribed for term in t.vocabulary))
    return dg.Output(
        value,
        metadata={
            "words": sum(t.words for t in value.tracks),
            "speech_s": round(sum(t.speech for t in value.tracks), 1),
            "tracks_kept_from_an_earlier_call": sum(t.kept for t in transcribed),
            "tracks": dg.MetadataValue.md(
                f"| track | speaker | words | speech s | language |\n| --- | --- | --- | --- | --- |\n{rows}"
            ),
            **({"vocabulary": expected} if expected else {}),
            **({"notes": "\n".join(notes)} if notes else {}),
            **own,
            "wall_seconds": round(own["wall_seconds"] + tracks["wall_seconds"], 3),
            "cpu_seconds": round(own["cpu_seconds"] + tracks["cpu_seconds"], 3),
            "gpu_seconds": round(tracks["gpu_seconds"], 3),
            # Without these, the amounts above are the join's own.
            **{f"tracks_{name}": round(amount, 3) for name, amount in tracks.items()},
        },
    )


def _delete_outputs_of_earlier_runs(context: dg.OpExecutionContext, store: Store) -> None:
    """Delete the intermediate values that the track steps of earlier runs stored.

    Those of the runs that this run resumes stay: it reads them, and steps of a killed run can outlive it for a while.
    """
    root = context.run.root_run_id or context.run.run_id
    resumed = context.instance.get_runs(dg.RunsFilter(tags={tags.ROOT_RUN: root}))
    needed = {root, context.run.run_id, *(run.run_id for run in resumed)}
    steps = f"{folder(context.partition_key)}/steps/"
    for key in store.list_keys(steps):
        if key.removeprefix(steps).split("/", 1)[0] not in needed:
            store.delete(key)


@dg.graph_asset(  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
    partitions_def=recordings,
    group_name="transcription",
    kinds={"python", "whisper"},
    owners=OWNERS,
    code_version=code_version("track_transcripts", REVISION),
)
def track_transcripts(padded_tracks: PaddedTracks, participants: None) -> TrackTranscripts:
    """The words of every track, transcribed in parallel with one step per track."""
    tracks = each_track(padded_tracks=padded_tracks, participants=participants)
    transcribed = tracks.map(
        lambda track: transcribe_track(track, padded_tracks)  # pyright: ignore[reportUnknownArgumentType] - the same
    )
    return join_transcripts(padded_tracks, transcribed.collect())


@recording_asset(
    revision=1,
    group="transcription",
    kinds={"python", "pandas"},
    checks=[
        ("every_track_transcribed", "Each padded track has a transcript."),
        ("times_inside_the_recording", "Word times are ordered and lie inside the recording."),
        ("speech_present", "The recording has words."),
        ("every_speaker_heard", "Every speaker with two seconds of speech or more has words."),
    ],
)
def merged_words(
    context: dg.AssetExecutionContext, track_transcripts: TrackTranscripts, corrections: Corrections, store: Store
) -> dg.MaterializeResult[Table]:
    """All words of all speakers in one table, by start time: word, start (s), end (s), speaker, confidence."""
    uncorrected: Table | None = None
    conflicts: list[str] = []
    with step(context, "merged_words") as work:
        tracks = track_transcripts.tracks
        table = read_words(track_transcripts, store)
        if edits := corrections.of("words"):
            uncorrected = table
            found = spoken.apply(words.words(table), edits, track_transcripts.duration)
            table, conflicts = words.table(found.words), found.conflicts
    said = "\n".join(map(plain, words.text(table)[:1500].splitlines()))
    span = {
        "first_word_s": round(float(table["start"].min()), 2) if len(table) else None,
        "last_word_s": round(float(table["end"].max()), 2) if len(table) else None,
    }
    return result(
        table,
        work,
        {
            "words": len(table),
            "dagster/row_count": len(table),
            "dagster/column_schema": COLUMNS,
            "speakers": int(table["speaker"].nunique()),
            **span,
            "mean_confidence": round(float(table["confidence"].mean()), 3) if len(table) else None,
            "preview": dg.MetadataValue.md(f"{said} ..." if len(table) else "*no words*"),
            **conflicting(conflicts),
        },
        [
            check(
                "every_track_transcribed",
                _missing(track_transcripts),
                {"tracks": len(tracks), "expected": track_transcripts.expected},
            ),
            check(
                "times_inside_the_recording",
                _bad_times(table, track_transcripts.duration),
                {"duration_s": track_transcripts.duration, **span},
            ),
            check("speech_present", [] if len(table) else ["no words at all"], {"words": len(table)}, warn=True),
            check(
                "every_speaker_heard",
                _unheard(tracks),
                {
                    "speakers": int(table["speaker"].nunique()),
                    "speech_s": round(sum(track.speech for track in tracks), 1),
                },
                warn=True,
            ),
        ],
        uncorrected=uncorrected,
    )


def _missing(transcripts: TrackTranscripts) -> list[str]:
    indices = {track.index for track in transcripts.tracks}
    return [f"track {index} is missing" for index in range(transcripts.expected) if index not in indices]


def _bad_times(table: Table, duration: float) -> list[str]:
    # Daily's duration is in whole seconds and can be slightly shorter than the audio.
    late = table[(table["end"] > duration + 2.0) | (table["start"] < 0)]
    backwards = table[table["end"] < table["start"]]
    problems = [f"{w.word!r} at {w.start:.2f} s lies outside of 0..{duration:.2f} s" for w in late.head(5).itertuples()]
    problems += [f"{w.word!r} at {w.start:.2f} s ends before it begins" for w in backwards.head(5).itertuples()]
    if not table["start"].is_monotonic_increasing:
        problems.append("the words are not ordered by start")
    return problems


def _unheard(tracks: tuple[TrackTranscript, ...]) -> list[str]:
    speech: dict[int, float] = {}
    spoken: dict[int, int] = {}
    for track in tracks:
        speech[track.speaker] = speech.get(track.speaker, 0.0) + track.speech
        spoken[track.speaker] = spoken.get(track.speaker, 0) + track.words
    return [
        f"speaker {speaker}: {seconds:.1f} s of speech and no words"
        for speaker, seconds in sorted(speech.items())
        if seconds >= 2.0 and not spoken[speaker]
    ]
