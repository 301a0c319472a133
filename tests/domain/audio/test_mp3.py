from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import lameenc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.audio.mp3 import MONO_KBPS, STEREO_KBPS, Widener
from testing import audio_files as make


def difficult() -> make.Sound:
    """Return speech, noise, clicks, a loud tone and silence: short and long blocks, an empty and a full reservoir."""
    rng = np.random.default_rng(2)
    sound = np.concatenate(
        [make.babble(4)[0], rng.standard_normal(96_000) * 0.2, np.zeros(48_000), np.sin(np.arange(96_000) * 0.05)]
    )
    sound[-30_000::4800] = -1
    return sound.clip(-1, 1).astype(np.float32)[None]


@cache
def encoded(quality: int = 7) -> bytes:
    sound = difficult()
    lame = cast(Any, lameenc).Encoder()
    lame.set_in_sample_rate(48_000)
    lame.set_channels(1)
    lame.set_bit_rate(MONO_KBPS)
    lame.set_quality(quality)
    lame.silence()
    return bytes(lame.encode((sound.T * 32767).astype(np.int16).tobytes())) + bytes(lame.flush())


@pytest.mark.parametrize("quality", [2, 7])
@pytest.mark.parametrize("decoder", ["mp3", "mp3float"])
def test_both_channels_equal_the_mono_samples(tmp_path: Path, decoder: str, quality: int) -> None:
    mono = encoded(quality)
    widener = Widener()
    (tmp_path / "mono.mp3").write_bytes(mono)
    (tmp_path / "wide.mp3").write_bytes(widener.feed(mono) + widener.finish())
    alone, both = (make.decode(tmp_path / name, decoder=decoder) for name in ("mono.mp3", "wide.mp3"))
    assert both.shape == (2, alone.shape[1])
    # The fixed-point decoder rounds and dithers each side by itself.
    allowed = 2 / 32768 if decoder == "mp3" else 0
    assert np.abs(both[0] - both[1]).max() <= allowed
    assert np.abs(both[0] - alone[0]).max() <= allowed


MONO = encoded()


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, len(MONO)), max_size=30))
def test_the_result_does_not_depend_on_the_size_of_pieces(cuts: list[int]) -> None:
    whole, pieces = Widener(), Widener()
    expected = whole.feed(MONO) + whole.finish()
    edges = [0, *sorted(cuts), len(MONO)]
    got = b"".join(pieces.feed(MONO[a:b]) for a, b in pairwise(edges)) + pieces.finish()
    assert got == expected
    assert len(expected) // (STEREO_KBPS * 3) == len(MONO) // (MONO_KBPS * 3)
