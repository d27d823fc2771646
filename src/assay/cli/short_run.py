"""What a run of a second or two need not pay for."""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["short_run"]

_TRIM, _MAP = -1, -3
"""Two parameters of glibc's `mallopt`: what is handed back, and what is mapped by itself."""


@contextmanager
def short_run() -> Iterator[None]:
    """Collect no cycles, start no threads for linear algebra, and keep freed memory at hand.

    Begin it before numpy is loaded. There is little garbage in a run that ends soon, and nothing in
    it multiplies matrices. Arrays of a megabyte would go back to the system each time, and be
    zeroed page by page when the next one comes: glibc is told at once the limits that it learns
    anyway from the first arrays of 32 MB. Other C libraries are left alone.
    """
    collecting = gc.isenabled()
    gc.disable()
    atexit.register(gc.freeze)  # the interpreter's last collection would look at everything
    own = "OPENBLAS_NUM_THREADS" not in os.environ
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        mallopt(_MAP, 32 << 20)
        mallopt(_TRIM, 64 << 20)
    try:
        yield
    finally:
        if own:
            del os.environ["OPENBLAS_NUM_THREADS"]
        if collecting:
            gc.enable()
