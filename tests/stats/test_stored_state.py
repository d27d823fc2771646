"""Every statistic that is kept: it comes back from JSON the same, and merges as it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from assay.stats.asymptotic_sequence import AsymptoticSequence
from assay.stats.beta_binomial import BetaBinomialSequence, RateProcess
from assay.stats.betting import BettingProcess
from assay.stats.empirical_bernstein import EmpiricalBernsteinSequence
from assay.stats.hedged_betting import HedgedBettingSequence
from assay.stats.payoff_counts import PayoffCounts
from assay.stats.quantile_sequence import QuantileSequence
from assay.stats.stored_state import StoredState

BOUNDS = (-1.0, 9.0)
Floats = np.ndarray


@dataclass(frozen=True)
class Kind:
    start: StoredState
    batch: Callable[[Any, Floats], Any]
    other_claim: StoredState


def _rates(state: Any, x: Floats) -> Any:
    return state.updated(int((x > 0).sum()), len(x))


def _values(state: Any, x: Floats) -> Any:
    return state.updated(x)


def _window(state: Any, x: Floats) -> Any:
    return state.updated(*np.unique(x, return_counts=True))


KINDS = {
    "hedged": Kind(
        HedgedBettingSequence.start(BOUNDS), _values, HedgedBettingSequence.start(BOUNDS, 0.9)
    ),
    "asymptotic": Kind(AsymptoticSequence(), _values, AsymptoticSequence(0.9)),
    "rate": Kind(BetaBinomialSequence(), _rates, BetaBinomialSequence(0.9)),
    "rate process": Kind(RateProcess.against(0.2), _rates, RateProcess.against(0.2, below=True)),
    "betting": Kind(
        BettingProcess.against(0.0, BOUNDS), _values, BettingProcess.against(0.1, BOUNDS)
    ),
    "quantile": Kind(
        QuantileSequence.start(0.9, [-1.0, 0.0, 5.0]),
        _values,
        QuantileSequence.start(0.8, [-1.0, 0.0, 5.0]),
    ),
    "payoffs": Kind(PayoffCounts(BOUNDS), _values, PayoffCounts((-2.0, 9.0))),
    "bernstein window": Kind(
        EmpiricalBernsteinSequence.start(BOUNDS),
        _window,
        EmpiricalBernsteinSequence.start(BOUNDS, 0.9),
    ),
}


def _cases(seed: int, n: int = 900) -> Floats:
    return np.random.default_rng(seed).choice([-1.0, 0.5, 9.0], n, p=[0.6, 0.2, 0.2])


def _near(one: StoredState, other: StoredState) -> None:
    mine, theirs = one.document(), other.document()
    assert mine.keys() == theirs.keys()
    for name, value in mine.items():
        if name == "peak":
            continue
        if isinstance(value, str):
            assert value == theirs[name]
        else:
            np.testing.assert_allclose(
                np.asarray(value, float), np.asarray(theirs[name], float), rtol=1e-9, atol=1e-9
            )


@pytest.mark.parametrize("name", KINDS)
def test_a_state_goes_on_from_its_stored_document(name: str) -> None:
    kind = KINDS[name]
    state = kind.batch(kind.start, _cases(101))
    stored = json.loads(json.dumps(state.document(), allow_nan=False))
    back = type(state).from_document(stored)
    assert back == state
    assert kind.batch(back, _cases(102)) == kind.batch(state, _cases(102))


@pytest.mark.parametrize("name", KINDS)
def test_states_of_one_window_merge_in_any_order(name: str) -> None:
    kind = KINDS[name]
    parts = [
        kind.batch(kind.start, _cases(seed, n)) for seed, n in ((111, 300), (112, 7), (113, 0))
    ]
    whole = kind.batch(kind.start, np.concatenate([_cases(111, 300), _cases(112, 7)]))
    one, two, none = parts
    _near(one.merged(two).merged(none), whole)
    _near(none.merged(two).merged(one), whole)
    assert none.merged(none) == kind.start


@pytest.mark.parametrize("name", KINDS)
def test_states_that_ask_different_things_do_not_merge(name: str) -> None:
    kind = KINDS[name]
    with pytest.raises(ValueError, match="only"):
        kind.start.merged(kind.other_claim)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["betting", "rate process"])
def test_the_peak_of_a_part_alone_does_not_count_after_a_merge(name: str) -> None:
    kind = KINDS[name]
    lucky = kind.batch(kind.start, np.full(40, 9.0))
    unlucky = kind.batch(kind.start, np.full(400, -1.0))
    assert lucky.rejects(0.05)
    assert not lucky.merged(unlucky).rejects(0.05)
    assert lucky.merged(kind.start).rejects(0.05)


def test_a_document_of_another_kind_version_or_field_is_refused() -> None:
    document = AsymptoticSequence().document()
    with pytest.raises(ValueError, match="'AsymptoticSequence', version 1"):
        BetaBinomialSequence.from_document(document)
    with pytest.raises(ValueError, match="version 7"):
        AsymptoticSequence.from_document({**document, "version": 7})
    with pytest.raises(ValueError, match="other fields than stored: drift, squares"):
        AsymptoticSequence.from_document(
            {**{k: v for k, v in document.items() if k != "squares"}, "drift": 1.0}
        )


def test_many_distinct_payoffs_keep_their_mean_and_never_win_more() -> None:
    rng = np.random.default_rng(121)
    x = rng.uniform(-1, 9, 5000)
    seen = PayoffCounts(BOUNDS).updated(x[:400])
    assert len(seen.values) == 400
    seen = seen.updated(x[400:])
    assert len(seen.values) == 513
    assert seen.mean == pytest.approx(x.mean(), abs=1e-12)
    exact = BettingProcess.against(3.5, BOUNDS).updated(x)
    kept = BettingProcess.against(3.5, BOUNDS).updated(seen.values, seen.counts)
    lost = np.asarray(exact.log_money) - np.asarray(kept.log_money)
    assert lost.min() >= -1e-9
    assert exact.log_e - kept.log_e < 0.01
    _near(PayoffCounts(BOUNDS).updated(x[::-1]), seen)


def test_payoffs_outside_the_bounds_or_missing_are_refused() -> None:
    for value in (9.5, -1.5, np.nan):
        for start in (
            PayoffCounts(BOUNDS),
            HedgedBettingSequence.start(BOUNDS),
            BettingProcess.against(0.0, BOUNDS),
            EmpiricalBernsteinSequence.start(BOUNDS),
        ):
            with pytest.raises(ValueError, match="leave"):
                start.updated([0.0, value])
    assert np.isnan(PayoffCounts(BOUNDS).mean)
