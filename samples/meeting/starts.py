"""Set the turns' starts in truth.json to the start of their sound, measured in the tracks; needs `av` and `numpy`.

The synthesizer puts up to 0.25 s of quiet before the first sound. The noise of the tracks is at -75 dB of full scale
and the speech at -23 dB: a turn starts with its first 5 ms above -55 dB that aren't a click.
"""

import json
from pathlib import Path

import av
import numpy as np

RATE, FRAME, SOUND_DB, CLICK = 48_000, 240, -55.0, 3


def levels(track: Path) -> np.ndarray:
    """Return the level of each 5 ms of the recording, in dB."""
    energy = np.full(250 * RATE // FRAME, 1e-12)
    with av.open(str(track)) as source:
        for frame in source.decode(audio=0):
            samples = frame.to_ndarray().mean(axis=0)
            at = round(float(frame.pts * frame.time_base) * RATE) // FRAME
            parts = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
            energy[at : at + len(parts)] = np.maximum(np.mean(parts**2, axis=1), 1e-12)
    return 10 * np.log10(energy)


def start_of_sound(level: np.ndarray, start: float, end: float) -> float:
    """Return the time of the first sound between two times, in seconds."""
    first = round(start * RATE / FRAME)
    loud = level[first : round(end * RATE / FRAME)] > SOUND_DB
    runs = np.convolve(loud, np.ones(CLICK), "valid") == CLICK
    return round((first + int(np.argmax(runs))) * FRAME / RATE, 3)


def main() -> None:
    """Rewrite truth.json."""
    here = Path(__file__).parent
    people = {p["participant_id"]: p["user_name"] for p in json.loads((here / "participants.json").read_text())["data"]}
    tracks = {people[path.name.split("-", 1)[1][:36]]: levels(path) for path in (here / "tracks").iterdir()}
    truth = json.loads((here / "truth.json").read_text())
    for turn in truth["turns"]:
        turn["start"] = start_of_sound(tracks[turn["speaker"]], turn["start"], turn["end"])
    (here / "truth.json").write_text(json.dumps(truth, indent=1))


if __name__ == "__main__":
    main()
