"""The uplift of what is served, by its captures, where offers make people buy."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from assay.adapters.memory_blobs import MemoryBlobs
from assay.charter.charter import Charter
from assay.evidence.folds import ModelState
from assay.lifecycle.control_measured import control_measured
from assay.lifecycle.ledger_of_value import value_so_far
from assay.lifecycle.posting import Served, labelled_table
from assay.monitor.alerts import Changes
from assay.monitor.late_labels import Deliveries
from assay.monitor.run import MonitorResult
from assay.value.identification import is_marked

from .conftest import charter

START = datetime(2026, 5, 1, tzinfo=UTC)
NOW = START + timedelta(days=400)
ACTIONS = {"call": {"yes": 9, "no": -1}, "skip": {"yes": 10, "no": 0}}
TRUE = 0.5 * (10 * 0.3 - 1)
"""Half of all are called, which costs 1 and makes 30 % more of them buy."""


def _charter(**data: Any) -> Charter:
    moved = {"revealed_by": [], "moved_by": ["call"], "label_delay": "0 windows", **data}
    return charter(
        data=moved,
        value={"actions": ACTIONS, "decisions_per_month": 1000},
        release={"control_share": 0.1},
    )


def _served(
    n: int, seed: int, *, entities: bool = False
) -> tuple[list[dict[str, Any]], list[str | None]]:
    rng = np.random.default_rng(seed)
    records: list[dict[str, Any]] = []
    outcomes: list[str | None] = []
    for row in range(n):
        control = rng.random() < 0.1
        likely = rng.random() < 0.5
        called = likely and not control
        records.append(
            {
                "id": f"r/{row}",
                "at": (START + timedelta(minutes=row)).isoformat(),
                "model": "calls",
                "arm": "control" if control else "champion",
                "entity": f"e{row}" if entities else None,
                "decision": "call" if called else "skip",
                "inputs": {},
                "propensity": 1.0,
                "revision": 3,
                "weight": 0.0,
                "control_share": 0.1,
            }
        )
        buys = rng.random() < (0.3 if likely else 0.1) + 0.3 * called
        outcomes.append("yes" if buys else "no")
    return records, outcomes


def test_it_covers_the_total_effect() -> None:
    inside, found = 0, None
    for seed in range(12):
        records, outcomes = _served(3000, 300 + seed)
        found = control_measured(_charter(), records, outcomes, NOW)
        assert found is not None
        assert found.once is not None
        assert found.watched.low <= TRUE <= found.watched.high
        assert found.watched.high - found.watched.low > found.once.high - found.once.low
        inside += found.once.low <= TRUE <= found.once.high
    assert inside >= 11
    assert found is not None
    assert (found.decisions, found.unknown) == (3000, 0)
    assert found.controls == sum(one["arm"] == "control" for one in records)


def test_without_a_control_there_is_nothing_to_compare() -> None:
    records, outcomes = _served(1000, 1)
    before = [{k: v for k, v in one.items() if k != "control_share"} for one in records]
    assert control_measured(_charter(), before, outcomes, NOW) is None
    assert control_measured(_charter(), records[:200], outcomes[:200], NOW) is None
    assert control_measured(_charter(), [], [], NOW) is None


def test_decisions_before_their_delay_and_a_first_versions_trial_are_left_out() -> None:
    records, outcomes = _served(2000, 2)
    late = _charter(label_delay="2 days")
    late = late.model_copy(
        update={"monitoring": late.monitoring.model_copy(update={"window": late.data.label_delay})}
    )
    early = START + timedelta(days=2, minutes=999)
    found = control_measured(late, records, outcomes, early)
    assert found is not None
    assert found.decisions == 1000
    for one in records[:800]:
        one["revision"] = 2
    records[5]["arm"] = "baseline"
    found = control_measured(_charter(), records, outcomes, NOW)
    assert found is not None
    assert found.decisions == 1200


def test_unknown_outcomes_take_the_declared_one_or_are_counted() -> None:
    records, outcomes = _served(2000, 3)
    outcomes = [None if row % 10 == 0 else one for row, one in enumerate(outcomes)]
    found = control_measured(_charter(), records, outcomes, NOW)
    assert found is not None
    assert (found.decisions, found.unknown) == (1800, 200)
    given = _charter()
    release = given.release.model_copy(update={"missing_outcome": "no"})
    declared = control_measured(
        given.model_copy(update={"release": release}), records, outcomes, NOW
    )
    assert declared is not None
    assert (declared.decisions, declared.unknown) == (2000, 0)


def test_an_action_that_hides_what_its_payoff_depends_on_shows_nothing() -> None:
    records, outcomes = _served(2000, 4)
    hidden = [
        outcome if record["decision"] == "call" else None
        for record, outcome in zip(records, outcomes, strict=True)
    ]
    assert control_measured(_charter(revealed_by=["call"]), records, hidden, NOW) is None


def test_each_entity_counts_with_its_first_decision_when_watched() -> None:
    records, outcomes = _served(2000, 5, entities=True)
    twice = [*records, *({**one, "id": f"{one['id']}b"} for one in records)]
    found = control_measured(_charter(), twice, [*outcomes, *outcomes], NOW)
    assert found is not None
    assert found.once is not None
    assert (found.watched.n, found.decisions) == (2000, 4000)
    alone = control_measured(_charter(), records, outcomes, NOW)
    assert alone is not None
    assert alone.watched.mean == pytest.approx(found.watched.mean)
    assert "by entity" in found.once.method
    assert "first decision" in found.watched.method


def test_without_bounds_rare_payoffs_say_nothing_and_the_books_say_why() -> None:
    """A call costs what a column says, and nothing caps the column."""
    records, outcomes = _served(900, 8)
    for row, one in enumerate(records):
        one["inputs"] = {"minutes": 1.0}
        outcomes[row] = "yes" if row % 90 == 0 else "no"
    capped, open_ended = (_charter(), _charter())
    costly = {"call": {"yes": "10 - minutes", "no": "0 - minutes"}, "skip": {"yes": 10, "no": 0}}
    value = open_ended.value.model_copy(update={"actions": costly})
    open_ended = open_ended.model_copy(update={"value": value})
    found = control_measured(open_ended, records, outcomes, NOW)
    assert found is not None
    assert found.once is None
    assert (found.watched.low, found.watched.high) == (-np.inf, np.inf)
    nothing = MonitorResult((), (), Changes((), ()), Deliveries(0, 0))
    observed = replace(nothing, by_control=found)
    books = value_so_far(open_ended, ModelState("calls"), MemoryBlobs(), observed)
    assert any("That says nothing yet" in line for line in books.words)
    json.dumps(books.document(), allow_nan=False)
    bounded = control_measured(capped, records, outcomes, NOW)
    assert bounded is not None
    assert bounded.once is not None
    assert "widened to its bounds" in bounded.once.method
    assert np.isfinite([bounded.watched.low, bounded.watched.high]).all()
    assert bounded.watched.method.startswith("empirical-Bernstein")


def _observed(records: list[dict[str, Any]], outcomes: list[str | None]) -> MonitorResult:
    found = control_measured(_charter(), records, outcomes, NOW)
    nothing = MonitorResult((), (), Changes((), ()), Deliveries(0, 0))
    return replace(nothing, by_control=found)


def test_the_books_say_what_the_control_shows() -> None:
    observed = _observed(*_served(2000, 6))
    found = value_so_far(_charter(), ModelState("calls"), MemoryBlobs(), observed)
    assert found.identified.live.by == "control share"
    assert any("The control share shows an uplift" in line for line in found.words)
    document = found.document()
    assert document["identification"]["evaluation"]["identified"] is False
    assert document["by_control"]["watched"]["mean"] == observed.by_control.watched.mean  # type: ignore[union-attr]
    assert not is_marked(observed.by_control.watched)  # type: ignore[union-attr]


@pytest.mark.parametrize(("rule", "kept"), [("call", True), ("column: practice", False)])
def test_controls_are_a_fair_sample_where_the_baseline_does_one_thing(
    rule: str, kept: bool
) -> None:
    records, outcomes = _served(300, 7)
    controls = [{**one, "arm": "control", "decision": "call"} for one in records]
    given = _charter(revealed_by=["call"])
    value = given.value.model_copy(update={"baselines": {"nobody": rule}})
    table = labelled_table(
        Served(controls, outcomes, np.zeros(300)), given.model_copy(update={"value": value})
    )
    assert table[table.columns[-1]].to_list() == [kept] * 300
