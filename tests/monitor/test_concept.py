from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.watched_cases import (
    counted,
    counted_amounts,
    counted_of_three,
    drawn,
    drawn_amounts,
    drawn_of_three,
    watched,
    watched_amounts,
    watched_of_three,
)

from assay.monitor.concept import concept_drift, concept_findings
from assay.monitor.performance import Tables
from assay.monitor.watched import Watched

Window = Callable[[Watched, np.random.Generator, float], Tables]


def _two(model: Watched, rng: np.random.Generator, drift: float) -> Tables:
    return counted(model, *drawn(rng, 1000, shift=0.4, drift=drift))


def _three(model: Watched, rng: np.random.Generator, drift: float) -> Tables:
    return counted_of_three(model, *drawn_of_three(rng, 1000, turn=drift))


def _amounts(model: Watched, rng: np.random.Generator, drift: float) -> Tables:
    return counted_amounts(model, *drawn_amounts(rng, 1000, off=3 * drift))


KINDS: dict[str, tuple[Callable[[int], Watched], Window]] = {
    "two": (watched, _two),
    "three": (watched_of_three, _three),
    "amounts": (watched_amounts, _amounts),
}


@pytest.mark.parametrize("kind", KINDS)
def test_while_nothing_drifts_nothing_is_told(kind: str) -> None:
    make, window = KINDS[kind]
    alarms = 0
    for seed in range(8):
        model, rng = make(seed), np.random.default_rng(100 + seed)
        windows = [window(model, rng, 0.0) for _ in range(25)]
        alarms += any(concept_drift(model, windows[:end]).drifting for end in (5, 15, 25))
    assert alarms == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_drift_is_told_soon_after_many_good_windows(kind: str) -> None:
    make, window = KINDS[kind]
    model, rng = make(0), np.random.default_rng(9)
    good = [window(model, rng, 0.0) for _ in range(20)]
    off = [window(model, rng, 1.0) for _ in range(6)]
    assert not concept_drift(model, good).drifting
    seen = concept_drift(model, [*good, *off])
    assert seen.drifting
    assert 18 <= seen.spans[0].since <= 21, "where it began"
    finding = concept_findings(seen)[0]
    assert finding.kind == "concept"
    assert finding.metric == ("residuals" if kind == "amounts" else "calibration")
    assert "since window" in finding.text
    document = json.loads(json.dumps(seen.document()))
    assert document["drifting"]
    assert document["spans"][0]["realised"]["n"] == seen.spans[0].realised.n


def test_which_scores_are_off_is_said() -> None:
    model, rng = watched(3), np.random.default_rng(4)
    windows = []
    for _ in range(6):
        score, y = drawn(rng, 2000)
        top = score > 0.8
        y[top] = rng.random(int(top.sum())) < 0.3  # the surest cases no longer come
        windows.append(counted(model, score, y))
    seen = concept_drift(model, windows)
    assert seen.drifting
    assert all(span.gap < 0 for span in seen.spans)
    assert min(span.expected for span in seen.spans) > 0.5
    assert seen.spans[0].outcome == "yes"


def test_labels_not_there_yet_say_nothing() -> None:
    model, rng = watched(3), np.random.default_rng(4)
    score, _ = drawn(rng, 2000)
    assert concept_drift(model, [counted(model, score)] * 3).evidence < 10
    assert concept_drift(model, []).evidence == 0
    assert concept_findings(concept_drift(model, [])) == ()


def test_without_calibration_labels_there_is_nothing_to_hold_labels_against() -> None:
    model, rng = watched(3), np.random.default_rng(4)
    bare = replace(model.cells, labelled=np.zeros_like(model.cells.labelled))
    score, y = drawn(rng, 2000, drift=2.0)
    unlearned = replace(model)
    vars(unlearned)["cells"] = bare
    table = counted(model, score, y)
    assert concept_drift(model, [table] * 3).drifting
    assert not concept_drift(unlearned, [table] * 3).drifting
