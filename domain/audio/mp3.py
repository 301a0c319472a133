"""Convert mono mp3 frames to stereo without encoding twice, which takes half the work.

An mp3 frame in mid/side stereo holds M = (L + R) / sqrt 2 and S = (L - R) / sqrt 2. A mono stream is such an M, once
its gain is raised by sqrt 2, and S is empty. So the coefficients are copied bit by bit into wider frames; only headers,
side information and positions in the bit reservoir are new (ISO/IEC 11172-3, sections 2.4.1.7 and 2.4.2.7).
"""

MONO_KBPS = 112
"""Bit rate for the mono encoder, so that its coefficients always fit into a stereo frame of 128 kbit/s."""
STEREO_KBPS = 128

_HEADER = bytes([0xFF, 0xFB, 0x94, 0x64])
# MPEG-1 layer III, no CRC, 128 kbit/s, 48 kHz, joint stereo with mid/side on, otherwise as LAME's own frames.
_NARROW, _WIDE = MONO_KBPS * 3, STEREO_KBPS * 3
_SIDE_MONO, _SIDE_STEREO = 17, 32
_MAIN_MONO, _MAIN_STEREO = _NARROW - 4 - _SIDE_MONO, _WIDE - 4 - _SIDE_STEREO
_RESERVOIR = 511
_GRANULE = (1 << 59) - 1
_WINDOW_SWITCHED, _WINDOW = 1 << 25, 0b1111 << 22


class Widener:
    """Incrementally converts a mono stream (MPEG-1 layer III, 48 kHz, 112 kbit/s, no CRC) to stereo of 128 kbit/s."""

    def __init__(self) -> None:
        self._rest = b""
        self._reservoir = bytes(_RESERVOIR)
        self._heads: list[bytes] = []
        self._main = bytearray()
        self._frame = 0
        self._emitted = 0

    def feed(self, mono: bytes) -> bytes:
        """Add bytes of the mono stream and return the completed stereo frames."""
        data = self._rest + mono
        whole = len(data) // _NARROW * _NARROW
        self._rest = data[whole:]
        for start in range(0, whole, _NARROW):
            self._widen(data[start : start + _NARROW])
        return self._take(len(self._main) // _MAIN_STEREO)

    def finish(self) -> bytes:
        """Return the remaining frames."""
        self._main += bytes(max(0, len(self._heads) * _MAIN_STEREO - len(self._main)))
        return self._take(len(self._heads))

    def _widen(self, frame: bytes) -> None:
        side = int.from_bytes(frame[4 : 4 + _SIDE_MONO], "big")
        first, second = side >> 59 & _GRANULE, side & _GRANULE
        # The coefficients of both granules start before the frame, at the offset in the side information.
        data = self._reservoir + frame[4 + _SIDE_MONO :]
        begin = _RESERVOIR - (side >> 127)
        coefficients = data[begin : begin + ((first >> 47) + (second >> 47) + 7) // 8]
        self._reservoir = data[-_RESERVOIR:]

        here = (self._frame - self._emitted) * _MAIN_STEREO
        self._main += bytes(max(0, here - _RESERVOIR - len(self._main)))
        stereo = (here - len(self._main)) << 247 | (side >> 118 & 15) << 240
        stereo |= _louder(first) << 177 | _empty(first) << 118 | _louder(second) << 59 | _empty(second)
        self._heads.append(_HEADER + stereo.to_bytes(_SIDE_STEREO, "big"))
        self._main += coefficients
        self._frame += 1

    def _take(self, frames: int) -> bytes:
        frames = min(frames, len(self._heads))
        taken = b"".join(self._heads[n] + self._main[n * _MAIN_STEREO : (n + 1) * _MAIN_STEREO] for n in range(frames))
        del self._heads[:frames], self._main[: frames * _MAIN_STEREO]
        self._emitted += frames
        return taken


def _louder(granule: int) -> int:
    """Return the granule with its gain raised by sqrt 2, which is two steps of the fourth root of 2."""
    return granule + (2 << 30)


def _empty(granule: int) -> int:
    """Return the side channel's granule: no coefficients, but the same window, which both channels share."""
    return granule & _WINDOW if granule & _WINDOW_SWITCHED else 0
