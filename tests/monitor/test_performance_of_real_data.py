"""Adult's official test split performs as usual; Bank Marketing's 2009 and 2010 do not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from tests.watched_cases import bank, counted

from assay.charter.charter import Charter
from assay.charter.load import load_charter
from assay.monitor.limit_watch import limit_findings
from assay.monitor.performance_findings import judge_performance
from assay.monitor.value_watch import ValueWatch
from assay.monitor.watched import Watched
from assay.stats.calibration import fit_calibrator
from assay.stats.reference import make_reference, read_reference

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@dataclass
class _Story:
    """A quick model of the first rows of a set, calibrated and held out on others of them."""

    charter: Charter
    score: NDArray[np.float64]
    outcomes: NDArray[np.int64]
    model: Watched

    @classmethod
    def of(
        cls, example: str, frame: pl.DataFrame, outcomes: NDArray[np.int64], first: int
    ) -> _Story:
        columns = [
            series.cast(pl.Categorical).to_physical() if series.dtype == pl.String else series
            for series in frame
        ]
        given = np.column_stack([column.to_numpy().astype(np.float64) for column in columns])
        places = np.random.default_rng(0).permutation(first)
        taught, calibrated, held = np.split(places, [first // 2, first * 13 // 20])
        fitted = LGBMClassifier(
            n_estimators=80, num_leaves=15, random_state=0, n_jobs=1, verbose=-1
        )
        fitted.fit(given[taught], outcomes[taught])
        score = fitted.predict_proba(given)[:, 1]
        reference = read_reference(make_reference({}, score[held], windows=12))
        calibrator = fit_calibrator(score[calibrated], outcomes[calibrated])
        model = Watched((), bank(), calibrator, reference)
        ends = np.cumsum([window.n for window in reference.windows])
        windows = tuple(
            replace(window, scores=counted(model, score[part], outcomes[part]))
            for window, part in zip(reference.windows, np.split(held, ends[:-1]), strict=True)
        )
        model = replace(model, reference=replace(reference, windows=windows))
        charter = load_charter(EXAMPLES / example / "charter.yaml")
        # Of these rows every outcome is known, whoever was called.
        data = charter.data.model_copy(update={"revealed_by": ()})
        return cls(charter.model_copy(update={"data": data}), score, outcomes, model)

    def alarms(self, first: int, last: int, size: int, *, labels: bool) -> list[set[str]]:
        """Return the metrics that alarm in each window of `size` rows."""
        kept = [window.scores for window in self.model.reference.windows]
        found = []
        watch: ValueWatch | None = None
        for start in range(first, last - size + 1, size):
            rows = slice(start, start + size)
            table = counted(self.model, self.score[rows], self.outcomes[rows])
            judged = judge_performance(
                self.charter,
                self.model,
                table if labels else table.unlabelled(),
                [one for one in kept if one is not None],
            )
            assert judged.basis == ("realised" if labels else "expected")
            missed, watch = limit_findings(self.charter, judged.limits, watch)
            found.append({one.metric for one in (*judged.findings, *missed)})
        return found


def test_a_random_split_raises_no_alarm(shared_data: Path) -> None:
    folder = shared_data / "adult_census_income"
    parts = [pl.read_parquet(folder / f"adult-{name}.parquet") for name in ("train", "test")]
    frame = pl.concat(parts)
    rich = frame["income"].str.starts_with(">50K").to_numpy().astype(np.int64)
    first, n = len(parts[0]), len(frame)
    story = _Story.of("adult", frame.drop("income", "fnlwgt"), rich, first)
    for labels in (False, True):
        for size in (1000, n - first):
            assert not any(story.alarms(first, n, size, labels=labels))


def test_a_bank_after_the_crisis_raises_alarms(shared_data: Path) -> None:
    frame = pl.read_parquet(shared_data / "bank_marketing" / "bank-additional-full.parquet")
    said_yes = (frame["y"] == "yes").to_numpy().astype(np.int64)
    story = _Story.of("bank", frame.drop("y", "duration"), said_yes, 27_690)
    for year, first, last in ((2009, 27_690, 39_130), (2010, 39_130, 41_188)):
        whole = story.alarms(first, last, last - first, labels=True)[0]
        assert {"log_loss", "brier", "calibration_error"} <= whole, year
        windows = story.alarms(first, last, 1000, labels=True)
        assert np.mean([bool(one) for one in windows]) >= 0.4, year
