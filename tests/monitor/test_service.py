from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.charter.limits import Limit
from assay.monitor.service import LATENCY_EDGES_MS, ServiceTally, service_findings

WAITS = st.lists(st.floats(0, 1e6, allow_nan=False), max_size=50)


@given(WAITS, WAITS, st.integers(0, 5))
def test_tallies_add_up_whatever_the_parts(one: list[float], two: list[float], errors: int) -> None:
    whole = ServiceTally.of(np.array(one + two), errors=errors + 1)
    parts = ServiceTally.of(np.array(one), errors=errors) + ServiceTally.of(np.array(two), errors=1)
    assert whole == parts
    assert ServiceTally.from_document(json.loads(json.dumps(whole.document()))) == whole


def test_quantiles_and_rates_lie_in_their_intervals() -> None:
    rng = np.random.default_rng(0)
    misses = 0
    for _ in range(30):
        waits = rng.lognormal(3.0, 0.7, 5000)
        found = ServiceTally.of(waits, errors=20, referred=400).estimates()
        for name, z in (("latency_p50_ms", 0.0), ("latency_p99_ms", 2.3263)):
            misses += not found[name].low <= np.exp(3 + 0.7 * z) <= found[name].high
            assert found[name].mean == pytest.approx(
                np.quantile(waits, 0.5 if not z else 0.99), rel=0.07
            )
        assert found["error_rate"].mean == 20 / 5020
        assert found["referral_rate"].low < 0.08 < found["referral_rate"].high
    assert misses <= 1


def test_only_limits_surely_missed_are_told() -> None:
    limits = {
        "latency_p99_ms": Limit(at_most=100),
        "error_rate": Limit(at_most=0.01),
        "referral_rate": Limit(at_least=0.01, at_most=0.2),
        "roc_auc": Limit(at_least=0.9),
    }
    fine = ServiceTally.of(np.full(3000, 20.0), errors=25, referred=300)
    assert service_findings(fine, limits, 0.998) == ()
    slow = np.where(np.arange(3000) % 20 == 0, 400.0, 20.0)
    found = service_findings(ServiceTally.of(slow, errors=120, referred=0), limits, 0.998)
    assert [one.metric for one in found] == ["latency_p99_ms", "error_rate", "referral_rate"]
    assert {one.kind for one in found} == {"service"}
    assert "surely misses the limit: at most 100" in found[0].text
    few = ServiceTally.of([20.0] * 9 + [400.0], errors=1)
    assert service_findings(few, limits, 0.998) == (), "ten requests are not sure"


def test_the_wider_the_interval_the_later_a_limit_is_missed() -> None:
    limits = {"error_rate": Limit(at_most=0.01)}
    tally = ServiceTally.of(np.full(2945, 20.0), errors=55)
    (told,) = service_findings(tally, limits, 0.95)
    assert "[0.01" in told.text
    assert service_findings(tally, limits, 1 - 2 / 20_000) == ()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="zero or more milliseconds"):
        ServiceTally.of([1.0, -2.0])
    with pytest.raises(ValueError, match="2 of 1 referred"):
        ServiceTally.of([1.0], referred=2)
    assert ServiceTally().estimates() == {}
    assert LATENCY_EDGES_MS[0] == 0.1
    assert LATENCY_EDGES_MS[-1] == 100_000
    beyond = ServiceTally.of([1e9] * 100).estimates()["latency_p50_ms"]
    assert beyond.high == np.inf
