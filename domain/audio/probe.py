"""Open audio files, inspect them without decoding, and describe what is wrong with unreadable ones."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av
import av.container
import av.error
from av.audio.stream import AudioStream
from av.packet import Packet

from domain.audio import ebml
from domain.audio.opus import RATE, packet_samples
from domain.audio.strays import corrected
from domain.errors import UnreadableAudio
from domain.recording import Frozen

# A playlist would make FFmpeg open other files and URLs, so only self-contained formats are allowed.
FORMATS = "matroska,webm,ogg,mov,mp4,m4a,wav,w64,rf64,mp3,flac,aac,aiff,caf,amr,mpegts"
WITH_DURATION = {"matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "flac"}
"""Formats with the duration in the header."""
MISSING = 0.5
"""A file counts as truncated if it is shorter than its header says by more than this many seconds."""
HINT = "Replace the file or leave the track out."


class SilentFile(UnreadableAudio):
    """A valid container with an audio stream but no sound, of a participant who never unmuted."""

    @classmethod
    def of(cls, path: Path) -> Self:
        """Return the error for a file."""
        return cls(f"{path.name} has an audio stream and no sound in it")


class Probe(Frozen):
    """Contents of a file; `start` of the first packet and `end` of the last one in seconds."""

    codec: str
    sample_rate: int
    channels: int
    packets: int
    start: float
    end: float
    notes: tuple[str, ...] = ()


class Source:
    """An open file with its first audio stream, and notes about problems found while reading."""

    def __init__(self, path: Path, container: av.container.InputContainer, stream: AudioStream) -> None:
        self.path, self.container, self.stream = path, container, stream
        self.notes: list[str] = []
        self.read = 0
        base = stream.time_base or Fraction(1, av.time_base)
        self._numerator, self._denominator = base.numerator * RATE, base.denominator

    @property
    def codec(self) -> str:
        """FFmpeg's name of the codec."""
        return self.stream.codec_context.name

    @property
    def _is_matroska(self) -> bool:
        return "webm" in self.container.format.name

    @property
    def channels(self) -> int:
        """1 or 2: more channels are mixed down to two."""
        return 1 if self.stream.codec_context.channels == 1 else 2

    @property
    def start(self) -> float:
        """Start of the stream in seconds, from the container."""
        return (self.at(self.stream.start_time) or 0) / RATE

    def at(self, pts: int | None) -> int | None:
        """Convert a timestamp of the stream to samples at 48 kHz."""
        return None if pts is None else (2 * pts * self._numerator // self._denominator + 1) // 2

    def packets(self) -> "Iterator[Packet[Any]]":
        """Yield the packets with data up to the first damage, which is noted; raise SilentFile if there are none."""
        damage: list[str] = []
        position, size, end, strays = 0, 0, 0, 0
        for at, strayed, packet in corrected(self._demuxed(damage)):
            if strayed and at is not None:
                packet.pts = packet.dts = at * self._denominator // self._numerator
                strays += 1
            position, size = max(position, packet.pos or 0), packet.size
            end = (packet.pts or end) + (packet.duration or 0)
            yield packet
        if strays:
            self.notes.append(f"{strays} packets have times that disagree with their neighbours', and are put to them")
        if not self.read and self._is_matroska and len(self.container.streams) == 1 and ebml.has_blocks(self.path):
            raise UnreadableAudio(f"none of the packets in {self.path.name} holds {self.codec} sound", hint=HINT)
        if not self.read:
            raise SilentFile.of(self.path)
        seconds = (self.at(end) or 0) / RATE
        if reason := next(iter(damage), "") or self._truncation(position, size, seconds):
            self.notes.append(f"damaged end: usable until {seconds:.1f} s ({reason})")

    def _demuxed(self, damage: list[str]) -> "Iterator[tuple[int | None, int, Packet[Any]]]":
        """Yield the packets with data, each with its time and length in samples; append what breaks them off."""
        is_opus = self.codec == "opus"
        try:
            for packet in self.container.demux(self.stream):
                if packet.size:
                    self.read += 1
                    length = packet_samples(bytes(packet)) if is_opus else self.at(packet.duration) or 0
                    yield self.at(packet.pts), length, packet
        except av.error.FFmpegError as error:
            damage.append(_reason(error))

    def _truncation(self, position: int, size: int, seconds: float) -> str:
        """Describe what is missing after the last packet, given its offset and size in bytes and its end in seconds."""
        if self._is_matroska and position and ebml.is_truncated_after(self.path, position, size):
            return "the file ends in the middle of a block"
        if self.container.format.name == "wav" and _is_truncated_wav(self.path):
            return "the file is shorter than its header says"
        declared = self._declared()
        return f"its header says {declared:.1f} s" if declared is not None and declared - seconds > MISSING else ""

    def _declared(self) -> float | None:
        """Return the duration in seconds from the header; None if FFmpeg would estimate it."""
        if self.container.format.name not in WITH_DURATION:
            return None
        if self.stream.duration and self.stream.time_base:
            return float(self.stream.duration * self.stream.time_base)
        if self.container.duration and len(self.container.streams) == 1:
            return self.container.duration / av.time_base
        return None


@contextmanager
def open_audio(path: Path) -> Generator[Source]:
    """Open a file at its first audio stream; raise UnreadableAudio, SilentFile or OSError."""
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise UnreadableAudio(f"{path.name} is empty (0 bytes)", hint=HINT)
    try:
        container = av.open(str(path), options={"format_whitelist": FORMATS, "protocol_whitelist": "file"})
    except av.error.FFmpegError as error:
        # FFmpeg rejects files that consist of a header only, as from participants who never unmuted.
        if ebml.declares_audio(path) if head.startswith(ebml.HEADER) else b"OpusHead" in head[:128]:
            raise SilentFile.of(path) from error
        raise UnreadableAudio(
            f"{path.name} is not an audio file that can be read ({_reason(error)})", hint=HINT
        ) from error
    with container:
        audio, video = container.streams.audio, container.streams.video
        if not audio:
            raise UnreadableAudio(f"{path.name} holds no audio{', only video' if video else ''}", hint=HINT)
        codec: Any = audio[0].codec_context
        if codec is None:
            raise UnreadableAudio(f"{path.name} holds audio in an unknown codec", hint=HINT)
        source = Source(path, container, audio[0])
        if len(audio) > 1:
            source.notes.append(f"holds {len(audio)} audio streams: the first one is used")
        if video:
            source.notes.append("holds video, which is left out")
        yield source


def probe(path: Path) -> Probe:
    """Read all packets of an audio file without decoding them; raise UnreadableAudio or SilentFile."""
    with open_audio(path) as source:
        is_opus = source.codec == "opus"
        start = end = last = None
        for packet in source.packets():
            at = source.at(packet.pts)
            at = (end or 0) if at is None else at
            length = packet_samples(bytes(packet)) if is_opus else source.at(packet.duration) or 0
            start = at if start is None else min(start, at)
            end, last = max(end or 0, at + length), packet
        codec = source.stream.codec_context
        return Probe(
            codec=source.codec,
            sample_rate=codec.sample_rate,
            channels=codec.channels,
            packets=source.read,
            start=(start or 0) / RATE,
            end=((end or 0) - (trimmed(last) if last is not None and is_opus else 0)) / RATE,
            notes=tuple(source.notes),
        )


def _is_truncated_wav(path: Path) -> bool:
    """Return True if a RIFF file is shorter than its size field; 0 and all ones mean an unknown size."""
    with path.open("rb") as file:
        head = file.read(8)
    size = int.from_bytes(head[4:], "little")
    return head[:4] == b"RIFF" and 0 < size < 0xFFFFFFFF and size + 8 > path.stat().st_size + 1


def trimmed(packet: "Packet[Any]") -> int:
    """Return how many samples at the end of a packet decoders discard: the encoder's padding at the end of a file."""
    if not packet.has_sidedata("skip_samples"):
        return 0
    return int.from_bytes(bytes(packet.get_sidedata("skip_samples"))[4:8], "little")


def _reason(error: av.error.FFmpegError) -> str:
    """Return FFmpeg's message without the path and the error number."""
    return (error.strerror or type(error).__name__).lower()
