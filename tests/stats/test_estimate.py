from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.stats.estimate import Estimate

NUMBERS = st.floats(-1e9, 1e9)


@given(NUMBERS, NUMBERS, NUMBERS, st.floats(-100, 100), st.integers(1, 10**6))
def test_scaling_and_shifting_keep_the_order(
    a: float, b: float, c: float, factor: float, n: int
) -> None:
    low, mean, high = sorted((a, b, c))
    estimate = Estimate(mean, low, high, n, "bootstrap", "EUR per decision")
    for changed in (estimate.scaled(factor, "EUR per day"), estimate.shifted(factor)):
        assert changed.low <= changed.mean <= changed.high
        assert changed.n == n
    assert Estimate.from_document(json.loads(json.dumps(estimate.document()))) == estimate


def test_what_is_infinite_is_a_word_in_json() -> None:
    estimate = Estimate(math.inf, -math.inf, math.inf, 1, "none")
    document = json.loads(json.dumps(estimate.document(), allow_nan=False))
    assert (document["mean"], document["low"], document["high"]) == ("inf", "-inf", "inf")
    assert Estimate.from_document(document) == estimate


def test_reads_as_people_write_money() -> None:
    assert str(Estimate(1482.4, 1358, 1611, 11_188, "BCa bootstrap", "EUR per month")) == (
        "1,482 EUR per month [1,358, 1,611]"
    )


ENDS = st.floats(allow_nan=False)


@given(ENDS, ENDS, ENDS)
def test_every_estimate_survives_its_document(mean: float, low: float, high: float) -> None:
    estimate = Estimate(mean, low, high, 7, "bootstrap", "EUR per decision")
    text = json.dumps(estimate.document(), allow_nan=False)
    assert Estimate.from_document(json.loads(text)) == estimate


def test_null_of_older_documents_is_still_infinite() -> None:
    older = {**Estimate(0.0, 0.0, 0.0, 1, "none").document(), "low": None, "high": None}
    found = Estimate.from_document(older)
    assert (found.mean, found.low, found.high) == (0.0, -math.inf, math.inf)
    assert Estimate.from_document({**older, "mean": None}).mean == math.inf


@pytest.mark.parametrize("field", ["mean", "low", "high"])
def test_what_is_no_number_is_not_written(field: str) -> None:
    wrong = Estimate.from_document(
        {**Estimate(1.0, 0.0, 2.0, 1, "none").document(), field: math.nan}
    )
    with pytest.raises(ValueError, match=f"the estimate's {field} is not a number"):
        wrong.document()


def test_nothing_of_an_unknown_amount_is_nothing() -> None:
    unknown = Estimate(3.0, -math.inf, math.inf, 1, "none", "EUR per decision")
    none = unknown.scaled(0, "EUR per month")
    assert (none.mean, none.low, none.high) == (0, 0, 0)
    lost = unknown.scaled(-2, "EUR")
    assert (lost.mean, lost.low, lost.high) == (-6, -math.inf, math.inf)
    assert Estimate(0.0, 0.0, math.inf, 1, "none").scaled(math.inf, "EUR").low == 0
