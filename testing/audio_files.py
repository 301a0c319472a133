"""Functions that create audio files, and that measure what a listener hears in them."""

# pyright: basic

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

RATE = 48_000
PRE_SKIP = 312
SAMPLES = Fraction(1, RATE)
LAYOUT = {1: "mono", 2: "stereo", 6: "5.1"}

CLUSTER = b"\x1f\x43\xb6\x75"

Sound = NDArray[np.float32]


def chirp(rate: int = RATE) -> Sound:
    """Return an upward sweep of 60 ms, which can be located to a sample."""
    t = np.arange(int(0.06 * rate)) / rate
    return (np.sin(2 * np.pi * (300 * t + 25_000 * t**2)) * np.hanning(t.size)).astype(np.float32)


def chirps(seconds: float, times: Sequence[float], *, level: float = 0.5, rate: int = RATE, channels: int = 1) -> Sound:
    """Return sound of shape (channels, samples): faint noise, and a chirp at each time."""
    sound = np.random.default_rng(1).standard_normal(int(seconds * rate)).astype(np.float32) * 1e-4
    for time in times:
        at, one = round(time * rate), chirp(rate) * level
        sound[at : at + one.size] += one[: max(0, sound.size - at)]
    return np.repeat(sound[None], channels, axis=0)


def babble(seconds: float, *, seed: int = 0) -> Sound:
    """Return sound of shape (1, samples) that an encoder treats as speech: a pulsed tone modulated by slow noise."""
    rng = np.random.default_rng(seed)
    n = int(seconds * RATE)
    knots = np.arange(0, n + 4800, 4800)
    loudness = np.abs(np.interp(np.arange(n), knots, rng.standard_normal(knots.size)))
    voice = np.sin(2 * np.pi * 140 * np.arange(n) / RATE) ** 15 + rng.standard_normal(n) * 0.05
    return (0.2 * loudness * voice).clip(-0.9, 0.9).astype(np.float32)[None]


def opus_track(
    path: Path,
    sound: Sound,
    *,
    start: float = 0.0,
    lost: Callable[[int], bool] = lambda _: False,
    stamp: Callable[[int, int], int] = lambda _, at: at,
    frame_ms: float = 20,
    container: str = "webm",
    live: bool = True,
    options: dict[str, str] | None = None,
    bit_rate: int = 32_000,
) -> Path:
    """Write Opus as Daily does; sample 0 of `sound` is at `start` seconds.

    `lost` returns True for the numbers of missing packets, `stamp` may change a packet's timestamp (samples).
    """
    kind = {"live": "1"} if live and container == "webm" else {}
    with av.open(str(path), "w", format=container, options=kind) as out:
        voip = {"application": "voip", "frame_duration": str(frame_ms), **(options or {})}
        stream = out.add_stream("libopus", rate=RATE, layout=LAYOUT[sound.shape[0]], options=voip)
        stream.bit_rate, stream.time_base = bit_rate, SAMPLES
        out.start_encoding()
        for number, packet in enumerate(_encoded(stream, sound, RATE)):
            if not lost(number):
                at = stamp(number, packet.pts + round(start * RATE))
                packet.stream, packet.time_base, packet.pts, packet.dts = stream, SAMPLES, at, at
                out.mux_one(packet)
    return path


def encoded_track(
    path: Path, sound: Sound, *, container: str, codec: str, rate: int = RATE, gap: tuple[float, float] | None = None
) -> Path:
    """Write any codec into any container; from `gap[0]` seconds on, timestamps are shifted by `gap[1]` seconds."""
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout=LAYOUT[sound.shape[0]])
        stream.time_base = Fraction(1, rate)
        out.start_encoding()
        for packet in _encoded(stream, sound, rate):
            if gap and packet.pts is not None and packet.pts * packet.time_base >= gap[0]:
                packet.pts += round(gap[1] / packet.time_base)
                packet.dts = packet.pts
            out.mux(packet)
    return path


def with_more_streams(path: Path, sound: Sound, *, audio: int = 1, video: bool = False) -> Path:
    """Write WebM with `audio` equal audio streams, optionally with video."""
    with av.open(str(path), "w", format="webm") as out:
        picture: Any = None
        if video:
            picture = out.add_stream("libvpx", rate=5)
            picture.width = picture.height = 32
        voices = [out.add_stream("libopus", rate=RATE, layout="mono") for _ in range(audio)]
        if picture is not None:
            for n in range(10):
                frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), n * 20, dtype=np.uint8), format="rgb24")
                frame.pts = n
                out.mux(picture.encode(frame))
            out.mux(picture.encode(None))
        for voice in voices:
            for packet in _encoded(voice, sound, RATE):
                out.mux(packet)
    return path


def no_packets(path: Path, *, container: str = "webm") -> Path:
    """Write a complete header without packets, like the track of a participant who never unmuted."""
    with av.open(str(path), "w", format=container) as out:
        out.add_stream("libopus", rate=RATE, layout="mono")
        out.start_encoding()
    return path


def remuxed(
    path: Path, source: Path, *, container: str = "webm", shift: float = 0.0, end: float = float("inf")
) -> Path:
    """Copy the packets of a file that begin before `end` seconds into another container, `shift` seconds later."""
    with av.open(str(source)) as old, av.open(str(path), "w", format=container) as out:
        stream = out.add_stream_from_template(old.streams.audio[0])
        for packet in old.demux(audio=0):
            if packet.size and (packet.pts or 0) * packet.time_base < end:
                packet.stream = stream
                packet.pts = packet.dts = (packet.pts or 0) + round(shift / packet.time_base)
                out.mux(packet)
    return path


def rewind(path: Path, *, seconds: float, cluster: int) -> None:
    """Set back the timestamps of a live WebM file from one of its clusters on, as a restarted recorder does."""
    data, at, count = bytearray(path.read_bytes()), -1, 0
    while (at := data.find(CLUSTER, at + 1)) >= 0:
        # The cluster's header is followed by its timestamp in milliseconds: id E7, size, value.
        stamp = data.index(b"\xe7", at + 4)
        size = data[stamp + 1] & 0x7F
        value = slice(stamp + 2, stamp + 2 + size)
        if count >= cluster:
            moved = int.from_bytes(data[value], "big") - round(seconds * 1000)
            data[value] = moved.to_bytes(size, "big")
        count += 1
    assert count > cluster
    path.write_bytes(data)


def restamped(path: Path, source: Path, moved: Callable[[int], float]) -> int:
    """Copy a file to Matroska in which the packets of cluster n are later by `moved(n)` seconds; return their number.

    Muxers write no times that go back, so the bytes are changed. A cluster has one packet, the first one perhaps two.
    """
    with av.open(str(source)) as old:
        packets = [packet for packet in old.demux(audio=0) if packet.size]
        options = {"live": "1", "cluster_time_limit": "1", "write_crc32": "0"}
        with av.open(str(path), "w", format="matroska", options=options) as out:
            stream = out.add_stream_from_template(old.streams.audio[0])
            for packet in packets:
                packet.stream = stream
                out.mux_one(packet)
    first, *clusters = path.read_bytes().split(CLUSTER)
    for number, cluster in enumerate(clusters):
        # The size, whose first byte says its length; then the time in milliseconds: id E7, size, value.
        start = 9 - cluster[0].bit_length()
        assert cluster[start] == 0xE7
        end = start + 2 + (cluster[start + 1] & 0x7F)
        time = max(0, int.from_bytes(cluster[start + 2 : end], "big") + round(moved(number) * 1000))
        body = b"\xe7\x88" + time.to_bytes(8, "big") + cluster[end:]
        clusters[number] = (1 << 56 | len(body)).to_bytes(8, "big") + body
    path.write_bytes(CLUSTER.join([first, *clusters]))
    return len(clusters)


def packets(path: Path) -> list[tuple[float, bytes]]:
    """Return time in seconds and bytes of every packet."""
    with av.open(str(path)) as file:
        return [(float((p.pts or 0) * p.time_base), bytes(p)) for p in file.demux(audio=0) if p.size]


def decode(path: Path, *, decoder: str | None = None) -> Sound:
    """Concatenate all frames regardless of timestamps, like a naive player; shape (channels, samples)."""
    with av.open(str(path)) as file:
        stream = file.streams.audio[0]
        context: Any = stream.codec_context
        if decoder:
            context = av.CodecContext.create(decoder, "r")
            context.extradata = stream.codec_context.extradata
        layout = "mono" if stream.codec_context.channels == 1 else "stereo"
        to_float = AudioResampler(format="fltp", layout=layout, rate=RATE)
        parts: list[Any] = []
        for packet in file.demux(stream):
            for frame in context.decode(packet):
                frame.pts = None
                parts += [out.to_ndarray() for out in to_float.resample(frame)]
        parts += [out.to_ndarray() for out in to_float.resample(None)]
    return np.concatenate(parts, axis=1)


def late(sound: Sound, time: float, *, within: float = 0.05) -> float:
    """Return the delay in milliseconds of the chirp expected at `time`; inf if there is none nearby."""
    one, reach = chirp(), round(within * RATE)
    at = round(time * RATE)
    padded = np.pad(sound[0], (reach, reach + one.size))
    near = padded[at : at + 2 * reach + one.size]
    match = np.correlate(near, one, mode="valid")
    return (int(match.argmax()) - reach) * 1000 / RATE if match.max() > 0.25 * 0.5 * float(one @ one) else float("inf")


def hears(path: Path, times: Sequence[float], *, decoder: str = "libopus") -> None:
    """Check that concatenated frames contain every chirp within 2 ms of its time."""
    sound = decode(path, decoder=decoder)
    assert {time: ms for time in times if abs(ms := round(late(sound, time), 2)) > 2} == {}


def level(sound: Sound, start: float, end: float) -> float:
    """Return the loudness between two times in dB of full scale."""
    part = sound[:, round(start * RATE) : round(end * RATE)]
    return float(10 * np.log10(np.mean(part**2) + 1e-12)) if part.size else -120.0


def _encoded(stream: Any, sound: Sound, rate: int) -> list[Any]:
    """Encode sound of shape (channels, samples)."""
    found: list[Any] = []
    for at in range(0, sound.shape[1], rate):
        part = np.ascontiguousarray(sound[:, at : at + rate])
        frame = AudioFrame.from_ndarray(part, format="fltp", layout=LAYOUT[sound.shape[0]])
        frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
        found += stream.encode(frame)
    return found + stream.encode(None)
