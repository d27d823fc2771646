from __future__ import annotations

import json
import math

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


def test_what_is_infinite_is_null_in_json() -> None:
    estimate = Estimate(math.inf, -math.inf, math.inf, 1, "none")
    document = json.loads(json.dumps(estimate.document(), allow_nan=False))
    assert document["low"] is document["high"] is None
    assert Estimate.from_document(document) == estimate


def test_reads_as_people_write_money() -> None:
    assert str(Estimate(1482.4, 1358, 1611, 11_188, "BCa bootstrap", "EUR per month")) == (
        "1,482 EUR per month [1,358, 1,611]"
    )
