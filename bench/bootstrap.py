"""The interval of a mean: our BCa bootstrap beside SciPy's, the same resamples."""

from __future__ import annotations

import numpy as np
from bench.turns import compare, cpu_of, rounds
from scipy import stats

from assay.stats.bootstrap import bootstrap_mean

_RESAMPLES = 2000


def run() -> None:
    values = np.random.default_rng(1).gamma(0.4, 30.0, 5_000) - 6
    ours = lambda: bootstrap_mean(values, seed=1, resamples=_RESAMPLES)  # noqa: E731
    scipys = lambda: stats.bootstrap(  # noqa: E731
        (values,), np.mean, n_resamples=_RESAMPLES, method="BCa", rng=1, batch=100
    )
    print(f"  5,000 cases, {_RESAMPLES} resamples")
    compare(
        {"scipy BCa": lambda: cpu_of(scipys), "assay BCa": lambda: cpu_of(ours)},
        rounds=rounds(5),
        unit="CPU s",
        against="scipy BCa",
    )
    interval = stats.bootstrap(
        (values,), np.mean, n_resamples=_RESAMPLES, method="BCa", rng=1, batch=100
    ).confidence_interval
    print(f"  scipy [{interval.low:.4f}, {interval.high:.4f}]  assay {ours()!r}")
