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
    many = np.random.default_rng(2).gamma(0.4, 30.0, 100_000) - 6
    few = np.random.default_rng(3).choice([-1.0, 9.0], 100_000, p=[0.9, 0.1])
    owner = np.arange(100_000) // 4
    for name, given, clusters in (
        ("all different", many, None),
        ("two payoffs", few, None),
        ("all different, by entity", many, owner),
    ):
        cpu = cpu_of(
            lambda given=given, clusters=clusters: bootstrap_mean(
                given, seed=1, resamples=10_000, clusters=clusters
            )
        )
        print(f"  100,000 cases, 10,000 resamples, {name:26} {cpu:6.3f} CPU s")
    interval = stats.bootstrap(
        (values,), np.mean, n_resamples=_RESAMPLES, method="BCa", rng=1, batch=100
    ).confidence_interval
    print(f"  scipy [{interval.low:.4f}, {interval.high:.4f}]  assay {ours()!r}")
