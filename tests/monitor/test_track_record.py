"""Whether estimates before labels were borne out, over many windows."""

import numpy as np

from assay.monitor.track_record import Gap, track_record


def _gaps(means: list[float], seed: int = 0, noise: float = 0.1) -> list[dict[str, Gap]]:
    rng = np.random.default_rng(seed)
    return [{"call": Gap(float(rng.normal(m, noise)), noise, 0.01, 1000)} for m in means]


def test_a_good_history_does_not_make_it_deaf() -> None:
    for windows in (0, 50, 200):
        history = _gaps([0.0] * windows)
        after = _gaps([-0.5] * 5, seed=1)
        told = [track_record([*history, *after[: k + 1]]).stale for k in range(5)]
        assert any(told[:4]), windows
        assert not track_record(history).stale


def test_estimates_that_hold_are_hardly_ever_called_stale() -> None:
    wrong = 0
    for seed in range(60):
        gaps = _gaps([0.0] * 100, seed=seed)
        wrong += any(track_record(gaps[: k + 1]).stale for k in range(100))
    assert wrong <= 4


def test_staleness_ends_when_estimates_hold_again() -> None:
    broken = _gaps([-0.5] * 60, seed=2)
    assert track_record(broken).stale
    assert not track_record([*broken, *_gaps([0.0] * 40, seed=3)]).stale
