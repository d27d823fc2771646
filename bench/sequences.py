"""A million observations into each statistic that is watched: one update and one look, CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import ville
from bench.turns import compare, cpu_of, rounds

from assay.stats.asymptotic_sequence import AsymptoticSequence
from assay.stats.beta_binomial import BetaBinomialSequence, RateProcess
from assay.stats.betting import BettingProcess
from assay.stats.empirical_bernstein import EmpiricalBernsteinSequence
from assay.stats.hedged_betting import HedgedBettingSequence
from assay.stats.quantile_sequence import QuantileSequence, quantile_interval
from assay.stats.two_arms import TwoArms

_CASES = 1_000_000
_UNIT = (0.0, 1.0)


def _split(x: np.ndarray, on: np.ndarray) -> Any:
    arms = TwoArms(_UNIT, shares=(0.5,), centre=0.5)
    return arms.sequence().updated(arms.split(x, on, 0.5)[0]).interval()


def _candidates() -> dict[str, Callable[[], object]]:
    rng = np.random.default_rng(7)
    x = rng.beta(0.5, 3.0, _CASES)  # every value another: the slowest case
    on = rng.random(_CASES) < 0.5
    events = int((x > 0.9).sum())
    cells = QuantileSequence.start(0.99, np.linspace(0.05, 1.0, 20))
    bernstein = EmpiricalBernsteinSequence.start(_UNIT)
    hedged, bet = HedgedBettingSequence.start(_UNIT), BettingProcess.against(0.14, _UNIT)
    return {
        "ville empirical Bernstein": lambda: ville.EmpiricalBernsteinCS().fit(x).interval(),
        "ville asymptotic": lambda: ville.AsymptoticCS().fit(x).interval(),
        "assay empirical Bernstein": lambda: bernstein.updated(x).interval(),
        "assay asymptotic": lambda: AsymptoticSequence().updated(x).interval(),
        "assay hedged betting": lambda: hedged.updated(x).interval(),
        "assay one-sided bet": lambda: bet.updated(x).rejects(0.05),
        "assay rate": lambda: BetaBinomialSequence().updated(events, _CASES).interval(),
        "assay rate above limit": lambda: RateProcess.against(0.01).updated(events, _CASES).log_e,
        "assay quantile of cells": lambda: cells.updated(x).interval(),
        "assay quantile of values": lambda: quantile_interval(x, 0.99),
        "assay two arms, split": lambda: _split(x, on),
    }


def run() -> None:
    print(f"  {_CASES:,} observations, all different")
    candidates = {
        name: (lambda work=work: cpu_of(work))  # type: ignore[misc]
        for name, work in _candidates().items()
    }
    medians = compare(
        candidates, rounds=rounds(5), unit="CPU s", against="ville empirical Bernstein"
    )
    ours = {name: took for name, took in medians.items() if name.startswith("assay")}
    slowest = max(ours, key=ours.__getitem__)
    print(f"  slowest of ours: {slowest}, {ours[slowest]:.2f} CPU s")
