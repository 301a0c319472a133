"""Opening audio files: what is in one, without decoding it, and what is wrong with one that can't be read."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.container
import av.error
from av.audio.stream import AudioStream
from av.packet import Packet

from domain.audio import ebml
from domain.audio.opus import RATE, packet_samples
from domain.errors import UnreadableAudio
from domain.recording import Frozen

# A playlist would make FFmpeg open other files and URLs: only formats that hold the sound themselves.
FORMATS = "matroska,webm,ogg,mov,mp4,m4a,wav,w64,rf64,mp3,flac,aac,aiff,caf,amr,mpegts"
TELLING = {"matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "flac"}
"""Formats whose header says how long the sound is."""
MISSING = 0.5
"""Seconds that may be missing at the end, compared with what the header says, before it counts as cut."""


HINT = "Replace the file or leave the track out."


class SilentFile(UnreadableAudio):
    """A valid container with an audio stream and no packets: a participant who never said a word."""


class Probe(Frozen):
    """What a file holds. `start` and `end` in seconds are where its first packet begins and its last one ends."""

    codec: str
    sample_rate: int
    channels: int
    packets: int
    start: float
    end: float
    notes: tuple[str, ...] = ()


class Source:
    """An open file: its first audio stream, and what was noticed while reading it."""

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
        """1 or 2: what has more channels is mixed down to two."""
        return 1 if self.stream.codec_context.channels == 1 else 2

    @property
    def start(self) -> float:
        """Where the container says that the sound begins, in seconds."""
        return (self.at(self.stream.start_time) or 0) / RATE

    def at(self, pts: int | None) -> int | None:
        """Turn a timestamp of the stream into samples at 48 kHz."""
        return None if pts is None else (2 * pts * self._numerator // self._denominator + 1) // 2

    def packets(self) -> "Iterator[Packet[Any]]":
        """Yield the packets that hold data; damage ends it with a note. Raises SilentFile when there are none."""
        demuxed = self.container.demux(self.stream)
        damage, position, size, end = "", 0, 0, 0
        while True:
            try:
                packet = next(demuxed, None)
            except av.error.FFmpegError as error:
                damage = _plain(error)
                break
            if packet is None:
                break
            if packet.size:
                self.read += 1
                position, size = packet.pos or 0, packet.size
                end = (packet.pts or end) + (packet.duration or 0)
                yield packet
        if not self.read and self._is_matroska and len(self.container.streams) == 1 and ebml.has_blocks(self.path):
            raise UnreadableAudio(f"none of the packets in {self.path.name} holds {self.codec} sound", hint=HINT)
        if not self.read:
            raise SilentFile(f"{self.path.name} has an audio stream and no sound in it")
        seconds = (self.at(end) or 0) / RATE
        if damage := damage or self._cut(position, size, seconds):
            self.notes.append(f"damaged end: usable until {seconds:.1f} s ({damage})")

    def _cut(self, position: int, size: int, seconds: float) -> str:
        """Say what is missing behind the last packet, by its place and size in bytes and its end in seconds."""
        if self._is_matroska and position and ebml.is_cut_after(self.path, position, size):
            return "the file ends in the middle of a block"
        if self.container.format.name == "wav" and _is_cut_wave(self.path):
            return "the file is shorter than its header says"
        declared = self._declared()
        return f"its header says {declared:.1f} s" if declared is not None and declared - seconds > MISSING else ""

    def _declared(self) -> float | None:
        """Return the length in seconds that the header gives; None where FFmpeg would be guessing."""
        if self.container.format.name not in TELLING:
            return None
        if self.stream.duration and self.stream.time_base:
            return float(self.stream.duration * self.stream.time_base)
        if self.container.duration and len(self.container.streams) == 1:
            return self.container.duration / av.time_base
        return None


@contextmanager
def open_audio(path: Path) -> Generator[Source]:
    """Open a file at its first audio stream; raises UnreadableAudio, SilentFile, and OSError as for any file."""
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise UnreadableAudio(f"{path.name} is empty (0 bytes)", hint=HINT)
    try:
        container = av.open(str(path), options={"format_whitelist": FORMATS, "protocol_whitelist": "file"})
    except av.error.FFmpegError as error:
        # FFmpeg refuses files that end with their header, as those of who never unmuted do.
        if ebml.declares_audio(path) if head.startswith(ebml.HEADER) else b"OpusHead" in head[:128]:
            raise SilentFile(f"{path.name} has an audio stream and no sound in it") from error
        raise UnreadableAudio(
            f"{path.name} is not an audio file that can be read ({_plain(error)})", hint=HINT
        ) from error
    with container:
        audio, video = container.streams.audio, container.streams.video
        if not audio:
            raise UnreadableAudio(f"{path.name} holds no audio{', only video' if video else ''}", hint=HINT)
        codec: Any = audio[0].codec_context
        if codec is None:
            raise UnreadableAudio(f"{path.name} holds audio of a kind that can't be decoded", hint=HINT)
        source = Source(path, container, audio[0])
        if len(audio) > 1:
            source.notes.append(f"holds {len(audio)} audio streams: the first one is used")
        if video:
            source.notes.append("holds video, which is left out")
        yield source


def probe(path: Path) -> Probe:
    """Say what an audio file holds, reading every packet and decoding none; raises UnreadableAudio, SilentFile."""
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


def _is_cut_wave(path: Path) -> bool:
    """Say whether a RIFF file is shorter than its first size field says; 0 and all ones are a live writer's."""
    with path.open("rb") as file:
        head = file.read(8)
    size = int.from_bytes(head[4:], "little")
    return head[:4] == b"RIFF" and 0 < size < 0xFFFFFFFF and size + 8 > path.stat().st_size + 1


def trimmed(packet: "Packet[Any]") -> int:
    """Return how many samples at the end of a packet decoders throw away: the encoder's filling at a file's end."""
    if not packet.has_sidedata("skip_samples"):
        return 0
    return int.from_bytes(bytes(packet.get_sidedata("skip_samples"))[4:8], "little")


def _plain(error: av.error.FFmpegError) -> str:
    """Say what FFmpeg said, without its path and number."""
    return (error.strerror or type(error).__name__).lower()
