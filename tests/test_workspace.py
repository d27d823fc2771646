"""A use case lived through by Python: serve, hand in outcomes, monitor, retrain, decide."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assay.adapters.memory_captures import MemoryCaptures
from assay.adapters.memory_outcomes import MemoryOutcomes
from assay.adapters.system_clock import FixedClock
from assay.build.set_aside import STANDS_FOR_ALL
from assay.errors import CharterError, CheckFailed, GateClosed, InputError
from assay.lifecycle.campaign import Campaign, Month
from assay.lifecycle.ledger_of_value import value_so_far
from assay.workspace import Workspace, draft
from assay.workspace.embedded import embedded

START = datetime(2026, 3, 1, tzinfo=UTC)
Traffic = Callable[..., list[dict[str, Any]]]


def open_in_memory(folder: Path) -> Workspace:
    """The folder's ledger and blobs, with captures, outcomes and the clock in the test's hands."""
    ports = replace(
        embedded(folder / ".assay"),
        captures=MemoryCaptures(),
        outcomes=MemoryOutcomes(),
        clock=FixedClock(START),
    )
    return Workspace(folder, ports=ports)


def approve(workspace: Workspace) -> None:
    workspace.sign("Ana Costa", "product_manager")
    workspace.sign("Rui Matos", "risk_officer")


@pytest.fixture
def workspace(campaign: Path) -> Workspace:
    """A campaign whose first version serves."""
    workspace = open_in_memory(campaign)
    approve(workspace)
    workspace.release(salt="s")
    return workspace


@pytest.fixture(scope="module")
def month() -> Month:
    return Campaign(seed=5).month(1, 450)


def _serve(
    workspace: Workspace, traffic: Traffic, month: Month, name: str = "a"
) -> list[dict[str, Any]]:
    records = traffic(workspace, month.clients, name, START + timedelta(hours=1))
    workspace.ports.captures.append(records).result()
    return records


def _outcomes(records: list[dict[str, Any]], month: Month, path: Path) -> Path:
    """The outcomes of those who were called, as a CSV."""
    rows = [
        {"id": record["id"], "outcome": "yes" if opened else "no"}
        for record, opened in zip(records, month.would_open.tolist(), strict=True)
        if record["decision"] == "call"
    ]
    pl.DataFrame(rows).write_csv(path)
    return path


def test_value_comes_with_outcomes_and_counts_once(
    workspace: Workspace, traffic: Traffic, month: Month, tmp_path: Path
) -> None:
    records = _serve(workspace, traffic, month)
    before = workspace.monitor()
    assert [one.complete for one in before.result.windows] == [True, True, False]
    assert before.posted == 2
    assert all(one.measured.realised is None for one in before.result.windows)

    file = _outcomes(records, month, tmp_path / "o.csv")
    assert workspace.outcomes(file).new
    first = workspace.monitor()
    told = first.result.windows[0].measured.realised
    assert told is not None
    called = [one for one in range(200) if records[one]["decision"] == "call"]
    paid = sum(54 if month.would_open[one] else -6 for one in called)
    assert told.value == pytest.approx(paid)
    assert told.labelled == len(called)

    assert not workspace.outcomes(file).new
    again = workspace.monitor()
    assert again.posted == 0, "nothing new is known, so nothing is written"
    assert again.result.windows[0].posting() == first.result.windows[0].posting()


def test_the_same_prediction_captured_twice_counts_once(
    workspace: Workspace, traffic: Traffic, month: Month
) -> None:
    _serve(workspace, traffic, month)
    _serve(workspace, traffic, month)
    assert sum(one.measured.n for one in workspace.observe().windows) == 450


def test_outcomes_of_strangers_are_counted_as_such(
    workspace: Workspace, traffic: Traffic, month: Month, tmp_path: Path
) -> None:
    _serve(workspace, traffic, month)
    path = tmp_path / "o.csv"
    pl.DataFrame({"id": ["nobody/1", "a/0"], "deposit": ["yes", None]}).write_csv(path)
    assert workspace.outcomes(path).rows == 1, "a row without an outcome says nothing yet"
    assert workspace.monitor().result.joined.strangers == 1


def test_the_books_tell_what_is_not_counted(
    workspace: Workspace, traffic: Traffic, month: Month, tmp_path: Path
) -> None:
    def books() -> Any:
        blobs = workspace.ports.blobs
        return value_so_far(workspace.charter, workspace.versions(), blobs, workspace.observe())

    nothing = books()
    assert (nothing.realised, nothing.decisions, nothing.words) == (None, 0, ())
    assert nothing.planned.unit == "EUR per month"
    records = _serve(workspace, traffic, month)
    assert "450 more decisions have no outcome yet" in " ".join(books().words)
    workspace.outcomes(_outcomes(records, month, tmp_path / "o.csv"))
    full = books()
    assert full.realised.low < full.realised.mean < full.realised.high
    assert full.realised.unit == "EUR"
    # The label delay is one window, 200 decisions: the newest 200 do not count yet. Who is not
    # called pays nothing, whatever they would have done.
    assert len(full.words) == 1
    assert full.words[0].startswith("200 more decisions")
    assert full.document()["decisions"] == full.decisions == 250


def test_outcomes_that_are_never_seen_are_said_to_be_missing(
    campaign: Path, traffic: Traffic, month: Month, tmp_path: Path
) -> None:
    charter = campaign / "charter.yaml"
    charter.write_text(charter.read_text().replace("baseline: nobody", "baseline: everybody"))
    workspace = open_in_memory(campaign)
    workspace.build(trials=1)
    records = traffic(workspace, month.clients, "a", START, version=2)
    workspace.ports.captures.append(records).result()
    workspace.outcomes(_outcomes(records, month, tmp_path / "o.csv"))
    observed = workspace.observe()
    found = value_so_far(workspace.charter, workspace.versions(), workspace.ports.blobs, observed)
    # Of the second window too few have passed their label delay to say anything.
    skipped = sum(one["decision"] == "skip" for one in records[:200])
    assert f"For {skipped:,} decisions the outcome will never be seen" in " ".join(found.words)


def test_the_newest_rows_are_history_and_then_what_was_served(
    workspace: Workspace, traffic: Traffic, month: Month, tmp_path: Path
) -> None:
    history = pl.read_parquet(workspace.directory / "history.parquet")
    assert pl.read_parquet(workspace.newest_rows()).drop(STANDS_FOR_ALL).equals(history)
    records = _serve(workspace, traffic, month)
    workspace.outcomes(_outcomes(records, month, tmp_path / "o.csv"))
    rows = pl.read_parquet(workspace.newest_rows()).drop(STANDS_FOR_ALL)
    assert rows.schema == history.schema
    called = [place for place, one in enumerate(records) if one["decision"] == "call"]
    assert rows.height == history.height + len(called)
    last = rows.tail(len(called))
    assert last["client"].to_list() == month.clients["client"].gather(called).to_list()
    assert (last["deposit"] == "yes").to_list() == month.would_open[called].tolist()
    made = workspace.build(newest=True, trials=1)
    assert made.version == 2


def test_the_report_shows_value_over_time(
    workspace: Workspace, traffic: Traffic, month: Month, tmp_path: Path
) -> None:
    records = _serve(workspace, traffic, month)
    workspace.outcomes(_outcomes(records, month, tmp_path / "o.csv"))
    workspace.monitor()
    text = workspace.report(tmp_path / "page.html").read_text()
    assert "Nothing has been served yet" not in text
    assert "realised uplift" in text
    assert "champion 1" in text
    assert "value of " in text


def _canary(campaign: Path) -> Workspace:
    """A second version on trial against the first, half of the traffic each."""
    charter = campaign / "charter.yaml"
    text = charter.read_text()
    workspace = open_in_memory(campaign)
    approve(workspace)
    workspace.release(salt="s")
    charter.write_text(
        text.replace("strategy: immediate", "strategy: canary, steps: [0.5], most_decisions: 400")
    )
    workspace = Workspace(campaign, ports=workspace.ports)
    workspace.build(trials=1)
    approve(workspace)
    assert workspace.release(salt="t").weight == 0.5
    return workspace


def _trial(workspace: Workspace, n: int, champion: str, challenger: str) -> None:
    """Capture n units, every other one on the challenger, each with what the arm decided."""
    state = workspace.release_state()
    assert state.champion is not None
    assert state.challenger is not None
    arms = [
        ("champion", state.champion, champion),
        ("challenger", state.challenger, challenger),
    ]
    records = []
    for place in range(n):
        name, live, decision = arms[place % 2]
        records.append(
            {
                "id": f"u/{place}",
                "at": (START + timedelta(minutes=1 + place)).isoformat(),
                "model": "campaign",
                "version": live.version,
                "bundle": live.bundle,
                "arm": name,
                "entity": f"client {place}",
                "inputs": {},
                "score": 0.5,
                "decision": decision,
            }
        )
    workspace.ports.captures.append(records).result()


def _all_answer(workspace: Workspace, n: int, outcome: str, path: Path) -> None:
    pl.DataFrame({"id": [f"u/{one}" for one in range(n)], "outcome": [outcome] * n}).write_csv(path)
    workspace.outcomes(path)


@pytest.mark.parametrize(
    ("champion", "challenger", "outcome", "verdict", "serves"),
    [
        ("skip", "call", "yes", "promote", 2),
        ("skip", "call", "no", "roll_back", 1),
        ("call", "skip", "no", "promote", 2),
    ],
)
def test_a_canary_is_decided_from_captures(
    campaign: Path,
    tmp_path: Path,
    champion: str,
    challenger: str,
    outcome: str,
    verdict: str,
    serves: int,
) -> None:
    workspace = _canary(campaign)
    assert workspace.decide() is None, "too early"
    _trial(workspace, 500, champion, challenger)
    _all_answer(workspace, 500, outcome, tmp_path / "o.csv")
    decision = workspace.decide()
    assert decision is not None
    assert decision.verdict == verdict
    state = workspace.release_state()
    assert state.champion is not None
    assert (state.champion.version, state.challenger) == (serves, None)
    assert state.history[-1].reason == decision.reason
    kept = state.history[-1].evidence
    document = json.loads(workspace.ports.blobs.get(kept["decision"]))
    assert (document["verdict"], document["units"]) == (verdict, decision.state.n)
    assert workspace.ports.blobs.get(kept["picture"]).startswith(b"<svg")
    with pytest.raises(CheckFailed, match="No release of campaign is running"):
        workspace.decide()


def test_a_canary_that_shows_nothing_is_held(campaign: Path, tmp_path: Path) -> None:
    workspace = _canary(campaign)
    _trial(workspace, 320, "skip", "skip")
    decision = workspace.decide()
    assert decision is not None
    assert decision.verdict == "hold"
    assert decision.difference.n == 100, "a whole batch of the 120 that matured"
    assert workspace.release_state().challenger is not None


def test_a_release_stops_where_the_gate_closed_meanwhile(campaign: Path) -> None:
    workspace = _canary(campaign)
    charter = campaign / "charter.yaml"
    charter.write_text(charter.read_text().replace('"yes": 54', '"yes": 50'))
    changed = Workspace(campaign, ports=workspace.ports)
    with pytest.raises(GateClosed, match="void"):
        changed.release(action="promote")
    assert changed.release(action="roll_back").challenger is None, "back must always be possible"


def test_what_serves_is_written_anew_from_the_ledger(workspace: Workspace) -> None:
    (workspace.directory / ".assay" / "desired.json").unlink()
    assert workspace.serving_state() == workspace.directory / ".assay"
    assert workspace.ports.desired.read() is not None


def test_a_draft_is_a_charter_that_loads(campaign: Path, tmp_path: Path) -> None:
    path = draft(tmp_path / "new", campaign / "history.parquet", "deposit")
    assert Workspace(path.parent).charter.data.outcome == "deposit"
    with pytest.raises(InputError, match="is there already"):
        draft(tmp_path / "new", campaign / "history.parquet", "deposit")


def test_ports_open_only_beside_a_sound_charter(tmp_path: Path) -> None:
    with pytest.raises(CharterError):
        _ = Workspace(tmp_path).ports
    assert list(tmp_path.iterdir()) == []


def test_progress_is_told(campaign: Path) -> None:
    told: list[tuple[float, str]] = []
    Workspace(campaign).build(trials=1, progress=lambda share, word: told.append((share, word)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1
    assert all(word for _, word in told)


def test_other_data_may_be_given(campaign: Path, tmp_path: Path) -> None:
    rows = pl.read_parquet(campaign / "history.parquet").head(300)
    rows.write_csv(tmp_path / "few.csv")
    assert Workspace(campaign, data=tmp_path / "few.csv").check().content["rows"] == 300
