"""Waiting until something is so, with an end where it never is."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["until"]


def until(found: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait until something is so; TimeoutError where it never is."""
    end = time.monotonic() + seconds
    while not found():
        if time.monotonic() > end:
            raise TimeoutError("what was commanded did not take effect")
        time.sleep(0.002)
