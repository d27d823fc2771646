"""Every response judged now: what stands is read from the ledger, cases from what was served."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
from numpy.typing import NDArray

from assay.build.candidates import Recipe
from assay.build.packaged import Packaged
from assay.build.set_aside import set_aside
from assay.build.training import Model, refit
from assay.charter.charter import Charter
from assay.deploy.release import before
from assay.errors import CheckFailed, DataError, InputError, ModelError
from assay.evidence.states import Live, ReleaseState
from assay.lifecycle.approval import version_state
from assay.lifecycle.desk import Desk, known_by
from assay.lifecycle.live_cases import LiveCases, in_utc, live_cases
from assay.lifecycle.live_version import LiveVersion, recoded
from assay.lifecycle.moving import read_version
from assay.lifecycle.posting import Served, labelled_table, newest_rows
from assay.lifecycle.proposing import Judged, Mark
from assay.lifecycle.remedies import ESCALATE, Shadow, Standing, remedies
from assay.lifecycle.telling import release_state
from assay.monitor.cases import moments
from assay.value.valuation import valuation

__all__ = ["judged_now", "known_recipe", "stands_now"]


def judged_now(desk: Desk, *, shadow: bool) -> Judged:
    """Judge each response to what stands on the newest cases; nothing is written.

    With `shadow` a model is retrained on what was known before those cases came, to judge a
    retraining by. Raises CheckFailed where nothing serves. Where too little is known, only asking
    people is left, and `words` say why.
    """
    charter, state = desk.charter, release_state(desk.ports.ledger, desk.charter)
    live = stands_now(state, elsewhere=charter.monitoring.source is not None)
    served = desk.served()
    made = _made(desk, live)
    mark = Mark(desk.now, len(served.records))
    since = Mark(made, int((moments(served.records) <= in_utc(made)).sum()))
    try:
        packaged = read_version(charter, desk.ports, live.version)
        former = before(state)
        latest = made if former is None else max(made, _made(desk, former))
        cases = live_cases(charter, served.records, served.outcomes, latest, desk.now)
        standing = _standing(desk, state, packaged, former)
        beside, why = _shadow(desk, packaged, served, cases) if shadow else (None, "")
        found = remedies(
            charter,
            cases,
            standing,
            beside,
            revisable=_revisable(charter, packaged),
            retrainable=why or known_recipe(charter, packaged)[1],
        )
    except InputError as error:
        return Judged((ESCALATE,), live.version, since, mark, words=str(error))
    return Judged(
        found, live.version, since, mark, cases=cases.n, data=cases.digest, windows=cases.windows
    )


def stands_now(state: ReleaseState, *, elsewhere: bool = False) -> Live:
    """Return the version that decides, or the one beside the baseline that does.

    CheckFailed where there is none: nothing is released, or the model is served `elsewhere`.
    """
    live = state.champion or state.fallen
    if live is None and elsewhere:
        raise CheckFailed(
            f"{state.name} is served elsewhere (`monitoring.source` in the charter): it has no "
            "version here, and responses are not judged for it. Mend it where it is served."
        )
    if live is None:
        raise CheckFailed(
            f"No version of {state.name} decides yet, so that there is nothing to respond for. Run "
            "`assay release` first."
        )
    return live


def known_recipe(charter: Charter, packaged: Packaged) -> tuple[Recipe | None, str]:
    """Return the recipe that a version was made by, or why it cannot be made again.

    There is none, and no reason either, where the charter's own function trains.
    """
    if packaged.submitted:
        return None, "the model was made elsewhere: hand in another one with `assay submit`"
    found: Mapping[str, Any] | None = packaged.history.get("recipe")
    if found is not None:
        return Recipe.from_document(found), ""
    if charter.build.train is not None:
        return None, ""
    return None, "its evidence does not say by which recipe it was made: run `assay build --newest`"


def _made(desk: Desk, live: Live) -> datetime:
    """Return when a version was made: from then on, nothing served has taught it."""
    made = version_state(desk.ports.ledger, desk.charter, live.version).registered_at
    return made or desk.now


def _standing(desk: Desk, state: ReleaseState, packaged: Packaged, former: Live | None) -> Standing:
    version = LiveVersion.of(packaged, desk.engines)
    if former is None or former.version == packaged.version:
        other = None if former is None else version
    else:
        earlier = read_version(desk.charter, desk.ports, former.version)
        other = LiveVersion.of(earlier, desk.engines)
    baseline = state.baseline if state.champion is None else ""
    return Standing(version, baseline, other)


def _revisable(charter: Charter, packaged: Packaged) -> str:
    try:
        packaged.require_same_promise(charter, valuation(charter.value, charter.data))
    except InputError as error:
        return str(error)
    return ""


@dataclass(frozen=True, eq=False)
class _Retrained:
    """A model made from what was known before the judged cases came."""

    model: Model
    version: LiveVersion

    def decide(self, cases: LiveCases) -> NDArray[Any]:
        """Return what it would have decided, in codes of the charter's valuation."""
        columns = self.version.columns(cases.inputs, cases.valued)
        decided = self.model.valuation.decide(self.model.forecast_of(columns), columns)
        return recoded(self.model.valuation, cases.valued, decided, self.version.number)


def _shadow(
    desk: Desk, packaged: Packaged, served: Served, cases: LiveCases
) -> tuple[Shadow | None, str]:
    """Retrain as `assay build --newest` would have before the judged cases, or say why not."""
    charter = desk.charter
    recipe, why = known_recipe(charter, packaged)
    if why:
        return None, why
    if recipe is None:
        return None, "the charter's own function is not run beside what serves"
    desk.progress(0.1, "retraining beside what stands")
    before_them = labelled_table(known_by(served, charter, cases.start), charter)
    try:
        frame = pl.read_parquet(io.BytesIO(newest_rows(desk.table(), before_them, charter)))
        rows = set_aside(frame, charter, cases.valued, matured=True)
        model = refit(recipe, rows.learn, rows.ruled, cases.valued)
        lacking = {one.name for one in model.inputs} - {
            one.name for one in packaged.signature.inputs
        }
    except (DataError, ModelError) as error:
        return None, str(error)
    if lacking:
        return None, f"served cases came without {', '.join(sorted(lacking))}"
    return _Retrained(model, LiveVersion.of(packaged, desk.engines)), ""
