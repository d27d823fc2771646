"""The one line of another library's error that our own paragraph quotes."""

from __future__ import annotations

__all__ = ["first_line"]

_MOST = 300


def first_line(error: BaseException) -> str:
    r"""Return the first line of an error's text, without its full stop.

    >>> first_line(ValueError("no such thing.\nTraceback ..."))
    'no such thing'
    """
    return (str(error).strip().split("\n")[0] or "no message")[:_MOST].rstrip(". ")
