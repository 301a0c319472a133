"""Exponential backoff between attempts."""

# 2.0 ** 1024 overflows a float; a service can be away for more attempts than that.
_MAX_DOUBLINGS = 60


def delay(failures: int, first: float, longest: float | None = None) -> float:
    """Return the seconds to wait after a number of failed attempts: `first` after one, doubling up to `longest`."""
    seconds = first * 2.0 ** min(max(failures - 1, 0), _MAX_DOUBLINGS)
    return seconds if longest is None else min(seconds, longest)
