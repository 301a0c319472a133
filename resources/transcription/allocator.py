"""The C library's allocator while a model computes on the CPU.

A model allocates and frees some hundred MiB for each clip. By default, glibc takes such blocks from the kernel and
gives them back each time, and every page is cleared again: on the sample meeting a fifth of the wall time.
"""

import ctypes
import sys
from functools import cache

# Of <malloc.h>: parameters of mallopt.
TRIM_THRESHOLD, MMAP_MAX, ARENA_MAX = -1, -4, -8


@cache
def reuse_memory() -> None:
    """Have this process keep what it frees for its next allocations, some 130 MiB; without glibc, do nothing."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        for parameter, value in ((ARENA_MAX, 1), (MMAP_MAX, 0), (TRIM_THRESHOLD, 2**31 - 1)):
            mallopt(parameter, value)
