"""Pad a track to a WebM/Opus file whose sample n is second n / 48000 of the recording, in any decoder."""
# pyright: reportUnknownMemberType=false
# PyAV's stubs leave some parameters open.

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from domain.audio.opus import RATE, STEP, Head, Timeline, is_stereo, packet_samples, silence
from domain.audio.probe import HINT, SilentFile, Source, open_audio, trimmed
from domain.errors import UnreadableAudio
from domain.recording import Frozen

BEGINS_AT_ZERO = 0.2
"""Seconds: a container that starts before this has no offset, or has lost it."""
NAMED_LATER = 1.0
"""Seconds by which the name's offset must exceed the container's to be used."""
LAYOUT = {1: "mono", 2: "stereo"}
BIT_RATE = {1: 32_000, 2: 48_000}
"""Bits per second of encoded tracks: an hour stays below the limit of 25 MB of speech services."""
_SAMPLES = Fraction(1, RATE)


class Padding(Frozen):
    """Result of padding; `duration`, `start` and `silence` in seconds, `gaps` counts silences after the start."""

    duration: float
    start: float
    silence: float
    gaps: int
    packets: int
    copied: bool
    notes: tuple[str, ...] = ()


def pad(source: Path, target: Path, *, name_offset: float | None = None) -> Padding:
    """Write a track to `target` on the recording's clock; the same input gives the same bytes.

    Opus packets are copied, with packets of silence inserted in the gaps of the source's clock; other codecs are
    decoded, padded and encoded. `name_offset` is the offset in the file's name in seconds, used only if the container
    starts at 0. Raise SilentFile or UnreadableAudio.
    """
    with open_audio(source) as opened:
        shift = _shift(opened, name_offset)
        head = Head.parse(opened.stream.codec_context.extradata) if opened.codec == "opus" else None
        if head is not None and head.family == 0:
            return _copy(opened, target, head, shift)
        return _encode(opened, target, shift)


def silent_track(target: Path, seconds: float) -> None:
    """Write a silent mono WebM/Opus file, rounded to 2.5 ms: the track of a participant who never spoke."""
    with _webm(target) as container:
        stream = _opus_stream(container, 1)
        head = Head.parse(stream.codec_context.extradata)
        pre_skip = head.pre_skip if head else 0
        writer = _Writer(container, stream, pre_skip)
        writer.put_silence(round((seconds * RATE + pre_skip) / STEP) * STEP, stereo=False)


def _shift(source: Source, name_offset: float | None) -> int:
    """Return by how many samples to delay a track against its container, and note it unless it is 0."""
    start = source.start
    if name_offset is None or start >= BEGINS_AT_ZERO or name_offset - start <= NAMED_LATER:
        return 0
    source.notes.append(f"the container begins at {start:.3f} s: placed at {name_offset:.3f} s, as its name says")
    return round(name_offset * RATE) - round(start * RATE)


def _copy(source: Source, target: Path, head: Head, shift: int) -> Padding:
    """Pad Opus without decoding it."""
    timeline, invalid, last = Timeline(head.pre_skip + shift), 0, None

    def packets() -> Iterator[tuple[int | None, int, tuple[Any, bytes, int]]]:
        nonlocal invalid
        for packet in source.packets():
            data = bytes(packet)
            if samples := packet_samples(data):
                yield source.at(packet.pts), samples, (packet, data, samples)
            else:
                invalid += 1

    with _webm(target) as container:
        writer = _Writer(container, container.add_stream_from_template(source.stream), head.pre_skip)
        for missing, (packet, data, samples) in timeline.place(packets()):
            if missing:
                writer.put_silence(missing, stereo=is_stereo(data))
            writer.put(packet, samples)
            last = packet
    if last is None:
        raise UnreadableAudio(f"{source.path.name}: none of its {source.read} packets is Opus", hint=HINT)
    if invalid:
        source.notes.append(f"{invalid} of {source.read} packets are no Opus and are left out")
    if timeline.dropped:
        source.notes.append(f"{timeline.dropped} packets lie under others and are left out")
    if timeline.resets:
        source.notes.append(f"timestamps were reset {timeline.resets} times: what follows goes on where the sound was")
    return Padding(
        duration=(timeline.clock - head.pre_skip - trimmed(last)) / RATE,
        start=(timeline.start or 0) / RATE,
        silence=timeline.inserted / RATE,
        gaps=timeline.gaps,
        packets=source.read,
        copied=True,
        notes=tuple(source.notes),
    )


def _encode(source: Source, target: Path, shift: int) -> Padding:
    """Pad a track of another codec: decode it, fill its gaps and encode it."""
    # Only this path needs numpy, whose import takes longer than padding an hour of Opus.
    import numpy as np  # noqa: PLC0415

    from domain.audio.decoding import chunks  # noqa: PLC0415

    channels = source.channels
    clock = start = filled = gaps = 0
    with _webm(target) as container:
        stream = _opus_stream(container, channels)

        def write(samples: Any) -> None:
            nonlocal clock
            frame = AudioFrame.from_ndarray(samples, format="fltp", layout=LAYOUT[channels])
            frame.sample_rate, frame.time_base, frame.pts = RATE, _SAMPLES, clock
            clock += samples.shape[1]
            container.mux(stream.encode(frame))

        for at, samples in chunks(source):
            missing = max(0, at + shift - clock)
            if clock == 0:
                start = missing
            elif missing:
                gaps += 1
            filled += missing
            for _ in range(missing // RATE):
                write(np.zeros((channels, RATE), dtype=np.float32))
            for rest in (np.zeros((channels, missing % RATE), dtype=np.float32), samples):
                # The chunk that marks the end is empty, which the encoder would reject.
                if rest.size:
                    write(rest)
        container.mux(stream.encode(None))
    if not clock:
        # Shorter than a sample at 48 kHz.
        raise SilentFile.of(source.path)
    return Padding(
        duration=clock / RATE,
        start=start / RATE,
        silence=filled / RATE,
        gaps=gaps,
        packets=source.read,
        copied=False,
        notes=tuple(source.notes),
    )


class _Writer:
    """Writes consecutive packets to a WebM file."""

    def __init__(self, container: OutputContainer, stream: AudioStream, pre_skip: int) -> None:
        self._container, self._stream = container, stream
        # The samples that decoders skip come before 0.
        self._clock = -pre_skip

    def put(self, packet: "Packet[Any]", samples: int) -> None:
        packet.stream, packet.time_base = self._stream, _SAMPLES
        packet.pts = packet.dts = self._clock
        packet.duration = samples
        self._container.mux_one(packet)
        self._clock += samples

    def put_silence(self, samples: int, *, stereo: bool) -> None:
        for data, length in silence(samples, stereo=stereo):
            self.put(Packet(data), length)


@contextmanager
def _webm(target: Path) -> Generator[OutputContainer]:
    """Open a WebM file for writing, without random ids and versions, as its hash is its data version."""
    with av.open(str(target), "w", format="webm", options={"fflags": "+bitexact"}) as container:
        yield container


def _opus_stream(container: OutputContainer, channels: int) -> AudioStream:
    """Add an Opus stream and open its encoder, so that its header is known."""
    stream = container.add_stream("libopus", rate=RATE, layout=LAYOUT[channels], options={"application": "voip"})
    stream.bit_rate, stream.time_base = BIT_RATE[channels], _SAMPLES
    container.start_encoding()
    return stream
