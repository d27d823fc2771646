"""Values counted into cells by compiled loops, many windows at once.

The loops come as `tally.ll`, a few hundred lines in LLVM's language (see `tally_loops.py`), which
llvmlite turns into machine code in about ten milliseconds. They hold no Python lock, so threads
run side by side. Where llvmlite is missing, numpy does the same more slowly: counts are identical.
"""

from __future__ import annotations

import ctypes
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats.coded import Coded
from assay.stats.grid import CategoryAxis, NumberAxis, usable
from assay.stats.tally import Tally
from assay.stats.tally_loops import LOOPS

__all__ = ["CategoryTallies", "NumberTallies", "Runs", "cells_of", "compiled", "loaded", "runs_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_C_TYPES = {"uint64": ctypes.c_uint64, "float64": ctypes.c_double}


@dataclass(frozen=True, eq=False)
class Runs:
    """Rows that follow one another in the same window: `starts` (R + 1,) and `windows` (R,)."""

    starts: NDArray[np.uint64]
    windows: NDArray[np.uint64]

    @property
    def n(self) -> int:
        """How many rows there are."""
        return int(self.starts[-1])

    @property
    def parts(self) -> tuple[Any, ...]:
        """The runs as the loops take them."""
        return self.starts, self.windows, len(self.windows)


def runs_of(windows: Ints) -> Runs:
    """Return the runs of rows whose windows (n,) are these codes.

    >>> runs = runs_of(np.array([0, 0, 2, 1, 1]))
    >>> runs.starts.tolist(), runs.windows.tolist()
    ([0, 2, 3, 5], [0, 2, 1])
    """
    changes = np.flatnonzero(np.diff(windows)) + 1
    starts = np.concatenate([[0], changes, [len(windows)]] if len(windows) else [[0]])
    return Runs(starts.astype(np.uint64), windows[starts[:-1]].astype(np.uint64))


class NumberTallies:
    """What one number did in each of W windows; rows are added part by part.

    `slowly` asks for numpy, which is done sooner where there is little to count.

    >>> from assay.stats.grid import learn_grid
    >>> axis = learn_grid({"age": np.array([20.0, 30.0])}).axes["age"]
    >>> found = NumberTallies(axis, 2)
    >>> found.add(np.array([20.0, 99.0, np.nan]), runs_of(np.array([0, 1, 1])))
    >>> found.tally(1).counts.tolist(), found.tally(1).most
    ([0, 0, 0, 0, 1, 1], 99.0)
    """

    def __init__(self, axis: NumberAxis, windows: int, *, slowly: bool = False) -> None:
        self.axis = axis
        self._loops = None if slowly else compiled()
        self.counts = np.zeros((windows, axis.size), dtype=np.int64)
        self.sums = np.zeros((windows, axis.size))
        self.spans = np.tile(np.array([0.0, np.inf, -np.inf]), (windows, 1))

    def add(self, values: NDArray[Any], runs: Runs) -> None:
        """Count one part's values (n,), of any numeric dtype; NaN is missing."""
        numbers = np.ascontiguousarray(values, dtype=np.float64)
        if self._loops is None:
            self._add_slowly(numbers, runs)
            return
        axis, into = _axis(self.axis), (self.counts, self.sums, self.spans)
        self._loops.call("count_numbers", numbers, *runs.parts, *axis, *into)

    def tally(self, window: int) -> Tally:
        """Return one window's tally."""
        squares, least, most = self.spans[window].tolist()
        return Tally(self.counts[window], self.sums[window], squares, least, most)

    def _add_slowly(self, numbers: Floats, runs: Runs) -> None:
        for window, start, stop in _each(runs):
            part = numbers[start:stop]
            cells, present = self.axis.cells(part), usable(part)
            deviations = np.where(present, part, self.axis.centre) - self.axis.centre
            size = self.axis.size
            self.counts[window] += np.bincount(cells, minlength=size)
            self.sums[window] += np.bincount(cells, deviations, size)
            squares, least, most = self.spans[window].tolist()
            self.spans[window] = (
                squares + float(np.square(deviations).sum()),
                part.min(where=present, initial=least),
                part.max(where=present, initial=most),
            )


class CategoryTallies:
    """What one category did in each of W windows; rows are added part by part."""

    def __init__(self, axis: CategoryAxis, windows: int, *, slowly: bool = False) -> None:
        self.axis = axis
        self._loops = None if slowly else compiled()
        self.counts = np.zeros((windows, axis.size), dtype=np.int64)

    def add(self, values: Coded, runs: Runs) -> None:
        """Count one part's values (n,).

        >>> found = CategoryTallies(CategoryAxis(("a", "b")), 1)
        >>> codes = np.array([0, 1, 1], dtype=np.uint32)
        >>> found.add(Coded(codes, ("b", None)), runs_of(np.zeros(3, dtype=np.int64)))
        >>> found.tally(0).counts.tolist()
        [0, 1, 0, 2]
        """
        lookup = self.axis.cells(np.array(values.words, dtype=object)).astype(np.uint16)
        codes = np.ascontiguousarray(values.codes, dtype=np.uint32)
        if self._loops is not None:
            self._loops.call("count_codes", codes, *runs.parts, lookup, self.axis.size, self.counts)
            return
        for window, start, stop in _each(runs):
            cells = lookup[codes[start:stop]]
            self.counts[window] += np.bincount(cells, minlength=self.axis.size)

    def tally(self, window: int) -> Tally:
        """Return one window's tally."""
        return Tally(self.counts[window], np.empty(0))


def cells_of(axis: NumberAxis, values: NDArray[Any]) -> Ints:
    """Return the cell of each value (n,), as `axis.cells` does, ten times faster."""
    numbers = np.ascontiguousarray(values, dtype=np.float64)
    loops = compiled()
    if loops is None:
        return axis.cells(numbers)
    cells = np.empty(len(numbers), dtype=np.int64)
    loops.call("find_cells", numbers, len(numbers), *_axis(axis), cells)
    return cells


def _each(runs: Runs) -> list[tuple[int, int, int]]:
    """Return (window, start, stop) of each run."""
    starts = runs.starts.tolist()
    return list(zip(runs.windows.tolist(), starts[:-1], starts[1:], strict=True))


def _axis(axis: NumberAxis) -> tuple[Any, ...]:
    """Return an axis as the loops take it."""
    found = axis.lookup
    start = (found.table, found.cut, found.crowded, np.ascontiguousarray(axis.edges))
    return (*start, axis.size, axis.centre, found.inverse)


class _Loops:
    """The compiled loops; `engine` owns their machine code."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._found = {}
        for name, (_, signature) in LOOPS.items():
            kinds: list[Any] = [_C_TYPES.get(word, ctypes.c_void_p) for word in signature.split()]
            address = engine.get_function_address(name)
            self._found[name] = ctypes.CFUNCTYPE(None, *kinds)(address)

    def call(self, name: str, *arguments: Any) -> None:
        """Call a loop; arrays are C-contiguous and of the signature's types."""
        self._found[name](
            *(one.ctypes.data if isinstance(one, np.ndarray) else one for one in arguments)
        )


def loaded() -> _Loops | None:
    """Return the compiled loops where they have been loaded already: for what has other ways."""
    return compiled() if compiled.cache_info().currsize else None


@cache
def compiled() -> _Loops | None:
    """Return the compiled loops, or None where they cannot be had: numpy does the work then."""
    try:
        import llvmlite.binding as llvm  # noqa: PLC0415 - optional, and not needed for few rows
    except ImportError:
        return None
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    source = pkgutil.get_data("assay.stats", "tally.ll") or b""
    module = llvm.parse_assembly(source.decode())
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3
    )
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return _Loops(engine)
