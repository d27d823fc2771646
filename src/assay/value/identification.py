"""What can be known of an uplift at all, however many cases there are.

The uplift compares what the decisions paid with what others would have paid, and the second was
never seen. It is known without an experiment only where the outcome does not depend on the action
and is seen after each of them. Where actions hide the outcome, or change it, only chance tells: a
share of entities that get the baseline's action, or of cases that get any action.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from assay.charter.data import Data
from assay.charter.operation import Release
from assay.charter.policy import REFER, Cell
from assay.charter.value import ValueModel
from assay.stats.estimate import Estimate

__all__ = [
    "CONSISTENCY",
    "NO_INTERFERENCE",
    "POSITIVITY",
    "Identification",
    "Identified",
    "identification",
    "is_marked",
    "marked",
]

NO_INTERFERENCE = (
    "No entity's outcome depends on what was decided on another (no interference: Rubin 1980)."
)
CONSISTENCY = "The outcome that is seen is the one that the action taken brings about."
POSITIVITY = (
    "Every action compared had a recorded chance above zero in each case (positivity: Horvitz and "
    "Thompson 1952)."
)
_LIKE_ALL = "Cases whose outcome the table has are like those that will be decided on."

_MARK = "not identified"


@dataclass(frozen=True)
class Identification:
    """Whether more cases would bring a figure to the truth, why (one sentence), and on what terms.

    `by` is what identifies it: `outcomes`, `control share`, `exploration share` or nothing.
    """

    identified: bool
    by: str
    reason: str
    assumptions: tuple[str, ...]

    def mark(self, estimate: Estimate) -> Estimate:
        """Return an estimate with the verdict in its method, where that is *not identified*."""
        return estimate if self.identified else marked(estimate)

    def document(self) -> dict[str, Any]:
        """Return the verdict as a JSON document."""
        return {
            "identified": self.identified,
            "by": self.by or None,
            "reason": self.reason,
            "assumptions": list(self.assumptions),
        }


@dataclass(frozen=True)
class Identified:
    """The verdict on each kind of figure.

    `evaluation` is what a table of past cases tells of an uplift; `live` is the uplift of what is
    served over the charter's baseline; `other` is what any other policy would be worth: a
    threshold moved, another baseline, another version.
    """

    evaluation: Identification
    live: Identification
    other: Identification

    def document(self) -> dict[str, Any]:
        """Return the verdicts as a JSON document."""
        return {
            "evaluation": self.evaluation.document(),
            "live": self.live.document(),
            "other": self.other.document(),
        }


def identification(value: ValueModel, data: Data, release: Release) -> Identified:
    """Return what the charter's facts allow to be known.

    `data.revealed_by` names the actions after which the outcome is seen, `data.moved_by` those
    that change it; `release` grants the shares. Actions' potential outcomes are taken as stable
    (Rubin, Randomization analysis of experimental data: the Fisher randomization test comment,
    JASA 75, 1980); shares identify by design, with chances that are known and above zero (Horvitz
    and Thompson, A generalization of sampling without replacement from a finite universe, JASA
    47, 1952). Where an outcome is neither hidden nor moved, all that is needed is the outcome.

    >>> model = ValueModel.model_validate({
    ...     "currency": "EUR", "actions": {"offer": {"yes": 9, "no": -1}, "wait": {"yes": 10,
    ...     "no": 0}}, "baselines": {"nobody": "wait"}, "baseline": "nobody",
    ...     "decisions_per_month": 1000})
    >>> offers = Data(source="x.csv", outcome="y", positive="yes", moved_by=("offer",))
    >>> identification(model, offers, Release()).live.identified
    False
    >>> identification(model, offers, Release(control_share=0.05)).live.by
    'control share'
    """
    facts = _Facts(value, data, release)
    return Identified(_evaluation(facts), _live(facts), _other(facts))


def marked(estimate: Estimate) -> Estimate:
    """Return an estimate whose method says, once, that it is not identified."""
    if is_marked(estimate):
        return estimate
    return replace(estimate, method=f"{estimate.method}; {_MARK}")


def is_marked(estimate: Estimate) -> bool:
    """Whether an estimate says that it is not identified."""
    return _MARK in estimate.method


@dataclass(frozen=True)
class _Facts:
    """The charter's facts on actions and outcomes; an amount decided is one action here."""

    value: ValueModel
    data: Data
    release: Release

    @property
    def actions(self) -> tuple[str, ...]:
        plugged = self.value.function.actions if self.value.function is not None else None
        named = tuple(self.value.actions or plugged or ())
        return (*named, REFER) if named and self.value.refer is not None else named

    @property
    def moved(self) -> bool:
        return bool(self.data.moved_by)

    @property
    def hiding(self) -> tuple[str, ...]:
        """The actions after which the outcome is not seen."""
        shown = self.data.revealed_by
        return tuple(action for action in self.actions if shown and action not in shown)

    @property
    def blind(self) -> tuple[str, ...]:
        """The actions that nobody will ever know the payoff of: they hide what it depends on."""
        return tuple(action for action in self.hiding if self._depends(action, None))

    @property
    def explores(self) -> bool:
        return self.release.exploration_share > 0 and bool(self.actions)

    def unknown_pairs(self) -> Iterator[tuple[str, str]]:
        """Yield each action that hides the outcome, with a baseline's action it cannot be held to.

        What both pay depends on the outcome in the same way for all other pairs.
        """
        rule = str(self.value.baselines.get(self.value.baseline, ""))
        base = (rule,) if rule in self.actions else self.actions
        for action in self.hiding:
            yield from ((action, other) for other in base if self._depends(action, other))

    def _depends(self, action: str, other: str | None) -> bool:
        """Whether what an action pays, above another where named, depends on the outcome."""
        if action == other:
            return False
        own, base = self._cells(action), {} if other is None else self._cells(other)
        if own is None or base is None:
            return True
        gains = [_gain(own, base, label) for label in sorted({*own, *base})]
        return any(gain != gains[0] for gain in gains[1:])

    def _cells(self, action: str) -> dict[str, Cell] | None:
        """Return what an action pays given each outcome; empty: the same; None: nobody can say."""
        if self.value.actions is None or action not in self.value.actions:
            return None
        cells = self.value.actions[action]
        return cells if isinstance(cells, dict) else {}


def _gain(own: dict[str, Cell], base: dict[str, Cell], label: str) -> Any:
    """Return what an action pays above another given an outcome, comparable between outcomes."""
    cells = (own.get(label, 0.0), base.get(label, 0.0))
    if any(isinstance(cell, str) for cell in cells):
        return cells
    return float(cells[0]) - float(cells[1])


def _evaluation(facts: _Facts) -> Identification:
    if facts.moved:
        share = "release.control_share"
        then = f"the agreed `{share}` shows it once the model serves"
        if not facts.release.control_share:
            then = f"only chance shows it once the model serves (`{share}`)"
        return _unknown(
            f"The table's outcomes followed the actions taken then, and {_named(facts)} changes "
            f"the outcome, so that no table tells what other actions would have brought: {then}."
        )
    terms = (CONSISTENCY, NO_INTERFERENCE)
    return Identification(
        identified=True,
        by="outcomes",
        reason="No action changes the outcome and the table has it for each case, which so shows "
        "what every action would have paid.",
        assumptions=(*terms, _LIKE_ALL) if facts.hiding else terms,
    )


def _live(facts: _Facts) -> Identification:
    pairs = next(facts.unknown_pairs(), None)
    if not facts.moved and pairs is None:
        return _known(_seen(facts), "outcomes")
    if facts.release.control_share and not facts.blind:
        reason = (
            "Chance gives a share of entities the baseline's action, so that what the live policy "
            "brings above them is all its doing."
        )
        return _known(reason, "control share")
    if facts.explores and not (facts.moved and facts.blind):
        reason = "Chance gives a share of cases a random action, the baseline's among them."
        return _known(reason, "exploration share")
    if facts.moved and facts.blind:
        return _unknown(_never(facts))
    if facts.moved:
        named = _named(facts)
        return _unknown(
            f"{named[0].upper()}{named[1:]} changes the outcome, and nobody sees what would have "
            "come without: only `release.control_share` would show it."
        )
    hides, base = pairs or ("", "")
    remedy = "`release.exploration_share`"
    if not facts.blind:
        remedy = f"`release.control_share` or {remedy}"
    return _unknown(
        f"After `{hides}` the outcome is not seen, and what `{base}` would have paid depends on "
        f"it: only {remedy} would show it."
    )


def _other(facts: _Facts) -> Identification:
    if not facts.moved and not facts.hiding:
        return _known(_seen(facts), "outcomes")
    if facts.explores and not (facts.moved and facts.blind):
        reason = "Chance gives a share of cases a random action, so that every policy had a chance."
        return _known(reason, "exploration share")
    if facts.moved and facts.blind:
        return _unknown(_never(facts))
    control = facts.release.control_share
    so_far = "The control share shows the live policy against the baseline and no other policy"
    if not control:
        so_far = "No case gets an action by chance"
    what = f"{_named(facts)} changes" if facts.moved else f"`{facts.hiding[0]}` hides"
    remedy = "only `release.exploration_share` would tell"
    if not facts.actions:
        remedy = "only a release of that policy by canary would tell"
    return _unknown(f"{so_far}, and {what} the outcome: {remedy}.")


def _seen(facts: _Facts) -> str:
    if facts.hiding:
        return (
            "No action changes the outcome, and where the action taken hides it the baseline's "
            "pays just as much above or below it whatever the outcome is."
        )
    return (
        "No action changes the outcome and every outcome is seen, so that each case shows what "
        "either action pays."
    )


def _never(facts: _Facts) -> str:
    return (
        f"What `{facts.blind[0]}` pays depends on an outcome that it hides and that "
        f"{_named(facts)} changes: no share can show it."
    )


def _named(facts: _Facts) -> str:
    if not facts.actions:
        return "the amount decided"
    return "the action " + " or ".join(f"`{action}`" for action in facts.data.moved_by)


def _known(reason: str, by: str) -> Identification:
    terms = (CONSISTENCY, NO_INTERFERENCE)
    return Identification(
        identified=True,
        by=by,
        reason=reason,
        assumptions=terms if by == "outcomes" else (*terms, POSITIVITY),
    )


def _unknown(reason: str) -> Identification:
    return Identification(identified=False, by="", reason=reason, assumptions=())
