"""Segments stay the same from window to window, whatever a window holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.stats.reference import Reference, make_reference, read_reference
from assay.stats.segmenting import MISSING, OTHER, segmenting


def _reference(**columns: np.ndarray) -> Reference:
    return read_reference(make_reference(columns))


def test_bands_of_a_number_hold_about_as_many_reference_rows_each() -> None:
    amount = np.random.default_rng(1).lognormal(3, 1, 4000)
    cut = segmenting("amount", _reference(amount=amount))
    counts = np.bincount(cut.of(amount), minlength=len(cut.names))
    assert counts[-1] == 0
    assert counts[:-1].min() > 900
    assert cut.names[0].startswith("up to ")
    assert cut.names[-2].startswith("above ")
    assert cut.labels[-1] == ("amount", MISSING)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=30))
def test_every_number_falls_into_the_band_that_names_it(values: list[float]) -> None:
    cut = segmenting("x", _reference(x=np.arange(400.0)))
    given = np.array(values)
    cuts = [float(name.split(" ")[-1]) for name in cut.names[:-2]]
    for value, place in zip(values, cut.of(given).tolist(), strict=True):
        usable = np.isfinite(value) and abs(value) <= 1e140
        expected = np.searchsorted(cuts, value) if usable else len(cut.names) - 1
        assert place == expected


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([1.0, 2.0, 2.0, 3.0], ("up to 1", "above 1 to 2", "above 2", MISSING)),
        ([5.0] * 4, ("any number", MISSING)),
        ([1e9, 1e9 + 1, 1e9 + 2, 1e9 + 1], None),
    ],
)
def test_numbers_of_few_values_have_a_band_each(
    values: list[float], names: tuple[str, ...] | None
) -> None:
    cut = segmenting("x", _reference(x=np.array(values * 100)))
    assert len(set(cut.names)) == len(cut.names)
    assert names is None or cut.names == names
    distinct = sorted(set(values))
    assert cut.of(np.array(distinct)).tolist() == list(range(len(distinct)))


def test_rare_and_new_categories_share_a_segment() -> None:
    names = [f"c{k}" for k in range(30) for _ in range(2 if k else 50)]
    cut = segmenting("c", _reference(c=np.array(names, dtype=object)))
    assert len(cut.names) == 22
    assert cut.names[-2:] == (OTHER, MISSING)
    places = cut.of(np.array(["c0", "never seen", ""], dtype=object)).tolist()
    assert [cut.names[place] for place in places] == ["c0", OTHER, MISSING]


def test_a_category_called_missing_is_no_second_segment() -> None:
    cut = segmenting("c", _reference(c=np.array([MISSING, OTHER, "x", ""] * 50, dtype=object)))
    assert sorted(cut.names) == sorted({MISSING, OTHER, "x"})


def test_a_column_that_the_reference_lacks_is_refused() -> None:
    with pytest.raises(KeyError):
        segmenting("y", _reference(x=np.arange(50.0)))
