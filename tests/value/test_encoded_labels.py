"""Outcomes become codes alike, whichever way is fast."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import DataError
from assay.value.labels import encode_labels, label_text

VALUES = st.one_of(
    st.sampled_from(["yes", "no", "1", "0", "true"]),
    st.booleans(),
    st.integers(0, 1),
    st.sampled_from([0.0, 1.0]),
)


@given(st.lists(VALUES, min_size=1, max_size=30))
def test_each_outcome_gets_the_code_of_its_text(values: list[Any]) -> None:
    labels = ("no", "yes", "0", "1", "false", "true")
    outcomes = np.empty(len(values), dtype=object)
    outcomes[:] = values
    expected = [labels.index(label_text(value)) for value in values]
    assert encode_labels(outcomes, labels).tolist() == expected


@pytest.mark.parametrize("stranger", ["maybe", None, float("nan"), 0.5, [1]])
def test_outcomes_without_a_code_are_refused(stranger: Any) -> None:
    outcomes = np.empty(3, dtype=object)
    outcomes[:] = ["yes", stranger, "no"]
    with pytest.raises(DataError):
        encode_labels(outcomes, ("no", "yes"))
