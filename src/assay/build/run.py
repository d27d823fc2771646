"""The whole of `assay build`: from a table to a bundle with evidence, in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from assay.build.as_it_is import AsItIs, compiled_else
from assay.build.built import Built, judge
from assay.build.candidates import Recipe
from assay.build.columns import infer_inputs
from assay.build.onnx_export import to_onnx_bytes
from assay.build.own_train import OwnTrain, load_train
from assay.build.parity import Engines, settled
from assay.build.provenance import provenance
from assay.build.quality import Quality, check_quality, with_outcome
from assay.build.revision import RESPONDS_TO
from assay.build.search import Progress
from assay.build.set_aside import STANDS_FOR_ALL, set_aside, test_split
from assay.build.split import in_order
from assay.build.tested import Made, Tested
from assay.build.training import Model, refit, train, train_own
from assay.charter.charter import Charter
from assay.errors import ModelError
from assay.ports.engine import Columns
from assay.value.valuation import Valuation, valuation

__all__ = ["Again", "build", "made_from", "quality"]

_SAMPLE = 500
_SEARCH_SHARE = 0.7


@dataclass(frozen=True)
class Again:
    """A model made again by a recipe that is known; None where the charter's own function trains.

    `responds_to` is the response that it was made for: its evidence says so.
    """

    recipe: Recipe | None
    responds_to: str


def build(
    charter: Charter,
    root: Path,
    frame: pl.DataFrame,
    data_digest: str,
    *,
    engines: Engines,
    matured: bool = False,
    trials: int | None = None,
    again: Again | None = None,
    progress: Progress | None = None,
) -> Built:
    """Check the data, find a model, judge it on rows that it did not see, and package it.

    `matured` says that every outcome was known when the table was made, as in a retraining: no gap
    of the label delay is then kept between rows that teach and rows that judge. With `again` a
    known recipe is made anew, and none is searched for.

    `root` is the charter's folder, where `build.train` is looked for; `data_digest` names the
    table's bytes; `engines` loads models as the gateway does. Nothing is written. Raises DataError
    where the table cannot be used, ModelError where no model can be made or packaged.
    """
    tell = progress or _silent
    seed = charter.build.seed
    valued = valuation(charter.value, charter.data)
    tell(0.0, "checking the data")
    rows = set_aside(frame, charter, valued, matured=matured)
    frame = frame.drop(STANDS_FOR_ALL, strict=False)
    own = None if charter.build.train is None else load_train(root, charter.build.train)
    checked = check_quality(frame, charter, valued, infer_inputs(frame, charter, valued.columns))
    tell(0.05, "training")
    if again is not None and again.recipe is not None and own is None:
        model = refit(again.recipe, rows.learn, rows.ruled, valued)
    else:
        model = _trained(rows.learn, rows.ruled, valued, own, trials, tell)
    sample = model.columns(rows.learn.tail(_SAMPLE))

    def tested_of(instead: str | None = None) -> Tested:
        made = made_from(model, engines, sample, instead)
        if again is not None:
            made = replace(made, history={**made.history, RESPONDS_TO: again.responds_to})
        return Tested(made, charter, rows.judged, rows.learn, rows.told)

    tested = settled(tested_of(), seed, tested_of)
    traced = provenance(data_digest, [] if own is None else [own.source])
    return judge(tested, checked, traced, seed=seed, progress=tell)


def quality(charter: Charter, frame: pl.DataFrame) -> Quality:
    """Check a table against a charter, as a build does first; DataError where none could start."""
    valued = valuation(charter.value, charter.data)
    test_split(in_order(with_outcome(frame, charter, valued), charter), charter, valued)
    return check_quality(frame, charter, valued, infer_inputs(frame, charter, valued.columns))


def made_from(model: Model, engines: Engines, sample: Columns, instead: str | None = None) -> Made:
    """Return a trained model with its bytes, as evaluation and packaging need it.

    They are ONNX where it can be compiled; else, or where `instead` says why not, the estimator as
    it is, compared with the trained one on `sample`, some of the rows that it may see.
    """
    signature, places = model.signature, _complete(model)
    given = (model.estimator, model.inputs, model.features, signature.task, places)
    whole = AsItIs(*given, trained=model.raw_of, sample=sample)
    if instead is None:
        content, served = compiled_else(lambda: to_onnx_bytes(*given), whole, model.inputs, engines)
    else:
        content, served = whole.packaged(instead, engines)
    return Made(
        signature=signature,
        features=model.features,
        served=served,
        trained=model.raw_of,
        forecaster=model.forecaster,
        valuation=model.valuation,
        model=content,
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
