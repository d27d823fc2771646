"""What a file's windows earned, as their tables tell it: the interval covers, rare payoffs too."""

from __future__ import annotations

import numpy as np
import pytest

from assay.charter.policy import BestAction
from assay.monitor.drift import Drift
from assay.monitor.file_cases import FileCases
from assay.monitor.file_report import FileWindow
from assay.monitor.file_scores import value_in_doubt, watched_file, with_scores
from assay.stats.grid import Grid, NumberAxis, learn_grid
from assay.stats.profile import SCORE, Profile
from assay.stats.tally import Tally
from assay.stats.tally_kernel import runs_of
from assay.value.classification import ClassificationValuation
from assay.value.payoff import PayoffTable

COST, PRIZE = 1.0, 400.0


def profiles(
    cases: FileCases, windows: int, n: int, rate: float, seed: int, least: float = 1.0
) -> list[Profile]:
    """Return windows of n cases, all acted on and told, of which few pay the prize."""
    rng = np.random.default_rng(seed)
    score = rng.random(windows * n)
    columns = {
        "score": score,
        "decision": np.ones(windows * n),
        "outcome": (rng.random(windows * n) < rate).astype(float),
        "amount": PRIZE * rng.uniform(least, 1.0, windows * n),
    }
    tables = cases.tables(columns, runs_of(np.repeat(np.arange(windows), n)), windows)
    size = cases.axis.size
    nothing = Tally(np.zeros(size, dtype=np.int64), np.zeros(size))
    return [Profile(n, {SCORE: nothing}, one) for one in tables]


def counting(*, plain: bool) -> FileCases:
    axis = learn_grid({SCORE: np.linspace(0, 1, 5000)}, cells=64).axes[SCORE]
    assert isinstance(axis, NumberAxis)
    pays = PRIZE - COST if plain else f"amount - {COST}"
    payoffs = PayoffTable(("act", "wait"), ("no", "yes"), ((-COST, pays), (0.0, 0.0)))
    valuation = ClassificationValuation(
        "EUR", payoffs, BestAction(), {"nothing": "wait"}, "nothing"
    )
    return FileCases("score", "decision", "outcome", axis, valuation)


@pytest.mark.parametrize(
    ("plain", "least", "n", "rate"),
    [(True, 1.0, 2000, 0.0015), (True, 1.0, 1000, 0.01), (False, 0.0, 2000, 0.004)],
)
def test_intervals_of_rare_payoffs_cover(plain: bool, least: float, n: int, rate: float) -> None:
    cases = counting(plain=plain)
    known = profiles(cases, 12, 2000, rate, seed=1, least=least)
    watched = watched_file(Grid({SCORE: cases.axis}), known, cases)
    truth = rate * PRIZE * (1 + least) / 2 - COST
    held = []
    for one in profiles(cases, 400, n, rate, seed=2, least=least):
        blank = FileWindow("", n, Drift({}, judged=False), {})
        found = with_scores(blank, one, watched, valued=True).value["realised"]
        assert found.low <= found.mean <= found.high
        assert found.low >= -COST or not plain  # amounts are bounded by their variance alone
        held.append(found.low <= truth <= found.high)
    assert np.mean(held) >= 0.94


def test_no_prize_seen_is_not_proof_of_none() -> None:
    cases = counting(plain=True)
    known = profiles(cases, 12, 2000, 0.01, seed=1)
    watched = watched_file(Grid({SCORE: cases.axis}), known, cases)
    (one,) = profiles(cases, 1, 2000, 0.0, seed=2)
    blank = FileWindow("", 2000, Drift({}, judged=False), {})
    found = with_scores(blank, one, watched, valued=True).value["realised"]
    assert found.mean == pytest.approx(-COST)
    # Clopper and Pearson: up to 3.69 in 2000 could have paid.
    assert -COST + 2.5 / 2000 * PRIZE < found.high < -COST + 6 / 2000 * PRIZE


@pytest.mark.parametrize("after", [False, True])
def test_amounts_known_only_afterwards_are_doubted_and_others_are_not(after: bool) -> None:
    cases, rng, n = counting(plain=False), np.random.default_rng(3), 20_000
    score = rng.random(n)
    outcome = rng.random(n) < score
    amount = PRIZE * rng.random(n) * (1 + score)  # goes with the score, which the cells know
    columns = {
        "score": score,
        "decision": np.ones(n),
        "outcome": outcome.astype(float),
        "amount": np.where(outcome, amount, 0.0) if after else amount,
    }
    tables = cases.tables(columns, runs_of(np.repeat(np.arange(10), n // 10)), 10)
    nothing = Tally(np.zeros(cases.axis.size, dtype=np.int64), np.zeros(cases.axis.size))
    known = [Profile(n // 10, {SCORE: nothing}, one) for one in tables]
    said = value_in_doubt(watched_file(Grid({SCORE: cases.axis}), known, cases))
    assert bool(said) is after
    assert all("`amount` must be known before the decision" in one for one in said)
