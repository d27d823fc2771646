"""The whole of `assay build`: from a table to a bundle with evidence, in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.build.built import Built, judge
from assay.build.columns import infer_inputs
from assay.build.onnx_export import to_onnx_bytes
from assay.build.own_train import OwnTrain, load_train
from assay.build.parity import Engines
from assay.build.provenance import provenance
from assay.build.quality import Quality, check_quality, with_outcome
from assay.build.search import Progress
from assay.build.split import Split, in_order, split
from assay.build.tested import Made, Tested
from assay.build.training import Model, train, train_own
from assay.charter.charter import Charter
from assay.charter.data import Span
from assay.errors import DataError, ModelError
from assay.value.valuation import Valuation, valuation

__all__ = ["STANDS_FOR_ALL", "build", "made_from", "part_in_words", "quality", "test_split"]

_SEARCH_SHARE = 0.7
_LEAST_JUDGES = 100
STANDS_FOR_ALL = "assay: stands for all"
"""The column that marks, in a retraining's table, the rows that are a fair sample of all cases."""
_NO_GAP = ", right after those that taught it (all outcomes were known when the table was made)"


def build(
    charter: Charter,
    root: Path,
    frame: pl.DataFrame,
    data_digest: str,
    *,
    engines: Engines,
    matured: bool = False,
    trials: int | None = None,
    progress: Progress | None = None,
) -> Built:
    """Check the data, find a model, judge it on rows that it did not see, and package it.

    `matured` says that every outcome was known when the table was made, as in a retraining: no gap
    of the label delay is then kept between rows that teach and rows that judge.

    `root` is the charter's folder, where `build.train` is looked for; `data_digest` names the
    table's bytes; `engines` loads models as the gateway does. Nothing is written. Raises DataError
    where the table cannot be used, ModelError where no model can be made or packaged.
    """
    tell = progress or _silent
    seed = charter.build.seed
    valued = valuation(charter.value, charter.data)
    tell(0.0, "checking the data")
    known, judges = _fair(in_order(with_outcome(frame, charter, valued), charter))
    frame = frame.drop(STANDS_FOR_ALL, strict=False)
    own = None if charter.build.train is None else load_train(root, charter.build.train)
    checked = check_quality(frame, charter, valued, infer_inputs(frame, charter, valued.columns))
    ruled = _without_delay(charter) if matured else charter
    parts = _judged_by(test_split(known, ruled, valued), judges)
    learn, judged = known[parts.train], known[parts.test]
    tell(0.05, "training")
    model = _trained(learn, ruled, valued, own, trials, tell)
    part = part_in_words(parts, judged, charter) + (_NO_GAP if matured else "")
    tested = Tested(made_from(model, engines), charter, judged, learn, part)
    traced = provenance(data_digest, [] if own is None else [own.source])
    return judge(tested, checked, traced, seed=seed, progress=tell)


def _fair(known: pl.DataFrame) -> tuple[pl.DataFrame, NDArray[np.bool_]]:
    """Return the rows without their mark, and which of them stand for all cases."""
    if STANDS_FOR_ALL not in known.columns:
        return known, np.ones(known.height, dtype=np.bool_)
    return known.drop(STANDS_FOR_ALL), known[STANDS_FOR_ALL].to_numpy()


def _judged_by(parts: Split, judges: NDArray[np.bool_]) -> Split:
    """Let only rows that stand for all cases judge, as many of the newest as there would be.

    Rows newer than the oldest judge neither teach nor judge. Raises DataError where too few stand
    for all: no figure would be worth signing.
    """
    if judges.all():
        return parts
    rows = np.concatenate([parts.train, parts.test])
    fair = np.sort(rows[judges[rows]])
    share = len(parts.test) / len(rows)
    test = fair[len(fair) - round(share * len(fair)) :]
    if len(test) < _LEAST_JUDGES:
        raise DataError(
            f"Only {len(test)} rows could judge a retrained model, and it takes {_LEAST_JUDGES}: "
            "outcomes show only after some actions, so that served cases are no fair sample but "
            "for those that exploration shows. Wait for more of them, or raise "
            "`release.exploration_share`."
        )
    return Split(np.sort(rows[rows < test[0]]), test, parts.ordered)


def quality(charter: Charter, frame: pl.DataFrame) -> Quality:
    """Check a table against a charter, as a build does first; DataError where none could start."""
    valued = valuation(charter.value, charter.data)
    test_split(in_order(with_outcome(frame, charter, valued), charter), charter, valued)
    return check_quality(frame, charter, valued, infer_inputs(frame, charter, valued.columns))


def _without_delay(charter: Charter) -> Charter:
    at_once = Span(count=0, unit="window")
    return charter.model_copy(
        update={"data": charter.data.model_copy(update={"label_delay": at_once})}
    )


def test_split(known: pl.DataFrame, charter: Charter, valued: Valuation) -> Split:
    """Set the test rows of a table in order aside."""
    outcomes = valued.encode(known[charter.data.outcome].to_numpy())
    strata = outcomes if valued.task == "classification" else None
    return split(known, charter, strata, charter.build.seed)


def made_from(model: Model, engines: Engines) -> Made:
    """Return a trained model with its ONNX bytes, as evaluation and packaging need it."""
    signature = model.signature
    onnx = to_onnx_bytes(
        model.estimator, model.inputs, model.features, signature.task, _complete(model)
    )
    return Made(
        signature=signature,
        features=model.features,
        served=engines(onnx, model.inputs),
        trained=model.raw_of,
        forecaster=model.forecaster,
        valuation=model.valuation,
        onnx=onnx,
        history={
            **model.history,
            "recipe": None if model.recipe is None else model.recipe.document(),
        },
    )


def _complete(model: Model) -> tuple[int, ...]:
    """Return where the estimator has the outcomes; ModelError where it learned from none of one."""
    absent = [
        label
        for label, place in zip(model.valuation.labels, model.places, strict=False)
        if place < 0
    ]
    if absent:
        raise ModelError(
            f"No training row has the outcome {', '.join(absent)}, so that the model cannot tell "
            "of it. Give more rows that have it, or join it with another outcome."
        )
    return model.places


def part_in_words(parts: Split, judged: pl.DataFrame, charter: Charter) -> str:
    """Say which rows judge the model."""
    n = len(parts.test)
    share = f"{n:,} rows ({n / (n + len(parts.train)):.0%})"
    if charter.data.time is not None:
        times = judged[charter.data.time]
        return f"the newest {share}, {times[0]!s} to {times[-1]!s}"
    return f"the newest {share}" if parts.ordered else f"{share} drawn at random"


def _trained(
    learn: pl.DataFrame,
    charter: Charter,
    valued: Valuation,
    own: OwnTrain | None,
    trials: int | None,
    tell: Progress,
) -> Model:
    if own is not None:
        return train_own(own, learn, charter, valued)

    def on(share: float, what: str) -> None:
        tell(0.05 + _SEARCH_SHARE * share, what)

    return train(learn, charter, valued, trials=trials, progress=on)


def _silent(share: float, what: str) -> None:
    """Tell nobody."""
