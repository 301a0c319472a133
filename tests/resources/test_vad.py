"""What of a track is decoded and searched for speech."""

from pathlib import Path

from domain.audio.padding import pad
from resources.transcription import vad
from resources.transcription.clip import RATE
from testing.audio_files import babble, opus_track


def test_silence_that_padding_inserted_is_not_decoded(tmp_path: Path) -> None:
    # A late start, and 50 s of a muted microphone.
    opus_track(tmp_path / "in.webm", babble(60), start=30.0, lost=lambda number: 250 <= number < 2750)
    done = pad(tmp_path / "in.webm", tmp_path / "out.webm")
    assert done.duration > 89
    spans = [(piece.start / RATE, len(piece.samples) / RATE) for piece in vad.decode(tmp_path / "out.webm")]
    assert 9.9 < sum(length for _, length in spans) < 10.4
    # The first packet opens the decoder.
    assert all(29.9 < start < 35.1 or 84.9 < start < 90 for start, _ in spans if start > 0.2)
