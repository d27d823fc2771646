"""The simulations of watched rollouts in their short form; `make simulate` runs 1,000 of each."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


def _loaded(name: str) -> Any:
    """Import a simulation, which lies beside the package."""
    sys.path.insert(0, str(ROOT))
    try:
        return importlib.import_module(f"bench.simulate.{name}")
    finally:
        sys.path.remove(str(ROOT))


rollouts, sizes, releases = _loaded("rollouts"), _loaded("rollout_sizes"), _loaded("releases")
SCENES = {scene.true: scene for scene in rollouts.SCENES}


@pytest.mark.parametrize("true", SCENES)
def test_no_scene_is_decided_wrongly_more_often_than_agreed(true: str) -> None:
    found = rollouts.rates(SCENES[true], runs=25, seed=4100)
    assert found.watched / found.runs <= found.most


@pytest.mark.parametrize(
    "true", ["worse by the tolerance, half of traffic", "alike, half of traffic"]
)
def test_watching_errs_at_most_alpha_where_a_z_test_peeked_at_errs_far_more(true: str) -> None:
    found = rollouts.rates(SCENES[true], runs=120, seed=4201)
    assert found.watched / found.runs <= found.most
    assert found.peeked / found.runs > found.most, "beyond what luck explains"
    assert found.peeked > 3 * found.watched, "though it stops at its first verdict too"


def test_a_fixed_threshold_on_the_same_data_errs_about_half_of_the_time() -> None:
    found = rollouts.rates(SCENES["worse by the tolerance, half of traffic"], runs=60, seed=4250)
    assert 0.3 < found.fixed / found.runs < 0.7
    assert found.watched / found.runs <= found.most


@pytest.mark.parametrize("where", releases.WORSE)
def test_a_clearly_worse_version_goes_within_the_stated_expected_number(where: str) -> None:
    found = releases.gone(where, runs=40, seed=4600)
    assert found.rolled_back == 1.0
    assert found.taken < 1.15 * found.stated, "a mean of forty runs"
    assert found.in_time > 0.9


@pytest.mark.parametrize("scene", releases.DROPPED, ids=lambda scene: scene.true)
def test_dropped_copies_promote_nobody_wrongly(scene: Any) -> None:
    found = releases.dropped(scene, runs=20, seed=4700)
    assert found.watched / found.runs <= found.most
    assert 0.07 < found.missing < 0.13
    if scene.of_losses:
        assert found.fixed / found.runs > 0.7, "who leaves them out is fooled"
        assert found.peeked > found.watched
    else:
        assert found.peeked is found.fixed is None, "they would promote rightly"


@pytest.mark.parametrize("place", range(len(releases.GUARDRAILS)))
def test_guardrails_at_their_limits_are_decided_wrongly_at_most_as_agreed(place: int) -> None:
    found = releases.guarded(releases.GUARDRAILS[place], runs=25, seed=4800)
    assert found.watched / found.runs <= found.most
    assert found.peeked > found.watched
    assert found.fixed > found.watched


def test_guardrails_are_kept_about_when_it_was_stated() -> None:
    half = releases.soon(0.025, runs=30, seed=4900)
    assert half.decided == 1.0
    assert 0.6 < half.taken / half.stated < 1.3
    assert releases.soon(0.15, runs=30, seed=4901).taken < 200


def test_outcomes_that_come_late_promote_nobody_wrongly() -> None:
    found = rollouts.late(runs=15, seed=4300)
    assert found.watched / found.runs <= found.most
    assert found.peeked / found.runs > 0.5, "who takes what came is fooled"


def test_promotions_come_about_when_planned_and_in_the_order_of_fixed_tests() -> None:
    (row,) = (row for row in sizes.SIZES if "0.5, half" in row.true)
    one = sizes.size(row, runs=40, seed=4400)
    assert one.promoted == 1.0
    assert 0.7 < one.simulated / one.planned < 1.4
    assert 1.0 < one.simulated / one.fixed < 4.0


def test_payoffs_far_from_0_take_a_small_part_of_the_units_when_counted_from_their_mean() -> None:
    """A centre that is wrong by 1.5 does most of it; the plan says beforehand what each does."""
    rows = {row.true: row for row in sizes.SIZES}
    from_0, off, near = (
        sizes.size(rows[f"8 to 12, better by 0.5, from {centre}"], runs=15, seed=4500)
        for centre in ("0", "8.5", "the mean")
    )
    assert from_0.promoted == off.promoted == near.promoted == 1.0
    assert 0.7 < from_0.simulated / from_0.planned < 1.4
    assert near.simulated < near.planned + rollouts.LOOK, "looked at each 100 units"
    assert from_0.simulated > 10 * off.simulated > 10 * near.simulated
    assert from_0.fixed > 20 * off.fixed > 40 * near.fixed


def test_the_tables_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    rollouts.main(runs=1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Wrong decisions in 1 rollouts, alpha 5%, a look each 100 units"
    assert sum(any(line.startswith(true) for true in SCENES) for line in lines) >= len(SCENES)
    releases.main(runs=1)
    told = capsys.readouterr().out
    assert all(where in told for where in releases.WORSE)
    assert all(scene.true in told for scene in releases.GUARDRAILS)
    sizes.main(runs=1)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:42].rstrip() for line in lines[2:]] == [row.true for row in sizes.SIZES]
