"""Where the embedded Whisper runs: the device, the type of its numbers, and how many windows it takes at once."""

import ctypes
import logging
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

from domain.errors import PermanentError

DeviceName = Literal["auto", "cpu", "cuda"]

# CTranslate2 4 opens this library when it multiplies the first matrix.
CUBLAS, CUBLAS_PACKAGE = "libcublas.so.12", "nvidia-cublas-cu12"
# The libraries of that package, in the order in which one needs the other.
_PACKAGED = ("libcublasLt.so.12", CUBLAS)
# Of these types of numbers, the first that the device supports.
PREFERRED: Mapping[str, tuple[str, ...]] = {"cpu": ("int8", "float32"), "cuda": ("float16", "int8_float16", "float32")}
# Windows per batch. On a CPU each takes 80 MB, and 8 are no faster.
BATCH = {"cpu": 4, "cuda": 48}

log = logging.getLogger(__name__)


class Device(NamedTuple):
    """A device, the type of numbers, the windows per batch, and why it isn't the one that was wished for."""

    name: str
    compute_type: str
    batch: int
    instead: str | None = None

    def __str__(self) -> str:
        """Return it as one phrase for people."""
        return f"{self.name}, {self.compute_type}" + (f" ({self.instead})" if self.instead else "")


CPU = Device("cpu", PREFERRED["cpu"][0], BATCH["cpu"])


def choose(
    wished: DeviceName, compute_type: str | None = None, batch: int | None = None, *, fall_back: bool | None = None
) -> Device:
    """Return the device to use: for "auto" a CUDA device if CTranslate2 finds one, else the CPU.

    If CUDA can't be used, the CPU is used instead if `fall_back`, which by default is so for "auto"; else raises
    PermanentError, as for a type of numbers that the device doesn't support.
    """
    import ctranslate2  # noqa: PLC0415 - takes half a second to import

    # It has no types.
    library: Any = ctranslate2
    devices: int = library.get_cuda_device_count()
    name, instead = "cpu", None
    if wished == "cuda" or (wished == "auto" and devices):
        try:
            check_cuda(devices)
            name = "cuda"
        except PermanentError as error:
            if not (wished == "auto" if fall_back is None else fall_back):
                raise
            instead = str(error)
            log.warning("Whisper runs on the CPU: %s", instead)
    supported: set[str] = library.get_supported_compute_types(name)
    chosen = compute_type or next((one for one in PREFERRED[name] if one in supported), "default")
    if compute_type is not None and compute_type not in supported:
        raise PermanentError(
            f"the {name} device doesn't support {compute_type}",
            hint=f"Set REFLECTOR_WHISPER_COMPUTE_TYPE to one of {', '.join(sorted(supported))}, or unset it.",
        )
    return Device(name, chosen, batch or BATCH[name], instead)


def check_cuda(devices: int) -> None:
    """Raise PermanentError if there are no CUDA `devices`, or no library for them; may load the library."""
    if not devices:
        raise PermanentError(
            "CTranslate2 finds no CUDA device",
            hint="Check the driver by `nvidia-smi`, or set REFLECTOR_WHISPER_DEVICE.",
        )
    try:
        ctypes.CDLL(CUBLAS)
    except OSError:
        if not _load_packaged():
            raise PermanentError(
                f"{CUBLAS} isn't installed, which CTranslate2 needs for a GPU",
                hint=f"Install CUDA 12's cuBLAS, for example by `pip install {CUBLAS_PACKAGE}`.",
            ) from None


def _load_packaged() -> bool:
    """Load cuBLAS from its Python package, where the dynamic linker doesn't look; return True if it is there."""
    spec = find_spec("nvidia")
    for root in spec.submodule_search_locations or [] if spec else []:
        folder = Path(root) / "cublas" / "lib"
        if (folder / CUBLAS).is_file():
            try:
                for library in _PACKAGED:
                    ctypes.CDLL(str(folder / library), mode=ctypes.RTLD_GLOBAL)
            except OSError:
                return False
            return True
    return False
