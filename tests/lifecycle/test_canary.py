"""A canary decided on captures and payoffs, against a champion or against the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from assay.charter.charter import Charter
from assay.evidence.states import Live, ReleaseState, ReleaseStep
from assay.lifecycle.agreed_rollout import rollout_plan
from assay.lifecycle.canary import decide_canary
from assay.lifecycle.canary_units import units_of
from assay.lifecycle.posting import Served

START = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = START + timedelta(days=30)


def _charter() -> Charter:
    return Charter.model_validate(
        {
            "name": "bank",
            "title": "Whom to call",
            "problem": {"business": "b", "analytical": "a", "hypothesis": "h"},
            "strategy": {"objective": "o", "kpi": "k"},
            "people": "solo",
            "data": {
                "source": "bank.csv",
                "outcome": "y",
                "positive": "yes",
                "entity": "client",
                "label_delay": "1 day",
            },
            "value": {
                "currency": "EUR",
                "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
                "baselines": {"nobody": "skip"},
                "baseline": "nobody",
                "decisions_per_month": 1000,
            },
            "risk": {"tier": "low"},
            "release": {"strategy": "canary", "steps": [0.5], "loss_budget_per_year": 6000},
        }
    )


def _state(champion: Live | None) -> ReleaseState:
    started = ReleaseStep("started", 2, 0.5, "", START, "canary")
    return ReleaseState(
        "bank",
        champion=champion,
        challenger=Live(2, "b2"),
        weight=0.5,
        strategy="canary",
        history=(started,),
    )


def _served(other: str, yes: float, n: int = 4000) -> Served:
    """Clients of whom the challenger calls each; the other arm calls nobody."""
    random = np.random.default_rng(5)
    tried = random.random(n) < 0.5
    pays = np.where(random.random(n) < yes, 9.0, -1.0)
    records = [
        {
            "id": f"a/{n}",
            "entity": f"client-{n}",
            "at": (START + timedelta(seconds=n)).isoformat(),
            "arm": "challenger" if on else other,
        }
        for n, on in enumerate(tried.tolist())
    ]
    return Served(records, [None] * n, np.where(tried, pays, 0.0))


FIRST, SECOND = _state(None), _state(Live(1, "b1"))


@pytest.mark.parametrize(("state", "other"), [(FIRST, "baseline"), (SECOND, "champion")])
@pytest.mark.parametrize(("yes", "verdict"), [(0.3, "promote"), (0.0, "roll_back")])
def test_a_challenger_is_judged_against_what_it_shares_traffic_with(
    state: ReleaseState, other: str, yes: float, verdict: str
) -> None:
    charter = _charter()
    plan = rollout_plan(charter, state, LATER)
    assert plan.against == other
    units = units_of(_served(other, yes), state, charter, LATER)
    assert len(units) == 4000
    decision = decide_canary(plan, units)
    assert decision is not None
    assert decision.verdict == verdict
    assert decision.reason.count(f"the {other}") == 1
    # By hand: a called client pays 10 yes - 1 on average, the others nothing.
    assert decision.difference.low < 10 * yes - 1 < decision.difference.high


def _kept(state: ReleaseState, records: Sequence[Mapping[str, Any]]) -> list[bool]:
    charter = _charter()
    served = Served(records, [None] * len(records), np.full(len(records), np.nan))
    found = units_of(served, state, charter, LATER)
    return [unit.challenger for unit in found]


def test_rows_of_other_arms_and_of_earlier_releases_are_no_units() -> None:
    records = [
        {
            "id": str(n),
            "entity": None,
            "at": (START + timedelta(hours=hour)).isoformat(),
            "arm": arm,
        }
        for n, (hour, arm) in enumerate(
            [
                (-1, "baseline"),
                (-1, "challenger"),
                (1, "champion"),
                (1, "baseline"),
                (1, "pinned"),
                (1, "challenger"),
            ]
        )
    ]
    assert _kept(FIRST, records) == [False, True]
    assert _kept(SECOND, records) == [False, True]
    assert _kept(replace(FIRST, challenger=None), records) == []


def test_outcomes_that_never_come_promote_and_roll_back_nobody() -> None:
    """What is not known counts against the claim at stake, whichever it is."""
    charter = _charter()
    plan = rollout_plan(charter, SECOND, LATER)
    for yes in (0.0, 0.3):
        served = _served("champion", yes)
        unknown = np.array([record["arm"] == "challenger" for record in served.records])
        served.payoffs[unknown] = np.nan
        decision = decide_canary(plan, units_of(served, SECOND, charter, LATER))
        assert decision is not None
        assert decision.verdict == "hold"
        assert decision.difference.low < -0.5 < 4 < decision.difference.high


def test_outcomes_that_come_late_undo_no_earlier_look() -> None:
    """Whatever comes late, a look without it says the same as the look with it, or holds."""
    charter = _charter()
    plan = rollout_plan(charter, SECOND, LATER)
    served = _served("champion", 0.3)
    late = np.random.default_rng(1).random(len(served.records)) < 0.1
    early = replace(served, payoffs=np.where(late, np.nan, served.payoffs))
    looks = [decide_canary(plan, units_of(one, SECOND, charter, LATER)) for one in (early, served)]
    verdicts = [one.verdict for one in looks if one is not None]
    assert verdicts[1] == "promote"
    assert verdicts[0] in ("hold", "promote")
    assert looks[0] is not None
    assert looks[1] is not None
    assert looks[0].state.n >= looks[1].state.n
