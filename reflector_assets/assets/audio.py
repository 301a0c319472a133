"""Audio: padded tracks, their mix, and its waveform."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import dagster as dg

from domain.audio.waveform_svg import waveform_markdown
from domain.errors import PermanentError, UnreadableAudio
from domain.recording import Recording, Track, folder
from domain.results import NO_TRACKS, MixedAudio, PaddedTrack, PaddedTracks, Waveform
from reflector_assets.assets.asset import check, page_link, recording_asset, result
from reflector_assets.assets.step import step
from reflector_assets.policies import timeout_for
from resources.source import Source
from resources.store.base import Store
from resources.store.erasure import using_audio


@recording_asset(
    revision=1,
    group="audio",
    kinds={"python", "opus"},
    checks=[("every_track_padded", "Every audio track of the recording has a padded track with sound in it.")],
)
def padded_tracks(
    context: dg.AssetExecutionContext, recording: Recording, source: Source, store: Store
) -> dg.MaterializeResult[PaddedTracks]:
    """One WebM/Opus file per track, aligned with the recording: a late start and muted gaps are filled with silence."""
    from domain.audio.padding import Padding, pad, silent_track  # noqa: PLC0415 - NumPy and PyAV take 0.4 s to load
    from domain.audio.probe import SilentFile  # noqa: PLC0415 - the same

    keys = {track.index: f"{folder(recording.id)}/tracks/{track.index}.webm" for track in recording.tracks}

    def pad_track(track: Track) -> PaddedTrack:
        key = keys[track.index]
        with source.track(recording, track) as original, store.new_file(key) as target:
            try:
                made = pad(original, target, name_offset=track.offset_s)
            except SilentFile:
                seconds = recording.duration or 1.0
                silent_track(target, seconds)
                made = Padding(
                    duration=seconds,
                    start=0.0,
                    silence=seconds,
                    gaps=0,
                    packets=0,
                    copied=False,
                    notes=("holds no sound, taken as silent",),
                )
            except UnreadableAudio as error:
                raise error.at(recording=recording.id, track=track.index) from None
        stored = store.stat(key)
        return PaddedTrack(
            index=track.index,
            participant_id=track.participant_id,
            speaker=recording.speakers()[track.participant_id],
            key=key,
            sha256=stored.sha256,
            bytes=stored.bytes,
            duration=made.duration,
            start=made.start,
            silence=made.silence,
            gaps=made.gaps,
            language=recording.language,
            notes=made.notes,
            vocabulary=recording.vocabulary,
        )

    with (
        step(context, "padded_tracks", seconds=timeout_for("padded_tracks", tracks=len(recording.tracks))) as work,
        using_audio(store, recording.id, list(keys.values())),
    ):
        if recording.taken_over:
            raise PermanentError(NO_TRACKS)
        with ThreadPoolExecutor(max_workers=4, thread_name_prefix="pad") as pool:
            tracks = tuple(pool.map(pad_track, recording.tracks))
        for key in set(store.list_keys(f"{folder(recording.id)}/tracks")) - {track.key for track in tracks}:
            # This folder also has the words of each track, which belong to another asset.
            if key.endswith(".webm"):
                store.delete(key)
    measured = max((track.duration for track in tracks), default=0.0)
    # Daily's duration takes precedence because users and bills show it; the metadata also has the measured one.
    value = PaddedTracks(
        duration=recording.duration if recording.duration is not None else measured,
        duration_source="daily" if recording.duration is not None else "tracks",
        tracks=tracks,
    )
    missing = [f"track {t.index}: no padded track" for t in recording.tracks[len(tracks) :]]
    remarks = [f"track {t.index}: {note}" for t in tracks for note in t.notes]
    rows = "\n".join(
        f"| {t.index} | {t.speaker} | {t.start:.2f} | {t.duration:.2f} | {t.silence:.1f} | {t.gaps} | {t.bytes:,} |"
        for t in tracks
    )
    return result(
        value,
        work,
        {
            "duration_s": value.duration,
            "duration_measured_s": round(measured, 3),
            "duration_source": value.duration_source,
            "stored_tracks": [track.key for track in tracks],
            "tracks": dg.MetadataValue.md(
                "| track | speaker | starts at s | length s | silence s | gaps | bytes |\n"
                f"| --- | --- | --- | --- | --- | --- | --- |\n{rows}"
            ),
        },
        [
            check(
                "every_track_padded",
                missing + remarks,
                {"tracks": len(tracks), "expected": len(recording.tracks)},
                warn=not missing,
            )
        ],
    )


@recording_asset(revision=1, group="audio", kinds={"python", "mp3"})
def mixed_audio(
    context: dg.AssetExecutionContext, padded_tracks: PaddedTracks, store: Store
) -> dg.MaterializeResult[MixedAudio]:
    """The meeting as one stereo MP3 of all tracks; the peaks are computed in the same pass."""
    from domain.audio.mixdown import mix  # noqa: PLC0415 - NumPy and PyAV take 0.4 s to load

    recording_id = context.partition_key
    key = f"{folder(recording_id)}/audio.mp3"
    seconds = timeout_for("mixed_audio", tracks=len(padded_tracks.tracks), duration=padded_tracks.duration)
    with (
        step(context, "mixed_audio", seconds=seconds) as work,
        using_audio(store, recording_id, [key]),
        ExitStack() as stack,
    ):
        padded_tracks.check_there()
        paths = [stack.enter_context(store.local(track.key)) for track in padded_tracks.tracks]
        with store.new_file(key) as target:
            made = mix(paths, target, duration=padded_tracks.duration)
        stored = store.stat(key)
    return result(
        MixedAudio(key=key, sha256=stored.sha256, bytes=stored.bytes, duration=made.duration, peaks=made.peaks),
        work,
        {
            "duration_s": padded_tracks.duration,
            "duration_measured_s": round(made.duration, 3),
            "duration_source": padded_tracks.duration_source,
            "bytes": stored.bytes,
            "stored_audio": key,
            "audio": page_link(recording_id, "/audio"),
            "audio_file": dg.PathMetadataValue(store.location(key)),
        },
    )


@recording_asset(revision=1, group="audio", kinds={"python", "json"})
def waveform(context: dg.AssetExecutionContext, mixed_audio: MixedAudio) -> dg.MaterializeResult[Waveform]:
    """255 peaks of the mix, 0 to 1, for the player's waveform."""
    with step(context, "waveform") as work:
        value = Waveform(mixed_audio.peaks)
    return result(
        value,
        work,
        {
            "peaks": len(value.root),
            "loudest": max(value.root, default=0.0),
            "picture": dg.MetadataValue.md(waveform_markdown(value.root)),
        },
    )
