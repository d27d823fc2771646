"""How long work says how far it is."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress"]

Progress = Callable[[float, str], None]
"""Called with the share of the work that is done, 0 to 1, and a word on what is being done."""
