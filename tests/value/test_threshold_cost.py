from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from assay.charter.policy import BestAction, Policy, Threshold, TopK
from assay.stats.bootstrap import bootstrap_mean
from assay.stats.clusters import Clusters
from assay.value.classification import ClassificationValuation
from assay.value.continuous_payoff import UnitCosts
from assay.value.payoff import PayoffTable
from assay.value.regression import RegressionValuation
from assay.value.reviewer import Reviewer
from assay.value.threshold_cost import policy_threshold, threshold_cost

Known = tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]


def bank(policy: Policy | None = None, yes: Any = 9.0) -> ClassificationValuation:
    caps = {"amount": (0.0, 100.0)} if isinstance(yes, str) else {}
    table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, yes), (0.0, 0.0)), caps)
    return ClassificationValuation(
        "EUR", table, policy or BestAction(), {"nobody": "skip"}, "nobody"
    )


def scored(n: int, seed: int, power: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 5, n)
    outcomes = (rng.random(n) < p**power).astype(np.int64)
    return np.column_stack([1 - p, p]), outcomes


def test_the_difference_is_paired_on_the_same_cases() -> None:
    forecast, outcomes = scored(4000, 1)
    found = threshold_cost(bank(), forecast, outcomes, {}, 2000, seed=4)
    p = forecast[:, 1]
    between = (p >= 0.1) & (p < 0.5)
    lost = np.where(between, 10.0 * outcomes - 1, 0.0)
    by_hand = bootstrap_mean(lost, seed=4, bounds=(-1.0, 9.0)).scaled(2000, "EUR per month")
    assert found.cost == by_hand
    assert found.use == 0.1
    assert found.text == (
        f"0.5 would cost {by_hand.mean:,.0f} EUR a month "
        f"[{by_hand.low:,.0f}, {by_hand.high:,.0f}]; use 0.1"
    )
    document = json.loads(json.dumps(found.document(), allow_nan=False))
    assert document["text"] == found.text


def test_sentences_for_every_case() -> None:
    forecast, outcomes = scored(4000, 1)

    def told(threshold: float, at: float, of: slice = slice(None)) -> str:
        valued = bank(Threshold(action="call", otherwise="skip", at=at))
        known: Known = (forecast[of], outcomes[of], {})
        return threshold_cost(valued, *known, 2000, seed=0, threshold=threshold).text

    assert told(0.1, 0.6).startswith("0.1 would bring ")
    assert told(0.1, 0.6).endswith("] than 0.6")
    unclear = ": these cases do not tell them apart"
    assert told(0.1, 0.12, slice(200)).startswith("0.1 would cost ")
    assert told(0.1, 0.12, slice(200)).endswith(" against 0.12" + unclear)
    assert told(0.12, 0.1, slice(200)).startswith("0.12 would bring ")
    assert told(0.12, 0.1, slice(200)).endswith(" than 0.1" + unclear)
    assert told(0.3, 0.3) == "0.3 decides these cases as well as 0.3"


def test_the_cost_of_0_5_covers_the_truth() -> None:
    """The intervals hold the true cost in 95 of 100 samples; best on the sample would not."""
    truth_forecast, truth = scored(400_000, 777)
    true = threshold_cost(bank(), truth_forecast, truth, {}, 1, seed=0).cost.mean
    covered = 0
    for seed in range(100):
        forecast, outcomes = scored(1500, 1000 + seed)
        cost = threshold_cost(bank(), forecast, outcomes, {}, 1, seed=seed).cost
        covered += cost.low <= true <= cost.high
    assert covered >= 90


def test_a_threshold_chosen_on_the_same_cases_is_not_flattered() -> None:
    """Scores say nothing: whatever is learned from them gains nothing, in the mean."""
    flattered, fitted = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        p = rng.random(300)
        outcomes = (rng.random(300) < 0.1).astype(np.int64)  # acting brings nothing anywhere
        forecast = np.column_stack([1 - p, p])
        found = threshold_cost(bank(), forecast, outcomes, {}, 1, seed=0, against="best")
        fitted.append(found.cost.mean)
        gains = np.where(outcomes == 1, 9.0, -1.0)
        totals = [gains[p >= at].sum() for at in np.linspace(0, 1, 101)]
        flattered.append((max(totals) - gains[p >= 0.5].sum()) / 300)
    error = np.std(fitted) / np.sqrt(60)
    assert abs(np.mean(fitted)) < 3 * error
    assert np.mean(flattered) > 5 * error


def test_the_best_threshold_shows_where_probabilities_are_off() -> None:
    forecast, outcomes = scored(20_000, 3, power=2.0)  # far too high: p says p squared
    found = threshold_cost(
        bank(), forecast, outcomes, {}, 1000, seed=0, threshold=0.1, against="best"
    )
    assert found.use == pytest.approx(np.sqrt(0.1), abs=0.06)
    assert found.cost.low > 0
    assert found.text.startswith("0.1 would cost ")
    assert "the others teach" in found.how


def test_the_policy_decides_by_more_than_a_threshold() -> None:
    forecast, outcomes = scored(3000, 5)
    amount = {"amount": np.where(np.arange(3000) % 2 == 0, 2.0, 60.0)}
    by_row = threshold_cost(bank(yes="amount"), forecast, outcomes, amount, 1000, seed=0)
    assert by_row.use is None
    assert by_row.text.endswith("; let each case's own payoffs decide")
    limited = bank(TopK(action="call", otherwise="skip", k=1, of=10))
    found = threshold_cost(limited, forecast, outcomes, {}, 1000, seed=0, threshold=1.0)
    assert found.text.endswith("; keep to the policy")
    asked = replace(bank(), reviewer=Reviewer(0.1, 0.95))
    assert policy_threshold(asked, {}, 3000) is None
    assert threshold_cost(asked, forecast, outcomes, {}, 1000, seed=0).cost.low > 0


def test_whose_threshold_it_is() -> None:
    forecast, outcomes = scored(3000, 6)
    free = bank(Threshold(action="call", otherwise="skip"))
    assert policy_threshold(free, {}, 10) == 0.1
    learned = replace(free, learned=0.13)
    assert policy_threshold(learned, {}, 10) == 0.13
    assert "learned on other" in threshold_cost(learned, forecast, outcomes, {}, 1000, seed=0).how
    assert policy_threshold(bank(yes="amount"), {"amount": np.ones(10)}, 10) is None


def test_whole_clusters_are_resampled_and_left_out() -> None:
    forecast, outcomes = scored(300, 7)
    owner = Clusters(np.repeat(np.arange(300), 10), "entity")
    often: Known = (np.repeat(forecast, 10, axis=0), np.repeat(outcomes, 10), {})
    for against in ("policy", "best"):
        once = threshold_cost(bank(), forecast, outcomes, {}, 1, seed=0, against=against)
        many = threshold_cost(bank(), *often, 1, seed=0, against=against, clusters=owner)
        # what is learned differs a little: repeated rows look like more to learn from
        assert many.cost.mean == pytest.approx(once.cost.mean, abs=0.05)
        assert many.cost.high - many.cost.low == pytest.approx(
            once.cost.high - once.cost.low, rel=0.15
        )


def test_refusals_of_thresholds() -> None:
    amounts = RegressionValuation("EUR", UnitCosts(3, 1), {"ten": 10.0}, "ten")
    with pytest.raises(ValueError, match="regression"):
        threshold_cost(amounts, np.ones((2, 3)), np.ones(2), {}, 1, seed=0)
    assert policy_threshold(amounts, {}, 2) is None
    three = PayoffTable(("a", "b"), ("x", "y", "z"), ((1.0, 0.0, 0.0), (0.0, 1.0, 2.0)))
    several = ClassificationValuation("EUR", three, BestAction(), {"n": "a"}, "n")
    with pytest.raises(ValueError, match="positive"):
        threshold_cost(several, np.full((3, 3), 1 / 3), np.arange(3), {}, 1, seed=0)
    forecast, outcomes = scored(10, 8)
    with pytest.raises(ValueError, match="between 0 and 1"):
        threshold_cost(bank(), forecast, outcomes, {}, 1, seed=0, threshold=1.5)
