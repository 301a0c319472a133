"""The number of examples that Hypothesis tries."""

from hypothesis import settings


def examples(default: int, long: int) -> int:
    """Return the second number with `--hypothesis-profile=long`, as in `make test-long`."""
    return long if settings.get_current_profile_name() == "long" else default
