from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.charter.charter import Charter
from assay.charter.load import load_charter
from assay.errors import DataError
from assay.lifecycle.books import Replay
from assay.lifecycle.course import Labels
from assay.lifecycle.history import History
from assay.lifecycle.replay import replay
from assay.lifecycle.timeline import timeline
from assay.lifecycle.trainer import BuildTrainer
from assay.value.valuation import valuation

from .conftest import Counted, CountingTrainer, charter, stream

BANK = Path(__file__).resolve().parents[2] / "examples" / "bank" / "charter.yaml"


def _replay(frame: pl.DataFrame, given: Charter, labels: Labels = "all") -> Replay:
    return replay(frame, given, first=800, labels=labels, trainer=CountingTrainer(given))


def test_the_response_recovers_what_the_turn_took(turning: pl.DataFrame) -> None:
    found = _replay(turning, charter(response={"training_rows": 200}))
    value = {name: book.value.mean for name, book in found.policies.items()}
    fixed = {name: total.mean for name, total in found.baseline_totals.items()}
    assert value["triggered"] > max(value["static"], *fixed.values())
    assert found.differences["triggered - static"].low > 0
    assert value["triggered"] < found.hindsight_total.mean
    book = found.policies["triggered"]
    first = next(i for i, period in enumerate(book.periods) if period.response)
    # The turn comes with window 2; its outcomes are in two windows later.
    assert 3 <= first <= 5
    assert book.periods[first].alerts
    assert "standard error" in book.periods[first].reason


def test_static_never_moves_and_scheduled_keeps_its_calendar(turning: pl.DataFrame) -> None:
    found = _replay(turning, charter())
    assert found.policies["static"].responses == 0
    book = found.policies["scheduled"]
    assert [i for i, p in enumerate(book.periods) if p.response] == [3, 6, 9]
    assert book.retrainings == 3
    assert book.cost == 3
    assert [p.version for p in book.periods][-1] == 4


def test_the_books_add_up(turning: pl.DataFrame) -> None:
    found = _replay(turning, charter())
    assert found.n == 1200
    assert sum(window["n"] for window in found.windows) == 1200
    yes = int((turning["y"][800:] == "yes").sum())
    assert found.baseline_totals["everybody"].mean == pytest.approx(10 * yes - 1200)
    assert found.hindsight_total.mean == pytest.approx(9 * yes)
    for name, sums in found.baselines.items():
        assert sum(sums) == pytest.approx(found.baseline_totals[name].mean)
    for book in found.policies.values():
        assert sum(p.value for p in book.periods) == pytest.approx(book.value.mean)
        assert book.over["nobody"] == book.uplift
        for period, window in zip(book.periods, found.windows, strict=True):
            assert sum(period.actions.values()) == window["n"]
    json.dumps(found.document(), allow_nan=False)


@settings(max_examples=12)
@given(
    cut=st.integers(900, 1999),
    seed=st.integers(0, 1000),
    labels=st.sampled_from(["all", "selected"]),
)
def test_poisoned_future_labels_change_nothing(cut: int, seed: int, labels: Labels) -> None:
    clean, given = stream(seed=seed), charter(release={"exploration_share": 0.1})
    late = np.arange(clean.height) >= cut
    other = np.where(clean["y"] == "yes", "no", "yes")
    poisoned = clean.with_columns(
        y=pl.Series(np.where(late, other, clean["y"].to_numpy())),
        length=pl.Series(np.where(late, -1, clean["length"].to_numpy())),
    )
    one, two = _replay(clean, given, labels), _replay(poisoned, given, labels)
    blind = [p.index for p in timeline(clean, given, 800).periods if p.known <= cut]
    assert blind
    for name, book in one.policies.items():
        other_book = two.policies[name]
        for index in blind:
            a, b = book.periods[index], other_book.periods[index]
            assert (a.actions, a.version, a.fallback) == (b.actions, b.version, b.fallback)
            assert (a.response, a.reason, a.alerts) == (b.response, b.reason, b.alerts)


def test_poison_that_has_arrived_does_change_something() -> None:
    clean = stream()
    late = np.arange(clean.height) >= 1000
    other = np.where(clean["y"] == "yes", "no", "yes")
    poisoned = clean.with_columns(y=pl.Series(np.where(late, other, clean["y"].to_numpy())))
    given = charter(response={"training_rows": 200})
    one, two = (_replay(frame, given).policies["scheduled"] for frame in (clean, poisoned))
    assert [p.actions for p in one.periods] != [p.actions for p in two.periods]


def test_selected_labels_show_only_what_was_called(turning: pl.DataFrame) -> None:
    given = charter()
    found = _replay(turning, given, "selected")
    for book in found.policies.values():
        for period in book.periods:
            assert period.labelled == period.actions["call"]
    assert "release.exploration_share" in found.notes[0]
    every = _replay(turning, given, "all")
    assert every.notes[0].startswith("Every outcome was shown; in life it shows only after call")
    for period, window in zip(every.policies["static"].periods, every.windows, strict=True):
        assert period.labelled == window["n"]


def test_exploration_shows_what_selection_hides() -> None:
    frame = stream(n=4000)
    hidden = replay(frame, charter(), first=800, trainer=CountingTrainer(charter()))
    given = charter(release={"exploration_share": 0.2})
    explored = replay(frame, given, first=800, trainer=CountingTrainer(given))
    # Only group a is called, and stops buying: without exploration b's turn is never seen.
    assert explored.policies["triggered"].value.mean > hidden.policies["triggered"].value.mean


def test_models_are_trained_once_for_all_policies(turning: pl.DataFrame) -> None:
    trainer = CountingTrainer(charter())
    replay(turning, charter(), first=800, labels="all", trainer=trainer)
    assert len(trainer.lessons) == len(set(trainer.lessons))
    assert max(trainer.lessons) <= 1800


def test_the_newest_rows_alone_where_the_charter_says_so(turning: pl.DataFrame) -> None:
    given = charter(response={"training_rows": 300})
    trainer = CountingTrainer(given)
    replay(turning, given, first=800, labels="all", policies=["scheduled"], trainer=trainer)
    assert trainer.lessons == [700, 300, 300, 300]


def test_rest_after_a_response(turning: pl.DataFrame) -> None:
    given = charter(response={"cooldown": 100})
    assert _replay(turning, given).policies["triggered"].responses == 1


def test_history_opens_only_on_the_past(turning: pl.DataFrame) -> None:
    given = charter()
    history = History(timeline(turning, given, 800), given, valuation(given.value, given.data))
    assert len(history.outcomes(np.arange(700), 700)) == 700
    with pytest.raises(ValueError, match="row 700 was asked for its outcome"):
        history.outcomes(np.arange(701), 700)
    with pytest.raises(ValueError, match="only rows below 700"):
        history.lessons(np.arange(701), 700)


def test_progress_runs_to_the_end(turning: pl.DataFrame) -> None:
    told: list[tuple[float, str]] = []
    replay(
        turning,
        charter(),
        first=800,
        trainer=CountingTrainer(charter()),
        progress=lambda share, what: told.append((share, what)),
    )
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert any("triggered" in what for _, what in told)


def test_a_table_without_order_is_refused(turning: pl.DataFrame) -> None:
    given = charter(data={"order": "none"})
    with pytest.raises(DataError, match="names no order in time"):
        replay(turning, given, trainer=CountingTrainer(given))


def test_a_regression_recalibrates_to_a_growing_demand() -> None:
    rng = np.random.default_rng(2)
    level = rng.choice([50.0, 100.0, 150.0], 2000)
    growth = np.where(np.arange(2000) < 1200, 1.0, 1.6)
    frame = pl.DataFrame({"level": level, "y": level * growth + rng.normal(0, 5, 2000)})
    given = charter(
        data={"positive": None, "revealed_by": []},
        value={
            "actions": None,
            "under": 3,
            "over": 1,
            "caps": {"outcome": [0, 500]},
            "baselines": {"same": "best_constant", "hundred": 100},
            "baseline": "same",
        },
    )
    found = replay(frame, given, first=800, trainer=_Levels(given))
    value = {name: book.value.mean for name, book in found.policies.items()}
    assert value["triggered"] > value["static"]
    book = found.policies["triggered"]
    assert book.periods[-1].actions == {}
    first, last = book.periods[0].mean_decision, book.periods[-1].mean_decision
    assert first is not None
    assert last is not None
    assert last > 1.4 * first
    json.dumps(found.document(), allow_nan=False)


class _Levels(CountingTrainer):
    """Forecasts the level itself, with a fixed spread."""

    def again(self, frame: pl.DataFrame) -> Counted:
        outcomes = frame["y"].to_numpy()
        forecast = _Level({}, self.valuation).forecast(frame)
        return _Level({}, self.valuation.tuned(forecast, outcomes, {}))


class _Level(Counted):
    def forecast(self, frame: pl.DataFrame) -> np.ndarray:
        return frame["level"].to_numpy()[:, None] + np.linspace(-8, 8, 9)


class _Constant(CountingTrainer):
    """Calls everybody in any case."""

    def again(self, frame: pl.DataFrame) -> Counted:
        return _Certain({}, self.valuation)


class _Certain(Counted):
    def forecast(self, frame: pl.DataFrame) -> np.ndarray:
        return np.tile([0.5, 0.5], (frame.height, 1))


def test_bank_marketing_agrees_with_the_known_totals(shared_data: Path) -> None:
    frame = pl.read_parquet(shared_data / "bank_marketing" / "bank-additional-full.parquet")
    given = load_charter(BANK)
    found = replay(
        frame, given, first=15_000, labels="all", policies=["static"], trainer=_Constant(given)
    )
    assert len(found.windows) == 27
    assert [window["n"] for window in found.windows[-2:]] == [1000, 188]
    assert found.baseline_totals["nobody"].mean == pytest.approx(0)
    assert found.baseline_totals["everybody"].mean == pytest.approx(14_182)
    assert found.hindsight_total.mean == pytest.approx(36_333)
    assert found.policies["static"].value.mean == pytest.approx(14_182)


def test_assays_own_training_on_real_calls(shared_data: Path) -> None:
    frame = pl.read_parquet(shared_data / "bank_marketing" / "bank-additional-full.parquet")
    document = load_charter(BANK).model_dump(mode="json", by_alias=True)
    document["build"] |= {"families": ["lightgbm"], "trials": 1, "folds": 2}
    document["monitoring"]["window"] = "3000 rows"
    given = Charter.model_validate(document)
    trainer = BuildTrainer(given, valuation(given.value, given.data))
    found = replay(frame, given, first=15_000, labels="all", trainer=trainer)
    assert found.recipe is not None
    assert found.recipe["family"] == "lightgbm"
    value = {name: book.value.mean for name, book in found.policies.items()}
    assert value["triggered"] > value["static"]
    assert value["triggered"] > found.baseline_totals["nobody"].mean
