from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from assay.monitor.creep import Creep, CreepState, creep
from assay.monitor.discovery import discovered, discovered_creep
from assay.monitor.drift import Drift, drift
from assay.stats.profile import Profile, profile
from assay.stats.reference import Reference, make_reference, read_reference

Numbered = list[tuple[int, Profile]]


def _rows(generator: np.random.Generator, n: int, shift: float = 0.0) -> dict[str, np.ndarray]:
    jobs = np.array(["cook", "clerk", "smith"], dtype=object)
    return {
        "x": generator.normal(shift, 1, n),
        "y": np.where(generator.random(n) < 0.1 + shift / 3, np.nan, generator.normal(size=n)),
        "job": generator.choice(jobs, n, p=[0.5 + shift / 2, 0.3 - shift / 2, 0.2]),
    }


KNOWN = read_reference(make_reference(_rows(np.random.default_rng(1), 20_000)))


def _windows(count: int, shift: float, seed: int, n: int = 1000) -> Numbered:
    generator = np.random.default_rng(seed)
    return [(at, profile(_rows(generator, n, shift), KNOWN.grid)) for at in range(count)]


def test_what_stays_shifted_a_little_is_found_and_named() -> None:
    windows = _windows(40, 0.06, 2)
    alone = [drift(KNOWN, window).moved for _, window in windows]
    assert sum(map(bool, alone)) < 30
    found = creep(KNOWN, windows)
    assert {one.feature for one in found.moved} == {"x", "y", "job"}
    x = next(one for one in found.moved if one.feature == "x")
    assert x.shift == pytest.approx(0.06, abs=0.03)
    assert x.since <= 10
    assert "values shifted by +0.0" in x.text
    json.dumps(found.document(), allow_nan=False)


def test_what_does_not_move_raises_no_alarm() -> None:
    found = creep(KNOWN, _windows(100, 0.0, 3))
    assert not found.moved


def test_a_single_jump_is_no_creep() -> None:
    windows = _windows(6, 0.0, 4)
    jump = profile(_rows(np.random.default_rng(5), 1000, 0.29), KNOWN.grid)
    windows[3] = (3, jump)
    assert not creep(KNOWN, windows).moved


@pytest.mark.parametrize("cuts", [(3, 7), (1, 2, 3), (9,)])
def test_windows_in_one_go_or_bit_by_bit_or_twice_give_one_state(cuts: tuple[int, ...]) -> None:
    windows = _windows(10, 0.08, 6)
    whole = creep(KNOWN, windows)
    state: CreepState | None = None
    for start, stop in zip((0, *cuts), (*cuts, 10), strict=True):
        told = creep(KNOWN, windows[max(0, start - 2) : stop], state)
        state = CreepState.from_document(json.loads(json.dumps(told.state.document())))
    assert state is not None
    assert state.document() == whole.state.document()
    again = creep(KNOWN, windows, state)
    assert again.evidence == whole.evidence


def test_no_history_is_said_and_the_state_waits() -> None:
    short = replace(KNOWN, windows=KNOWN.windows[:9])
    found = creep(short, _windows(5, 0.3, 7))
    assert "9 reference windows, 10 needed" in found.note
    assert found.state.windows == 0


def test_an_unknown_state_is_refused_and_another_reference_starts_anew() -> None:
    with pytest.raises(ValueError, match="format 9"):
        CreepState.from_document({"format": 9})
    state = creep(KNOWN, _windows(5, 0.3, 8)).state
    other: Reference = read_reference(
        make_reference({"z": np.random.default_rng(9).normal(size=4000)})
    )
    later = profile({"z": np.zeros(100)}, other.grid)
    found = creep(other, [(5, later)], state)
    assert found.state.names == ("z: values",)
    assert found.state.windows == 1


def test_a_window_without_values_is_no_bet() -> None:
    before = creep(KNOWN, _windows(5, 0.1, 10))
    empty = profile({"x": np.empty(0), "y": np.empty(0), "job": np.empty(0, object)}, KNOWN.grid)
    after = creep(KNOWN, [(5, empty)], before.state)
    assert np.isfinite(after.evidence)
    assert after.evidence == pytest.approx(before.evidence, rel=0.05)


def _sweep(models: int, shifted: int) -> dict[str, Drift]:
    return {
        f"m{at}": drift(KNOWN, _windows(1, 0.3 if at < shifted else 0.0, 100 + at)[0][1])
        for at in range(models)
    }


def test_a_sweep_has_one_error_rate() -> None:
    apart = _sweep(60, 2)
    together = discovered(apart)
    assert {name for name, one in together.items() if one.moved} >= {"m0", "m1"}
    wrong = sum(bool(one.moved) for name, one in together.items() if name not in {"m0", "m1"})
    assert wrong <= sum(bool(one.moved) for name, one in apart.items()) - 2
    assert wrong <= 2
    assert discovered({"none": Drift({}, judged=False)})["none"].features == {}


def test_creep_of_many_models_is_judged_by_e_values() -> None:
    creeping = creep(KNOWN, _windows(40, 0.1, 11))
    calm = {f"calm {at}": creep(KNOWN, _windows(40, 0.0, 12 + at)) for at in range(3)}
    found = discovered_creep({"creeping": creeping, **calm})
    assert {one.model for one in found} == {"creeping"}
    assert discovered_creep({}) == ()
    assert isinstance(creeping, Creep)
