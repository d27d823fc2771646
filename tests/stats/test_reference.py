from __future__ import annotations

import json

import numpy as np
import pytest

from assay.stats.profile import SCORE
from assay.stats.reference import LEAST_WINDOWS, make_reference, read_reference


def test_windows_are_consecutive_and_hold_every_row() -> None:
    column = np.arange(1003.0)
    reference = read_reference(json.loads(json.dumps(make_reference({"x": column}, column / 1e3))))
    assert len(reference.windows) == 20
    assert reference.pooled.n == 1003
    assert reference.enough
    assert SCORE in reference.grid.axes
    assert reference.windows[0].features["x"].most < reference.windows[1].features["x"].least


def test_few_rows_make_few_windows() -> None:
    reference = read_reference(make_reference({"x": np.arange(50.0)}))
    assert len(reference.windows) == 2 < LEAST_WINDOWS
    assert not reference.enough


def test_the_same_rows_make_the_same_document() -> None:
    column = np.random.default_rng(3).normal(size=500)
    assert make_reference({"x": column}) == make_reference({"x": column.copy()})


def test_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="needs rows"):
        make_reference({"x": np.empty(0)})


def test_an_unknown_reference_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format 2"):
        read_reference({"format": 2})
