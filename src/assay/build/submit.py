"""The whole of `assay submit`: a finished model through the same evaluation, evidence and gate."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from assay.build.as_it_is import AsItIs, compiled_else
from assay.build.built import Built, judge
from assay.build.columns import infer_inputs, left_out, to_columns, to_frame
from assay.build.crossfit import one_thread
from assay.build.intake import Taken, take_in
from assay.build.onnx_audit import audited
from assay.build.onnx_export import to_onnx_bytes
from assay.build.onnx_outcomes import outcomes_in_order
from assay.build.parity import Engines, settled
from assay.build.provenance import provenance
from assay.build.quality import check_quality, with_outcome
from assay.build.raw_scores import raw_scores
from assay.build.search import Progress
from assay.build.set_aside import halves, part_in_words, test_split
from assay.build.split import in_order
from assay.build.tested import Made, Tested
from assay.charter.charter import Charter
from assay.errors import ModelError
from assay.evidence.bundle import Input, Signature
from assay.evidence.uncompiled import Uncompiled, with_description
from assay.ports.engine import Columns, Engine, Floats
from assay.value.labels import label_text
from assay.value.stake import forecast_cases, learn_from_cases
from assay.value.valuation import Valuation, valuation

__all__ = ["submit"]

_SAMPLE = 500


def submit(
    charter: Charter,
    frame: pl.DataFrame,
    data_digest: str,
    model: str,
    *,
    engines: Engines,
    allow_pickle: str | None = None,
    progress: Progress | None = None,
) -> Built:
    """Judge and package a finished model: a file or an MLflow URI (see `intake.take_in`).

    What the model learned from is not known here, so calibration and policy are learned on the
    first half of the charter's test rows and the model is judged on the other half (the newest,
    where rows are ordered): it counts as unseen, and the words say so. Raises ModelError
    where the model cannot be taken in, DataError where the table cannot be used.
    """
    tell = progress or _silent
    seed = charter.build.seed
    valued = valuation(charter.value, charter.data)
    tell(0.0, "reading the model")
    taken = take_in(model, charter, allow_pickle)
    tell(0.2, "checking the data")
    known = in_order(with_outcome(frame, charter, valued), charter)
    source = _source(taken, known, charter, valued, engines)
    quality = check_quality(frame, charter, valued, source.inputs)
    parts = halves(test_split(known, charter, valued), seed)
    tell(0.5, "calibrating")
    learn, judged = known[parts.train], known[parts.test]

    def tested_of(instead: str | None = None) -> Tested:
        given = source if instead is None else source.instead(instead, engines)
        return Tested(
            _calibrated(given, learn, charter, valued, taken),
            charter,
            judged,
            learn,
            f"{part_in_words(parts, judged, charter)} of those set aside, which the model is taken "
            f"not to have learned from{source.told}",
        )

    tested = settled(tested_of(), seed, tested_of)
    traced = provenance(data_digest)
    return judge(
        tested,
        quality,
        traced,
        seed=seed,
        progress=tell,
        permitted=taken.permitted,
    )


@dataclass(frozen=True)
class _Source:
    """A finished model: the columns it takes, those it reads, its bytes, its estimator if any.

    `told` is what was taken for granted about it, to be said beside every figure.
    """

    inputs: tuple[Input, ...]
    features: tuple[str, ...]
    model: bytes
    served: Engine
    whole: AsItIs | None = None
    told: str = ""

    def instead(self, why: str, engines: Engines) -> _Source:
        """Return the model as it is, for want of a compiled form that answers alike."""
        assert self.whole is not None  # noqa: S101 - only what was compiled here can be wrong
        model, served = self.whole.packaged(why, engines)
        return replace(self, model=model, served=served)


def _source(
    taken: Taken, known: pl.DataFrame, charter: Charter, valued: Valuation, engines: Engines
) -> _Source:
    order = f"; its columns are taken to be {', '.join(valued.labels)}, in this order"
    if taken.onnx is not None:
        onnx, inputs, features = audited(taken.onnx, known.schema, charter, valued.columns)
        named = len(valued.labels) < 3
        if not named:
            onnx, named = outcomes_in_order(onnx, valued.labels)
        told = "" if named else order
        return _Source(inputs, features, onnx, engines(onnx, inputs), told=told)
    inputs = infer_inputs(known, charter, valued.columns)
    features = _features(taken, inputs, charter)
    inputs = tuple(
        column for column in inputs if column.name in features or column.name in valued.columns
    )
    if taken.pyfunc is not None:
        pyfunc = _pyfunc(taken, features, valued)
        several = len(valued.labels) > 2
        told = order if several else ""
        return _Source(inputs, features, pyfunc, engines(pyfunc, inputs), told=told)
    whole = _whole(taken, inputs, features, known, valued)

    def compiled() -> bytes:
        return to_onnx_bytes(taken.estimator, inputs, features, valued.task, whole.places)

    return _Source(inputs, features, *compiled_else(compiled, whole, inputs, engines), whole)


def _pyfunc(taken: Taken, features: tuple[str, ...], valued: Valuation) -> bytes:
    """Return an MLflow folder with how it is to be run."""
    assert taken.pyfunc is not None  # noqa: S101 - the caller looked
    count = len(valued.labels)
    uncompiled = Uncompiled(
        kind="pyfunc",
        task=valued.task,
        features=features,
        places=tuple(range(count)) if count > 2 else (1,),
        permitted=taken.allowed_by,
        why=f"of {taken.name} only the Python function can be called",
    )
    return with_description(taken.pyfunc, uncompiled)


def _whole(
    taken: Taken,
    inputs: tuple[Input, ...],
    features: tuple[str, ...],
    known: pl.DataFrame,
    valued: Valuation,
) -> AsItIs:
    places = _places(taken, valued)

    def trained(columns: Columns) -> Floats:
        rows = to_frame({name: columns[name] for name in features})
        with one_thread(), warnings.catch_warnings():
            # An estimator fitted on arrays warns at every frame with names; order decides then.
            warnings.filterwarnings("ignore", message="X has feature names", category=UserWarning)
            return raw_scores(taken.estimator, rows, valued.task, places)

    return AsItIs(
        taken.estimator,
        inputs,
        features,
        valued.task,
        places,
        trained,
        to_columns(known.head(_SAMPLE), inputs),
        taken.allowed_by,
    )


def _places(taken: Taken, valued: Valuation) -> tuple[int, ...]:
    """Return where an estimator's probabilities hold the positive outcome of two, or all of more.

    It knows the charter's outcomes, or codes in their order.
    """
    labels = valued.labels
    if valued.task == "regression":
        return (1,)
    classes = [label_text(one) for one in getattr(taken.estimator, "classes_", ())]
    wanted = labels[-1:] if len(labels) == 2 else labels
    if sorted(classes) == sorted(labels):
        return tuple(classes.index(label) for label in wanted)
    codes = [str(code) for code in range(len(labels))]
    if classes != codes and (len(labels) > 2 or classes != ["false", "true"]):
        raise ModelError(
            f"{taken.name} knows the outcomes {', '.join(classes) or 'none'}, and the charter "
            f"values {', '.join(labels)}. Train it on these, or on "
            + (
                f"0 and 1 with 1 for {labels[-1]}."
                if len(labels) == 2
                else f"the codes 0 to {len(labels) - 1} in this order."
            )
        )
    return tuple(codes.index(code) for code in codes[-len(wanted) :])


def _features(taken: Taken, inputs: Sequence[Input], charter: Charter) -> tuple[str, ...]:
    """Return the columns that an estimator reads, in the order in which it was fitted."""
    out = left_out(charter)
    there = [column.name for column in inputs if column.name not in out]
    names = taken.reads if taken.pyfunc else getattr(taken.estimator, "feature_names_in_", None)
    if names is None and taken.pyfunc:
        return tuple(there)
    if names is None:
        count = getattr(taken.estimator, "n_features_in_", None)
        if count != len(there):
            raise ModelError(
                f"{taken.name} was fitted on {count} columns without names, and the charter leaves "
                f"{len(there)}: {', '.join(there)}. Fit it on a frame with column names."
            )
        return tuple(there)
    absent = [str(name) for name in names if name not in there]
    if absent:
        raise ModelError(
            f"{taken.name} reads {', '.join(absent)}, which the table lacks or the charter leaves "
            f"out; there are {', '.join(there)}. Train it on these columns only."
        )
    return tuple(str(name) for name in names)


def _calibrated(
    source: _Source,
    learn: pl.DataFrame,
    charter: Charter,
    valued: Valuation,
    taken: Taken,
) -> Made:
    columns = to_columns(learn, source.inputs)
    outcomes = valued.encode(learn[charter.data.outcome].to_numpy())
    raw = source.served.score(columns)
    wanted = (len(outcomes), len(valued.labels)) if len(valued.labels) > 2 else (len(outcomes),)
    if raw.shape != wanted:
        raise ModelError(
            f"{taken.name} answered {len(outcomes)} rows with scores of shape {raw.shape}, and "
            f"{wanted} is needed: one number a row for two outcomes or an amount, else one "
            f"probability for each of {', '.join(valued.labels) or 'the outcomes'}."
        )
    forecaster = learn_from_cases(valued, raw, outcomes, columns)
    forecasts = forecast_cases(forecaster, valued, raw, columns)
    return Made(
        signature=Signature(valued.task, source.inputs, valued.labels, valued.actions),
        features=source.features,
        served=source.served,
        trained=None if source.whole is None else source.whole.trained,
        forecaster=forecaster,
        valuation=valued.tuned(forecasts, outcomes, columns),
        model=source.model,
        history={"submitted": taken.name, "digest": taken.digest},
    )


def _silent(share: float, what: str) -> None:
    """Tell nobody."""
