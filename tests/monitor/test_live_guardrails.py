from __future__ import annotations

import json

import numpy as np
import pytest
from fairlearn import metrics as peer
from numpy.typing import NDArray
from tests.bank_charter import CHARTER
from tests.watched_cases import bank, counted, drawn, watched

from assay.charter.charter import Charter
from assay.charter.limits import Guardrail
from assay.monitor.live_guardrails import fairness_findings, live_guardrails
from assay.stats.rate_gaps import GroupRate, widest_gap

MODEL = watched(0)
METRICS = [
    f"{name}_{form}"
    for name in ("demographic_parity", "equal_opportunity", "equalized_odds")
    for form in ("difference", "ratio")
]


def _charter(*guardrails: Guardrail) -> Charter:
    return Charter.model_validate(CHARTER).model_copy(update={"guardrails": guardrails})


def _limit(metric: str, column: str = "sex") -> Guardrail:
    if metric.endswith("ratio"):
        return Guardrail(metric=metric, column=column, at_least=0.8)
    return Guardrail(metric=metric, column=column, at_most=0.1)


def _cases(
    seed: int, n: int, gap: float
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    group = (rng.random(n) < 0.4).astype(np.int64)
    score, y = drawn(rng, n)
    moved, other = drawn(rng, n, shift=gap)
    return np.where(group == 1, moved, score), np.where(group == 1, other, y), group


@pytest.mark.parametrize("metric", METRICS)
def test_live_fairness_is_that_of_fairlearn_on_rows(metric: str) -> None:
    score, y, group = _cases(1, 4000, 0.8)
    table = counted(MODEL, score, y, group, ("f", "m"))
    one = live_guardrails(_charter(_limit(metric)), MODEL, table)[0]
    selected = bank().decide(MODEL.forecast(score), {}) == 0
    function = getattr(peer, metric)
    value = function(y, selected.astype(int), sensitive_features=group)
    assert one.estimate is not None
    assert one.estimate.mean == pytest.approx(value)
    assert one.estimate.low <= value <= one.estimate.high
    assert set(json.loads(json.dumps(one.document()))["groups"]) <= {
        "selection",
        "true_positive",
        "false_positive",
    }


def test_only_what_is_surely_broken_is_told() -> None:
    charter = _charter(*(_limit(metric) for metric in METRICS))
    equal = counted(MODEL, *_cases(2, 4000, 0.0), ("f", "m"))
    assert fairness_findings(live_guardrails(charter, MODEL, equal)) == ()
    apart = counted(MODEL, *_cases(2, 4000, 1.0), ("f", "m"))
    found = fairness_findings(live_guardrails(charter, MODEL, apart))
    assert {"demographic_parity_ratio by sex", "demographic_parity_difference by sex"} <= {
        one.metric for one in found
    }
    assert all(one.kind == "fairness" for one in found)
    assert "selection rate from" in found[0].text
    few = counted(MODEL, *_cases(2, 120, 0.25), ("f", "m"))
    unsure = live_guardrails(charter, MODEL, few)
    assert any(one.estimate and one.estimate.mean > 0 for one in unsure)
    assert fairness_findings(unsure) == ()


def test_before_labels_selection_alone_is_judged() -> None:
    score, _, group = _cases(3, 2000, 1.0)
    table = counted(MODEL, score, None, group, ("f", "m"))
    by = {
        one.guardrail.metric: one
        for one in live_guardrails(_charter(*(_limit(each) for each in METRICS)), MODEL, table)
    }
    assert by["demographic_parity_ratio"].broken
    assert by["equal_opportunity_ratio"].estimate is None
    assert "labelled cases" in by["equal_opportunity_ratio"].note


def test_what_cannot_be_measured_says_why() -> None:
    score, y, group = _cases(4, 2000, 0.0)
    table = counted(MODEL, score, y, group, ("f", "m"))
    charter = _charter(_limit("demographic_parity_ratio", "race"))
    assert "`monitoring.segments`" in live_guardrails(charter, MODEL, table)[0].note
    rare = counted(MODEL, score, y, np.where(np.arange(2000) < 10, 1, 0), ("f", "m"))
    one = live_guardrails(_charter(_limit("demographic_parity_ratio")), MODEL, rare)[0]
    assert one.note.startswith("Fewer than two groups of sex have 30 cases")
    assert one.small == ("m",)
    noise = Guardrail(metric="value_kept_under_noise", at_least=0.5)
    assert live_guardrails(_charter(noise), MODEL, table) == ()


def test_labels_of_the_selected_alone_tell_no_gap_between_groups() -> None:
    score, y, group = _cases(5, 4000, 2.5)
    called = bank().decide(MODEL.forecast(score), {}) == 0
    charter = _charter(*(_limit(metric) for metric in METRICS))
    every = live_guardrails(charter, MODEL, counted(MODEL, score, y, group, ("f", "m")))
    broken = {one.guardrail.metric for one in every if one.broken}
    assert broken >= {"equal_opportunity_difference", "equalized_odds_difference"}
    data = charter.data.model_copy(update={"revealed_by": ("call",)})
    hiding = charter.model_copy(update={"data": data})
    table = counted(MODEL, score, np.where(called, y, -1), group, ("f", "m"))
    by = {one.guardrail.metric: one for one in live_guardrails(hiding, MODEL, table)}
    for metric in METRICS:
        one = by[metric]
        if metric.startswith("demographic"):
            assert one.broken
        else:
            assert one.hidden
            assert not one.broken
            assert one.note.startswith("Not identified: outcomes are seen only after call")
    both = by["equalized_odds_ratio"].note
    assert both.endswith("and true positive and false positive rates need those of all cases.")
    data = charter.data.model_copy(update={"revealed_by": ("call", "skip")})
    open_ = charter.model_copy(update={"data": data})
    assert all(one.estimate for one in live_guardrails(open_, MODEL, table))


def test_a_gap_at_its_limit_is_broken_seldom() -> None:
    shares = [
        float(
            (
                bank().decide(
                    MODEL.forecast(drawn(np.random.default_rng(1), 400_000, shift=by)[0]), {}
                )
                == 0
            ).mean()
        )
        for by in (0.0, 0.4)
    ]
    limit = Guardrail(
        metric="demographic_parity_difference", column="sex", at_most=shares[1] - shares[0]
    )
    charter = _charter(limit)
    broken = surely = 0
    for seed in range(200):
        table = counted(MODEL, *_cases(seed, 1000, 0.4), ("f", "m"))
        (one,) = live_guardrails(charter, MODEL, table)
        assert one.estimate is not None
        assert one.sure is not None
        assert one.sure.low <= one.estimate.low <= one.estimate.high <= one.sure.high
        surely += one.broken
        broken += one.estimate.low > (limit.at_most or 0)
    assert surely == 0 < broken


@pytest.mark.parametrize("kind", ["difference", "ratio"])
def test_intervals_of_the_widest_gap_cover(kind: str) -> None:
    rng = np.random.default_rng(0)
    rates = {"a": 0.3, "b": 0.3, "c": 0.25}
    truth = 0.05 if kind == "difference" else 0.25 / 0.3
    hits = 0
    for _ in range(200):
        groups = {
            name: GroupRate(float(rng.binomial(400, rate)), 400.0) for name, rate in rates.items()
        }
        gap = widest_gap(groups, "difference" if kind == "difference" else "ratio")
        assert gap is not None
        hits += gap.low <= truth <= gap.high
    assert hits >= 188


def test_gaps_at_the_ends() -> None:
    none = {"a": GroupRate(0, 50), "b": GroupRate(0, 80)}
    assert widest_gap(none, "ratio") is None
    flat = widest_gap(none, "difference")
    assert flat is not None
    assert flat.mean == flat.low == 0 < flat.high
    one_sided = widest_gap({"a": GroupRate(0, 50), "b": GroupRate(40, 80)}, "ratio")
    assert one_sided is not None
    assert one_sided.mean == one_sided.low == 0 < one_sided.high < 0.3
    assert widest_gap({"a": GroupRate(3, 50)}, "difference") is None
