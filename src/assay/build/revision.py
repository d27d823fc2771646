"""A version revised on served cases: a new calibration or policy, the model's file as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.build.built import Built, judge
from assay.build.columns import to_columns
from assay.build.packaged import Packaged
from assay.build.parity import Engines
from assay.build.policy_move import calibrated_under
from assay.build.provenance import provenance
from assay.build.quality import check_quality, with_outcome
from assay.build.search import Progress
from assay.build.set_aside import STANDS_FOR_ALL, SetAside, set_aside
from assay.build.split import in_order
from assay.build.tested import REVISED, Made, Tested
from assay.build.training_set import at
from assay.charter.charter import Charter
from assay.evidence.bundle import Signature
from assay.evidence.digest import digest_bytes
from assay.ports.engine import Columns, Engine, Floats
from assay.stats.forecaster import Forecaster
from assay.value.policy_words import policy_in_words
from assay.value.stake import forecast_cases
from assay.value.valuation import Valuation, valuation

__all__ = ["RESPONDS_TO", "Bend", "made_for", "revise"]

Bend = Callable[[Forecaster, Floats, NDArray[Any]], Forecaster]
"""Returns a forecaster bent to known outcomes, given its forecasts of them (n, K)."""

RESPONDS_TO = "responds_to"
"""Where a version's evaluation says which response it was made for."""


def revise(
    charter: Charter,
    packaged: Packaged,
    frame: pl.DataFrame,
    table: bytes,
    *,
    engines: Engines,
    bend: Bend | None,
    responds_to: str,
    progress: Progress,
) -> Built:
    """Learn calibration (where `bend` is given) and policy anew on served cases; train nothing.

    `frame` are cases served since the version was made, so that its model has learned from none of
    them, in columns of the charter's table and with `STANDS_FOR_ALL`; `table` are its bytes, which
    are kept. The older ones teach, the newest (`build.test_share`) judge, and only those judge and
    teach the policy that are a fair sample of all cases. Nothing is written.

    Raises InputError where the charter now asks for another model, and DataError where too few
    cases could judge.
    """
    valued = valuation(charter.value, charter.data)
    packaged.require_same_promise(charter, valued)
    progress(0.0, "checking the served cases")
    rows = set_aside(frame, charter, valued, matured=True)
    fair = in_order(with_outcome(frame, charter, valued), charter)[STANDS_FOR_ALL].to_numpy()
    plain, inputs = frame.drop(STANDS_FOR_ALL), packaged.signature.inputs
    quality = check_quality(plain, charter, valued, inputs)
    progress(0.4, "learning calibration and policy" if bend else "learning the policy")
    served = engines(packaged.bundle.model_bytes, inputs)
    lessons = _Lessons.of(packaged, rows, fair, served, valued)
    made = _made(packaged, served, *lessons.learned(packaged, valued, bend), responds_to)
    words = _words(packaged, made, bend, len(lessons.outcomes))
    tested = Tested(made, charter, rows.judged, rows.learn, rows.told, words)
    traced = replace(provenance(digest_bytes(table)), moved_from=packaged.bundle.digest)
    built = judge(
        tested,
        quality,
        traced,
        seed=charter.build.seed,
        progress=progress,
        permitted=packaged.permitted,
    )
    return replace(built, kept=(*built.kept, table))


def made_for(history: Any) -> str:
    """Return which response a version was made for, by how it was found; empty for none.

    >>> made_for({"responds_to": "3f"}), made_for({"trials": []})
    ('3f', '')
    """
    return str(history.get(RESPONDS_TO, "")) if isinstance(history, dict) else ""


class _Lessons:
    """The rows that teach: raw scores, outcomes, columns, and which are a fair sample."""

    def __init__(
        self, raw: Floats, outcomes: NDArray[Any], columns: Columns, fair: NDArray[np.bool_]
    ) -> None:
        self.raw = raw
        self.outcomes = outcomes
        self.columns = columns
        self.fair = np.flatnonzero(fair)

    @classmethod
    def of(
        cls,
        packaged: Packaged,
        rows: SetAside,
        fair: NDArray[np.bool_],
        served: Engine,
        valued: Valuation,
    ) -> _Lessons:
        columns = to_columns(rows.learn, packaged.signature.inputs)
        outcomes = valued.encode(rows.learn[rows.ruled.data.outcome].to_numpy())
        return cls(served.score(columns), outcomes, columns, fair[rows.parts.train])

    def learned(
        self, packaged: Packaged, valued: Valuation, bend: Bend | None
    ) -> tuple[Forecaster, Valuation]:
        """Return the calibration, and the policy with what it learned."""
        forecaster = packaged.forecaster
        valued = calibrated_under(packaged, valued, self.columns, len(self.raw))
        if bend is not None:
            plain = forecast_cases(forecaster, packaged.valuation, self.raw, self.columns)
            forecaster = bend(forecaster, plain, self.outcomes)
        forecasts = forecast_cases(forecaster, valued, self.raw, self.columns)
        seen = at(self.columns, self.fair)
        return forecaster, valued.tuned(forecasts[self.fair], self.outcomes[self.fair], seen)


def _made(
    packaged: Packaged, served: Engine, forecaster: Forecaster, valued: Valuation, id_: str
) -> Made:
    own, files = packaged.signature, packaged.bundle.files
    same = forecaster is packaged.forecaster
    kept = (packaged.bundle.model_file, "reference.json", *(("calibration.json",) if same else ()))
    revised = {
        "version": packaged.version,
        "bundle": packaged.bundle.digest,
        "was": policy_in_words(packaged.valuation),
        "now": policy_in_words(valued),
        "calibrated_anew": not same,
    }
    return Made(
        signature=Signature(own.task, own.inputs, own.labels, valued.actions),
        features=packaged.features,
        served=served,
        trained=None,
        forecaster=forecaster,
        valuation=valued,
        model=packaged.bundle.model_bytes,
        history={**packaged.history, REVISED: revised, RESPONDS_TO: id_},
        came=(
            f"served as version {packaged.version} is",
            f"Its model file is version {packaged.version}'s, byte for byte.",
        ),
        kept={name: files[name] for name in kept},
    )


def _words(packaged: Packaged, made: Made, bend: Bend | None, taught: int) -> tuple[str, ...]:
    what = "Calibration and policy" if bend else "The policy"
    how = f"learned anew from {taught:,} served cases, nothing trained"
    return (f"{what} of version {packaged.version} {how}: {policy_in_words(made.valuation)}.",)
