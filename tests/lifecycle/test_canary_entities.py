"""Entities as units: what their decisions paid together, and when that is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from assay.adapters.memory_blobs import MemoryBlobs
from assay.charter.charter import Charter
from assay.evidence.states import Live, ModelState, ReleaseState, ReleaseStep
from assay.lifecycle.agreed_rollout import rollout_plan
from assay.lifecycle.canary import decide_running
from assay.lifecycle.canary_units import Unit, unit_bounds, units_of
from assay.lifecycle.posting import Served
from assay.lifecycle.running_release import RunningRelease

from .conftest import charter

START = datetime(2026, 4, 1, tzinfo=UTC)


def _charter(horizon: str, most: int, delay: str = "1 row", **release: Any) -> Charter:
    unit = {"horizon": horizon, "most": most}
    return charter(
        data={"entity": "client", "label_delay": delay},
        release={"unit": {**unit, **release.pop("unit", {})}, **release},
    )


def _state(*shares: tuple[float, float]) -> ReleaseState:
    """A running release with (minutes after its start, share) for each step."""
    steps = [
        ReleaseStep(
            "stepped" if minute else "started",
            2,
            share,
            "",
            START + timedelta(minutes=minute),
            "canary",
        )
        for minute, share in shares
    ]
    return ReleaseState(
        "calls", champion=Live(1, "a"), challenger=Live(2, "b"), history=tuple(steps)
    )


HALF = _state((0, 0.5))


def _served(*rows: tuple[float, str, str, float]) -> Served:
    """Decisions as (minute, client, arm, payoff)."""
    records = [
        {
            "id": f"{minute}/{client}",
            "at": (START + timedelta(minutes=minute)).isoformat(),
            "entity": client,
            "arm": arm,
            "decision": "call",
            "inputs": {},
        }
        for minute, client, arm, _ in rows
    ]
    outcomes = [None if np.isnan(paid) else paid for *_, paid in rows]
    return Served(records, outcomes, np.array([paid for *_, paid in rows]))


C, N = "challenger", "champion"


def _on(share: float, least: float, most: float) -> Unit:
    return Unit(challenger=True, share=share, least=least, most=most)


def _off(share: float, least: float, most: float) -> Unit:
    return Unit(challenger=False, share=share, least=least, most=most)


def test_payoffs_within_the_horizon_are_summed_up_to_the_most_that_count() -> None:
    served = _served(
        (1, "ana", C, 9), (2, "bea", N, -1), (30, "ana", C, -1), (61, "ana", C, 9),
        (62, "ana", C, 9), (70, "bea", N, 0), (71, "bea", N, 9), (600, "zoe", N, 0),
        (700, "zoe", N, 0),
    )  # fmt: skip
    now = START + timedelta(days=1)
    hour = units_of(served, HALF, _charter("1 hour", 2), now)
    assert hour[:2] == (_on(0.5, 8, 8), _off(0.5, -1, -1))
    day = units_of(served, HALF, _charter("10 hours", 3), now)
    assert day[:2] == (_on(0.5, 17, 17), _off(0.5, 8, 8))


@pytest.mark.parametrize(
    ("horizon", "delay", "hours", "ripe"),
    [
        ("2 hours", "3 hours", 5.01, 0),
        ("2 hours", "3 hours", 5.03, 1),
        ("2 hours", "2 rows", 2.5, 1),
        ("2 hours", "3 rows", 2.5, 0),
        ("2 hours", "1 row", 1.9, 0),
        ("1 row", "2 rows", 0, 1),
        ("3 rows", "1 row", 0, 0),
        ("1 row", "1 hour", 2.0, 1),
        ("1 row", "1 hour", 1.01, 0),
    ],
)
def test_a_unit_enters_after_horizon_and_label_delay(
    horizon: str, delay: str, hours: float, ripe: int
) -> None:
    served = _served((1, "ana", C, 9), (2, "ana", C, 9), (130, "bea", N, 0), (140, "cai", N, 0))
    given = _charter(horizon, 2, delay)
    found = units_of(served, HALF, given, START + timedelta(hours=hours))
    assert len([one for one in found if one.challenger]) == ripe


def test_what_is_not_known_of_a_sum_widens_it_by_that_much() -> None:
    served = _served((1, "ana", C, 9), (2, "ana", C, np.nan), (3, "bea", N, 0), (200, "zoe", N, 0))
    found = units_of(served, HALF, _charter("1 hour", 3), START + timedelta(days=1))
    assert (found[0].least, found[0].most) == (8, 18)


def test_a_missing_outcome_takes_the_value_that_was_declared() -> None:
    served = _served((1, "ana", C, np.nan), (2, "bea", N, 9), (3, "zoe", N, 0))
    for declared, paid in (("no", -1), ("yes", 9)):
        given = charter(
            data={"entity": "client", "label_delay": "1 hour"},
            release={"missing_outcome": declared},
        )
        first, second = units_of(served, HALF, given, START + timedelta(days=1))[:2]
        assert first == _on(0.5, paid, paid)
        assert second == _off(0.5, 9, 9)


def test_an_entity_moved_by_a_change_of_weights_is_not_known_from_there_on() -> None:
    """It keeps its first share; what it would have paid on its first arm may be anything."""
    state = _state((0, 0.1), (30, 0.5))
    served = _served(
        (1, "ana", N, 9), (2, "bea", N, 9), (40, "ana", C, 9), (41, "bea", N, 9), (42, "cai", C, 9),
        (43, "ana", C, 9), (200, "zoe", N, 0),
    )  # fmt: skip
    found = units_of(served, state, _charter("1 hour", 3), START + timedelta(days=1))
    assert found[:3] == (
        _off(0.1, 9 - 2, 9 + 18),
        _off(0.1, 18, 18),
        _on(0.5, 9, 9),
    )


def test_sums_always_hold_what_would_have_been_without_the_change_of_weights() -> None:
    """Moved, late or missing: what a client would have paid on its first arm lies within."""
    rng = np.random.default_rng(31)
    state, given = _state((0, 0.2), (200, 0.6)), _charter("3 hours", 4)
    places = {f"client {n}": rng.random() for n in range(60)}
    rows, truth = [], dict.fromkeys(places, 0.0)
    counted = dict.fromkeys(places, 0)
    first: dict[str, tuple[float, str]] = {}
    for minute in sorted(rng.uniform(1, 500, 260)):
        client = f"client {rng.integers(60)}"
        arm = C if places[client] < (0.2 if minute < 200 else 0.6) else N
        begun, own = first.setdefault(client, (minute, arm))
        would = float(rng.choice([-1, 0, 9]))  # on its own arm
        if minute <= begun + 180 and counted[client] < 4:
            truth[client] += would
            counted[client] += 1
        seen = would if own == arm else float(rng.choice([-1, 0, 9]))
        rows.append((minute, client, arm, np.nan if rng.random() < 0.1 else seen))
    rows += [(2000.0, "last", N, 0.0), (2001.0, "last", N, 0.0)]
    found = units_of(_served(*rows), state, given, START + timedelta(days=9))
    assert len(found) == len(first)
    for (client, (begun, own)), unit in zip(first.items(), found, strict=True):
        assert unit.least <= truth[client] <= unit.most
        assert (unit.challenger, unit.share) == (own == C, 0.2 if begun < 200 else 0.6)
    assert any(unit.least < unit.most for unit in found)


def test_bounds_and_tolerance_are_those_of_a_unit() -> None:
    assert unit_bounds((-5.0, -1.0), 3) == (-15.0, -1.0)
    given = _charter("30 days", 4, unit={"usual": 2.5}, loss_budget_per_year=1200)
    plan = rollout_plan(given, HALF, START)
    assert plan.bounds == (-4, 36)
    assert plan.tolerance == pytest.approx(1200 / 12 / 12_000 * 2.5)


def test_days_that_are_over_end_a_canary_whatever_is_known() -> None:
    given = charter(release={"most_days": 14, "undecided": "promote", "strategy": "canary"})
    known = ModelState("calls"), MemoryBlobs(), _served()
    assert decide_running(RunningRelease(given, HALF, *known, START + timedelta(days=13))) is None
    over = decide_running(RunningRelease(given, HALF, *known, START + timedelta(days=14)))
    assert over is not None
    assert over.verdict == "promote"
    assert over.reason.startswith("0 units settle nothing in the agreed 14 days")
    strict = given.model_copy(
        update={"release": given.release.model_copy(update={"undecided": "roll_back"})}
    )
    ended = decide_running(RunningRelease(strict, HALF, *known, START + timedelta(days=15)))
    assert ended is not None
    assert ended.verdict == "roll_back"


def test_a_pinned_version_is_no_part_of_an_entity() -> None:
    served = _served(
        (1, "ana", "pinned", 9), (2, "ana", C, -1), (3, "ana", "pinned", 9), (9, "z", N, 0)
    )
    found = units_of(served, HALF, _charter("5 hours", 3, "0 hours"), START + timedelta(days=1))
    assert found[0] == _on(0.5, -1, -1)
