"""Limits on performance that are just kept are said to be missed seldom, and then surely."""

from __future__ import annotations

import numpy as np
import pytest
from tests.bank_charter import CHARTER
from tests.watched_cases import counted, drawn, watched

from assay.charter.charter import Charter
from assay.charter.limits import Guardrail, Limit
from assay.monitor.finding import Finding
from assay.monitor.limit_watch import (
    AgainstLimit,
    Basis,
    against_limit,
    limit_findings,
    limits_looked_at,
    sure_confidence,
)
from assay.monitor.performance import measured_after, measured_before
from assay.monitor.performance_findings import judge_performance
from assay.monitor.value_watch import ValueWatch
from assay.stats.estimate import Estimate
from assay.stats.metric_intervals import Measurement

BANK = watched(0)


def _charter(**limits: Limit) -> Charter:
    return Charter.model_validate(CHARTER).model_copy(update={"acceptance": limits})


def _at_their_limits() -> dict[str, Limit]:
    """Return limits at which metrics of this law lie exactly."""
    every = measured_after(counted(BANK, *drawn(np.random.default_rng(99), 1_000_000)), BANK)
    found = {name: Limit(at_least=every[name].value) for name in ("recall", "f1", "accuracy")}
    return {**found, "log_loss": Limit(at_most=every["log_loss"].value)}


def test_metrics_at_their_limits_raise_hardly_an_alarm() -> None:
    charter = _charter(**_at_their_limits())
    rng, watch, by_interval, windows = np.random.default_rng(0), None, 0, 0
    for _ in range(200):
        table = counted(BANK, *drawn(rng, 1000))
        held = judge_performance(charter, BANK, table, []).limits
        assert len(held) == 4
        found, watch = limit_findings(charter, held, watch)
        windows += bool(found)
        by_interval += any(one.beyond > 1.959964 for one in held)
    # One window in a thousand by itself; each by its own 95 % interval, one in fifteen.
    assert windows <= 2
    assert by_interval >= 8


def test_what_is_expected_at_its_limit_raises_hardly_an_alarm() -> None:
    rng, windows = np.random.default_rng(3), 0
    for seed in range(4):
        model = watched(seed + 50)
        truth = measured_after(counted(model, *drawn(rng, 400_000)), model)
        charter = _charter(recall=Limit(at_least=truth["recall"].value))
        watch = None
        for _ in range(50):
            table = counted(model, drawn(rng, 1000)[0])
            held = judge_performance(charter, model, table, []).limits
            assert held[0].basis == "expected"
            found, watch = limit_findings(charter, held, watch)
            windows += bool(found)
    assert windows <= 1


def _held(beyond: float, basis: Basis = "realised") -> AgainstLimit:
    return AgainstLimit("f1", Estimate(0.5, 0.4, 0.6, 100, ""), "at least 0.6", beyond, basis)


def _told(charter: Charter, beyond: list[float], basis: Basis) -> list[tuple[Finding, ...]]:
    watch: ValueWatch | None = None
    told = []
    for each in beyond:
        found, watch = limit_findings(charter, [_held(each, basis)], watch)
        told.append(found)
    return told


def test_only_what_one_window_shows_by_itself_is_called_sure() -> None:
    charter = _charter(f1=Limit(at_least=0.6))
    assert _told(charter, [2.5], "realised") == [()]
    ((alone,),) = _told(charter, [4.0], "realised")
    assert alone.kind == "performance"
    assert alone.text == "F1 from labels 0.5 [0.4, 0.6] surely misses the limit: at least 0.6"
    together = _told(charter, [1.8] * 10, "realised")
    assert not any(together[:3])
    assert together[-1][0].text.endswith("misses, with windows before it, the limit: at least 0.6")
    assert not _told(charter, [1.8] * 10 + [-1.0], "realised")[-1]
    assert not any(_told(charter, [1.8] * 50, "expected")), "calibrators err alike in each window"
    assert _told(charter, [4.0], "expected")[0][0].text.startswith("F1 expected before labels")


def test_every_limit_looked_at_makes_each_wider() -> None:
    one = _charter(f1=Limit(at_least=0.6))
    rail = Guardrail(metric="demographic_parity_ratio", column="sex", at_least=0.8)
    many = _charter(f1=Limit(at_least=0.6, at_most=0.9), recall=Limit(at_least=0.2))
    noise = Guardrail(metric="value_kept_under_noise", at_least=0.8)
    many = many.model_copy(update={"guardrails": (rail, noise)})
    assert (limits_looked_at(one), limits_looked_at(many)) == (1, 4)
    assert limits_looked_at(_charter()) == 1
    assert limits_looked_at(_charter(uplift_per_month=Limit(at_least=0))) == 1
    assert sure_confidence(one) == pytest.approx(1 - 2 / 1000)
    assert sure_confidence(many) == pytest.approx(1 - 2 / 4000)
    assert _told(one, [3.4], "realised")[0]
    assert not _told(many, [3.4], "realised")[0]


def test_limits_that_nothing_can_miss_or_keep() -> None:
    sure = Measurement(1.0, 0.0, 0.0, 0.0, 50, 50)
    below, above = against_limit("f1", sure, Limit(at_least=0.99, at_most=1.0), "realised")
    assert below.beyond < 0
    assert above.beyond == 0
    (never,) = against_limit("f1", sure, Limit(at_least=1.5), "realised")
    assert never.beyond == 9
    (none,) = against_limit("f1", sure, Limit(at_most=0.9), "realised")
    assert none.beyond == pytest.approx(0.1 / np.sqrt(0.9 * 0.1 / 50))
    before = measured_before(counted(BANK, drawn(np.random.default_rng(1), 500)[0]), BANK)
    (loss,) = against_limit("log_loss", before["log_loss"], Limit(at_most=0.1), "expected")
    one = before["log_loss"]
    assert loss.beyond == pytest.approx((one.value - 0.1) / one.error)
