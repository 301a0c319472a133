"""Where Whisper runs, and detection that runs ahead of it. No test needs a GPU, nor a machine without one."""

# pyright: basic

import ctypes
import itertools
import threading
from collections.abc import Iterator
from typing import Any

import ctranslate2
import pytest

from domain.errors import PermanentError
from reflector_assets.settings.main import Settings
from resources.transcription.ahead import ahead
from resources.transcription.whisper import EmbeddedWhisper
from resources.transcription.whisper_device import CPU, CUBLAS, CUBLAS_PACKAGE, DeviceName, check_cuda, choose

without_gpu = pytest.mark.skipif(ctranslate2.get_cuda_device_count() > 0, reason="this machine has a CUDA device")


def has_cublas() -> bool:
    try:
        ctypes.CDLL(CUBLAS)
    except OSError:
        return False
    return True


@without_gpu
def test_auto_uses_the_cpu_where_there_is_no_gpu() -> None:
    assert choose("auto") == choose("cpu") == CPU == ("cpu", "int8", 4, None)
    assert choose("auto", "float32", 2) == ("cpu", "float32", 2, None)


@without_gpu
def test_a_missing_gpu_is_named_and_replaced_only_on_request() -> None:
    with pytest.raises(PermanentError, match="finds no CUDA device"):
        choose("cuda")
    device = choose("cuda", fall_back=True)
    assert device._replace(instead=None) == CPU
    assert "finds no CUDA device" in str(device)


@pytest.mark.skipif(has_cublas(), reason="the library is installed")
def test_a_missing_library_is_named_with_what_to_install() -> None:
    with pytest.raises(PermanentError) as raised:
        check_cuda(1)
    assert CUBLAS in str(raised.value)
    assert f"pip install {CUBLAS_PACKAGE}" in str(raised.value)


def test_a_type_of_numbers_that_the_device_lacks_is_named() -> None:
    with pytest.raises(PermanentError, match=r"the cpu device doesn't support int9.*int8"):
        choose("cpu", "int9")


def test_the_identity_is_the_same_on_every_device() -> None:
    """A code server without a GPU compares the versions of workers that have one."""
    devices: list[tuple[DeviceName, int | None]] = [("cpu", None), ("cuda", None), ("auto", 16)]
    made = [
        EmbeddedWhisper(model="tiny.en", model_dir="m", device=device, batch=batch).identity()
        for device, batch in devices
    ]
    assert len(set(made)) == 1
    assert "int8 beam5 batch4 " in made[0]
    other = EmbeddedWhisper(model="tiny.en", model_dir="m", device="cuda", compute_type="int8_float16").identity()
    assert "int8_float16 beam5 batch4 " in other


@pytest.mark.parametrize(
    ("given", "steps"),
    [
        ({}, 1),
        ({"REFLECTOR_WHISPER_DEVICE": "cuda"}, 4),
        ({"REFLECTOR_WHISPER_DEVICE": "cuda", "REFLECTOR_GPU_STEPS": 2}, 2),
        ({"REFLECTOR_WHISPER_DEVICE": "cuda", "TRANSCRIPT_BACKEND": "modal", "TRANSCRIPT_URL": "http://gpu"}, 8),
    ],
)
def test_the_pool_follows_the_device(given: dict[str, object], steps: int) -> None:
    assert Settings.model_validate(given).pools()["gpu"] == steps


def test_items_come_in_order_and_an_error_after_those_before_it() -> None:
    def failing() -> Iterator[int]:
        yield from range(10)
        raise PermanentError("broken")

    found: list[int] = []
    with pytest.raises(PermanentError, match="broken"):
        found.extend(ahead(failing(), 2))
    assert list(ahead(range(100), 3)) == list(range(100))
    assert list(ahead([], 1)) == []


def test_what_runs_ahead_is_bounded_and_ends_with_its_consumer() -> None:
    made: list[int] = []
    ended = threading.Event()

    def endless() -> Iterator[int]:
        try:
            for number in itertools.count():
                made.append(number)
                yield number
        finally:
            ended.set()

    items: Any = ahead(endless(), 2)
    assert next(items) == 0
    # Two wait in the queue, and one to get in.
    assert len(made) <= 4
    items.close()
    assert ended.wait(60)
