"""The charter's fairness limits, live: selection at once, being right once labels came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.charter.charter import Charter
from assay.charter.limits import Guardrail
from assay.errors import DataError
from assay.guardrails.groups import LEAST_CASES
from assay.monitor.acting import selected_pairs
from assay.monitor.finding import Finding
from assay.monitor.limit_watch import sure_confidence
from assay.monitor.performance import hides
from assay.monitor.watched import Watched
from assay.stats.estimate import Estimate
from assay.stats.rate_gaps import GroupRate, widest_gap
from assay.stats.score_table import ScoreTable
from assay.value.classification import ClassificationValuation

__all__ = ["LiveGuardrail", "fairness_findings", "live_guardrails"]

Floats = NDArray[np.float64]
Rate = Literal["selection", "true_positive", "false_positive"]
_HIDDEN = "Not identified"
_Counted = dict[str, tuple[Floats, Floats]]

_RATES: Mapping[str, tuple[Rate, ...]] = {
    "demographic_parity": ("selection",),
    "equal_opportunity": ("true_positive",),
    "equalized_odds": ("true_positive", "false_positive"),
}


@dataclass(frozen=True)
class LiveGuardrail:
    """One of the charter's fairness limits on one window: the estimate, or why there is none.

    `groups` are the rates behind it by kind of rate and group, `small` the groups with too few
    cases to judge. `sure` is the interval that must lie beyond the limit for it to be broken (see
    `limit_watch.sure_confidence`); the estimate shows that of 95 %.
    """

    guardrail: Guardrail
    estimate: Estimate | None
    note: str = ""
    groups: Mapping[str, Mapping[str, GroupRate]] | None = None
    small: tuple[str, ...] = ()
    sure: Estimate | None = None

    @property
    def hidden(self) -> bool:
        """Whether labels cannot tell, since some actions hide the outcome."""
        return self.estimate is None and self.note.startswith(_HIDDEN)

    @property
    def broken(self) -> bool:
        """Whether the limit is surely broken: the whole of the wide interval lies beyond it."""
        one, limit = self.sure, self.guardrail
        if one is None:
            return False
        low = limit.at_least is not None and one.high < limit.at_least
        return low or (limit.at_most is not None and one.low > limit.at_most)

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        groups = self.groups or {}
        return {
            "metric": self.guardrail.metric,
            "column": self.guardrail.column,
            "limit": str(self.guardrail),
            "estimate": None if self.estimate is None else self.estimate.document(),
            "broken": self.broken,
            "note": self.note,
            "groups": {
                kind: {name: {"rate": one.rate, "n": one.cases} for name, one in rates.items()}
                for kind, rates in groups.items()
            },
            "not_judged": list(self.small),
        }


def live_guardrails(
    charter: Charter, watched: Watched, table: ScoreTable
) -> tuple[LiveGuardrail, ...]:
    """Measure each of the charter's fairness guardrails on one window's table.

    Groups are the table's segments of the sensitive column. Demographic parity compares shares of
    selected cases and needs no label; equal opportunity and equalized odds compare the shares of
    selected among labelled cases that deserved it, and that did not. Who is selected and who
    deserves it is as in `guardrails.plugin.Cases`, but that one action counts as selecting all
    cases of two outcomes (see `acting`). Groups of fewer than 30 cases of a kind are not judged.
    Other guardrails than fairness are measured where models are judged, not here.

    Where the charter's `data.revealed_by` lets some actions hide the outcome, every labelled case
    was selected (or none was), so that labels say nothing of these shares: they have a note. Cases
    decided by chance could tell, weighed by the propensities that captures keep; tables do not keep
    those.
    """
    found = []
    for guardrail in charter.guardrails:
        name, _, form = guardrail.metric.rpartition("_")
        if name in _RATES and form in ("difference", "ratio"):
            note = _hidden(charter, _RATES[name], watched, table)
            if note:
                found.append(LiveGuardrail(guardrail, None, note))
                continue
            sure = sure_confidence(charter)
            one = _measured(guardrail, _RATES[name], form == "ratio", watched, table, sure)
            found.append(one)
    return tuple(found)


def fairness_findings(measured: tuple[LiveGuardrail, ...]) -> tuple[Finding, ...]:
    """Return the guardrails that are surely broken."""
    found = []
    for one in measured:
        if one.estimate is not None and one.broken:
            limit, label = str(one.guardrail), one.guardrail.label
            text = f"{label} {one.estimate!r} surely breaks the limit: {limit} ({_rates(one)})"
            found.append(Finding("fairness", label, one.estimate.mean, limit, text))
    return tuple(found)


def _rates(one: LiveGuardrail) -> str:
    words = []
    for kind, rates in (one.groups or {}).items():
        ordered = sorted(rates.items(), key=lambda pair: pair[1].rate)
        said = kind.replace("_", " ")
        (low, least), (high, most) = ordered[0], ordered[-1]
        words.append(f"{said} rate from {least.rate:.1%} of {low} to {most.rate:.1%} of {high}")
    return "; ".join(words)


def _hidden(charter: Charter, kinds: tuple[Rate, ...], watched: Watched, table: ScoreTable) -> str:
    """Say why labels cannot tell these rates, or nothing."""
    shown = charter.data.revealed_by
    needed = [kind.replace("_", " ") for kind in kinds if kind != "selection"]
    if not needed or not hides(table, watched, shown):
        return ""
    return (
        f"{_HIDDEN}: outcomes are seen only after {' and '.join(shown)}, and "
        f"{' and '.join(needed)} rates need those of all cases."
    )


def _measured(
    guardrail: Guardrail,
    kinds: tuple[Rate, ...],
    ratio: bool,
    watched: Watched,
    table: ScoreTable,
    sure: float,
) -> LiveGuardrail:
    places = {
        value: place
        for place, (name, value) in enumerate(table.segments)
        if name == guardrail.column
    }
    if not places:
        note = f"The window is not split by {guardrail.column}: name it in `monitoring.segments`."
        return LiveGuardrail(guardrail, None, note)
    try:
        counted: _Counted = {kind: _counts(kind, watched, table) for kind in kinds}
    except DataError as error:
        return LiveGuardrail(guardrail, None, str(error))
    judged, small = _judged(counted, places)
    if any(len(rates) < 2 for rates in judged.values()):
        what = "cases" if kinds == ("selection",) else "labelled cases of the outcomes it needs"
        note = f"Fewer than two groups of {guardrail.column} have {LEAST_CASES} {what}."
        return LiveGuardrail(guardrail, None, note, None, small)
    shown, wide = (_widest(judged, ratio=ratio, confidence=each) for each in (0.95, sure))
    if shown is None:
        return LiveGuardrail(guardrail, None, "No case of any group was selected.", judged, small)
    return LiveGuardrail(guardrail, shown, "", judged, small, wide)


def _widest(
    judged: Mapping[str, Mapping[str, GroupRate]], *, ratio: bool, confidence: float
) -> Estimate | None:
    """Return the widest gap over all kinds of rate; None where one of them cannot be told."""
    gaps = [
        widest_gap(
            rates,
            "ratio" if ratio else "difference",
            comparisons=len(judged),
            confidence=confidence,
        )
        for rates in judged.values()
    ]
    known = [gap for gap in gaps if gap is not None]
    if len(known) < len(gaps):
        return None
    pick = min if ratio else max
    widest = pick(known, key=lambda gap: gap.mean)
    low, high = (pick(getattr(gap, end) for gap in known) for end in ("low", "high"))
    return Estimate(widest.mean, low, high, widest.n, widest.method, confidence=confidence)


def _judged(
    counted: _Counted, places: Mapping[str, int]
) -> tuple[dict[str, dict[str, GroupRate]], tuple[str, ...]]:
    """Return the rates of groups with enough cases of every kind, and the other groups' names."""
    enough = {
        value
        for value, place in places.items()
        if all(float(cases[place]) >= LEAST_CASES for _, cases in counted.values())
    }
    rates = {
        kind: {
            value: GroupRate(float(events[place]), float(cases[place]))
            for value, place in places.items()
            if value in enough
        }
        for kind, (events, cases) in counted.items()
    }
    some = {v for v, place in places.items() if any(c[place] > 0 for _, c in counted.values())}
    return rates, tuple(sorted(some - enough))


def _counts(kind: Rate, watched: Watched, table: ScoreTable) -> tuple[Floats, Floats]:
    """Return, for each segment (S,), the selected cases of a kind and all of that kind."""
    selected = selected_pairs(watched, table)
    if kind == "selection":
        cases = table.n.sum(axis=2).astype(np.float64)
    else:
        right = _deserving(watched, table)
        wanted = right if kind == "true_positive" else ~right
        labelled = table.labelled.sum(axis=3).astype(np.float64)
        cases = (labelled * wanted[:, None, :]).sum(axis=0)
    return cases[:, selected].sum(axis=1), cases.sum(axis=1)


def _deserving(watched: Watched, table: ScoreTable) -> NDArray[np.bool_]:
    """Return, for each outcome and pair of actions (K, D), whether the case should be selected.

    Raises DataError where that hangs on columns of the case, which the table does not keep.
    """
    outcomes, pairs = table.outcomes, table.pairs
    if outcomes == 2:
        return np.repeat([[False], [True]], len(pairs), axis=1)
    valuation = watched.valuation
    if not isinstance(valuation, ClassificationValuation) or valuation.table.columns:
        raise DataError(
            "Which of three and more outcomes deserve to be selected hangs on each case's payoffs, "
            "which read columns: evaluate the model on labelled rows instead."
        )
    payoffs = valuation.payoffs({}, 1)[0]
    return np.array(
        [[payoffs[:, k].max() > payoffs[base, k] for _, base in pairs] for k in range(outcomes)],
        dtype=np.bool_,
    )
