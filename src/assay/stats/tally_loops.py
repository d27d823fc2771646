"""The inner loops that count values into cells, as plain Python: the source of the compiled kernel.

`make kernel` compiles them once (numba, for developers only) and writes what comes out as
`tally.ll`; `tally_kernel.py` loads that. They run as they stand too, on arrays, and slowly:
tests hold the compiled ones to them.

Every array is flat. Rows come in `runs` of one window each: run r is rows `starts[r]` up to
`starts[r + 1]`, of window `windows[r]`. `size` is the number of cells, the missing one last.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "KEYS",
    "LOOPS",
    "count_codes",
    "count_numbers",
    "find_cells",
    "key_of",
    "keys_of",
    "log_gamma",
    "upper_gamma",
]

U = np.uint64

KEYS = 8192
"""Keys of a number: 512 for each of eight doublings of its distance, on both sides."""

_HALF = U(KEYS // 2)
_LAST = U(KEYS // 2 - 1)
_ONE = U(1)
_TWO = U(2)
_THREE = U(3)
_DROPPED = U(43)
"""Lowest bits of a float64 that a key has no use for: 52 of the fraction less nine."""
_EXPONENT = U(1023 << 9)
"""What is left of 1.0 without those bits."""


def key_of(d: Any, inverse: Any) -> Any:
    """Return the key of a deviation: the leading bits of 1 + |d| / scale, mirrored below zero.

    It never falls as the value grows, whatever the rounding. So the edges below a value are those
    of lower keys, and those of its own key that it exceeds.
    """
    bits = np.float64(abs(d * inverse) + 1.0).view(U)
    key = min((bits >> _DROPPED) - _EXPONENT, _LAST)
    return _HALF + key if d >= 0 else _LAST - key


def keys_of(d: NDArray[np.float64], inverse: float) -> NDArray[np.int64]:
    """Return the key of each deviation, as `key_of` does."""
    bits = (np.abs(d * inverse) + 1.0).view(U)
    key = np.minimum((bits >> _DROPPED) - _EXPONENT, _LAST).astype(np.int64)
    found: NDArray[np.int64] = np.where(d >= 0, KEYS // 2 + key, KEYS // 2 - 1 - key)
    return found


def count_numbers(
    x: Any,
    starts: Any,
    windows: Any,
    runs: Any,
    table: Any,
    cut: Any,
    crowded: Any,
    edges: Any,
    size: Any,
    centre: Any,
    inverse: Any,
    counts: Any,
    sums: Any,
    spans: Any,
) -> None:
    """Count numbers, add up deviations by cell, and squares, least and most by window."""
    for r in range(runs):
        window = windows[r]
        row = window * size
        squares = 0.0
        least = spans[_THREE * window + _ONE]
        most = spans[_THREE * window + _TWO]
        for i in range(starts[r], starts[r + _ONE]):
            value = x[i]
            if not (abs(value) <= 1e140):
                counts[row + size - _ONE] += 1
                continue
            d = value - centre
            key = key_of(d, inverse)
            cell = U(table[key])
            if value > cut[key]:
                cell += _ONE
            if crowded[key]:
                while cell < size - _TWO and value > edges[cell]:
                    cell += _ONE
            counts[row + cell] += 1
            sums[row + cell] += d
            squares += d * d
            least = min(least, value)
            most = max(most, value)
        spans[_THREE * window] += squares
        spans[_THREE * window + _ONE] = least
        spans[_THREE * window + _TWO] = most


def count_codes(
    x: Any, starts: Any, windows: Any, runs: Any, lookup: Any, size: Any, counts: Any
) -> None:
    """Count codes; `lookup` has the cell of each."""
    for r in range(runs):
        row = windows[r] * size
        for i in range(starts[r], starts[r + _ONE]):
            counts[row + U(lookup[x[i]])] += 1


def find_cells(
    x: Any,
    n: Any,
    table: Any,
    cut: Any,
    crowded: Any,
    edges: Any,
    size: Any,
    centre: Any,
    inverse: Any,
    cells: Any,
) -> None:
    """Write down the cell of each number."""
    for i in range(n):
        value = x[i]
        if not (abs(value) <= 1e140):
            cells[i] = size - _ONE
            continue
        key = key_of(value - centre, inverse)
        cell = U(table[key])
        if value > cut[key]:
            cell += _ONE
        if crowded[key]:
            while cell < size - _TWO and value > edges[cell]:
                cell += _ONE
        cells[i] = cell


def log_gamma(x: Any, n: Any, found: Any) -> None:
    """Write down the logarithm of the gamma function of each number."""
    for i in range(n):
        found[i] = math.lgamma(x[i])


def upper_gamma(shape: Any, x: Any, n: Any, found: Any) -> None:
    """Write down the chance that a gamma variable of each shape exceeds each number.

    The series up to the mean and the continued fraction beyond it (NIST Digital Library of
    Mathematical Functions, 8.11.4 and 8.9.2, by Lentz's method).
    """
    for i in range(n):
        a, at = shape[i], x[i]
        if not at > 0.0:
            found[i] = 1.0
            continue
        front = math.exp(a * math.log(at) - at - math.lgamma(a))
        if at < a + 1.0:
            divisor, term = a, 1.0 / a
            total = term
            while term > total * 1e-17:
                divisor += 1.0
                term *= at / divisor
                total += term
            found[i] = 1.0 - front * total
            continue
        step, far = 0.0, at + 1.0 - a
        upper, lower = 1e300, 1.0 / far
        value, change = lower, 0.0
        while abs(change - 1.0) > 1e-15 and step < 1e6:
            step += 1.0
            far += 2.0
            lower = 1.0 / (far - step * (step - a) * lower)
            upper = far - step * (step - a) / upper
            change = lower * upper
            value *= change
        found[i] = front * value


LOOPS = {
    "count_numbers": (
        count_numbers,
        (
            "float64* uint64* uint64* uint64 uint16* float64* uint8* float64* uint64 float64 "
            "float64 int64* float64* float64*"
        ),
    ),
    "count_codes": (count_codes, "uint32* uint64* uint64* uint64 uint16* uint64 int64*"),
    "find_cells": (
        find_cells,
        "float64* uint64 uint16* float64* uint8* float64* uint64 float64 float64 int64*",
    ),
    "log_gamma": (log_gamma, "float64* uint64 float64*"),
    "upper_gamma": (upper_gamma, "float64* float64* uint64 float64*"),
}
"""Each loop by its name, with the types of its arguments; `*` is an array."""
