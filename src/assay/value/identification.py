"""What can be known of an uplift at all, however many cases there are.

The uplift compares what the decisions paid with what others would have paid, and the second was
never seen. It is known without an experiment only where the outcome does not depend on the action
and is seen after each of them. Where actions hide the outcome, or change it, only chance tells: a
share of entities that get the baseline's action, or of cases that get any action.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from assay.charter.data import Data
from assay.charter.policy import REFER
from assay.charter.release import Release
from assay.charter.value import ValueModel
from assay.stats.estimate import Estimate
from assay.value.potential import Potential

__all__ = [
    "CONSISTENCY",
    "CONTROL",
    "EXPLORATION",
    "NO_INTERFERENCE",
    "OUTCOMES",
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

OUTCOMES = "outcomes"
CONTROL = "control share"
EXPLORATION = "exploration share"
_FIELDS = {CONTROL: "release.control_share", EXPLORATION: "release.exploration_share"}

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
    threshold moved, another baseline, another version. `shown_by` are the shares that would show
    the live uplift, granted or not; a share that is not among them shows nothing of it. `silent`
    says of each of those why.
    """

    evaluation: Identification
    live: Identification
    other: Identification
    shown_by: tuple[str, ...]
    silent: Mapping[str, str]

    def document(self) -> dict[str, Any]:
        """Return the verdicts as a JSON document."""
        return {
            "evaluation": self.evaluation.document(),
            "live": self.live.document(),
            "other": self.other.document(),
            "shown_by": list(self.shown_by),
        }


def identification(value: ValueModel, data: Data, release: Release) -> Identified:
    """Return what the charter's facts allow to be known.

    `data.revealed_by` names the actions after which the outcome is seen, `data.moved_by` those
    that change it; `release` grants the shares. Actions' potential outcomes are taken as stable
    (Rubin, Randomization analysis of experimental data: the Fisher randomization test comment,
    JASA 75, 1980); shares identify by design, with chances that are known and above zero (Horvitz
    and Thompson, A generalization of sampling without replacement from a finite universe, JASA
    47, 1952). Where an outcome is neither hidden nor moved, all that is needed is the outcome.

    An action is *blind* where it hides the outcome that its own payoff depends on, and *lost* where
    that outcome is seen after no other action either (one that changes the outcome has one of its
    own; the others share one). What is known of the uplift of what serves, by the first line
    that fits:

    =================================================================  ================  ===========
    charter                                                            control share     exploration
    =================================================================  ================  ===========
    whatever is taken shows its payoff and that of the baseline there  not needed        not needed
    no action is blind                                                 shows it          shows it
    an action is blind and none is lost                                shows nothing     shows it
    an action is lost                                                  shows nothing     nothing
    amounts are decided and change the outcome                         shows it          has none
    =================================================================  ================  ===========

    A payoff that is the same whatever comes (`skip: 0`) is seen though the outcome is not. With
    `call` changing the outcome, and `skip` paying such an amount or one by outcome:

    ================  ============  ==========  ===========  ===========================
    `revealed_by`     `skip` pays   baseline    the table    live
    ================  ============  ==========  ===========  ===========================
    all               0             `skip`      nothing      outcomes
    all               0             `call`      nothing      control, exploration
    all               by outcome    either      nothing      control, exploration
    `call`            0             `skip`      identifies   outcomes
    `call`            0             `call`      identifies   control, exploration
    `call`            by outcome    either      nothing      no share: `skip` is lost
    ================  ============  ==========  ===========  ===========================

    With `value.refer`, a person may take the action that changes the outcome: `refer` is lost
    unless outcomes are seen after all actions or after `refer` by name. Then it is as without it,
    but that the table identifies nothing. A control is read as a difference of mean
    payoffs, for which those of both arms must be seen; an exploration share by weights.

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
    facts = _Facts(Potential(value, data), data, release)
    return Identified(_evaluation(facts), _live(facts), _other(facts), facts.shown_by, facts.silent)


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
    """The charter's facts on outcomes, and the shares granted."""

    seen: Potential
    data: Data
    release: Release

    @property
    def granted(self) -> tuple[str, ...]:
        """The shares that are granted and that the task can have."""
        release = self.release
        explores = release.exploration_share > 0 and bool(self.seen.actions)
        has = {CONTROL: release.control_share > 0, EXPLORATION: explores}
        return tuple(share for share, granted in has.items() if granted)

    @property
    def shown_by(self) -> tuple[str, ...]:
        """The shares that would show the live uplift, were they granted."""
        return tuple(share for share in _FIELDS if share not in self.silent)

    @property
    def silent(self) -> dict[str, str]:
        """Why each of the other shares shows nothing."""
        if not self.seen.actions:
            return {EXPLORATION: "no amount is drawn at random"}
        why = "`{}` hides the outcome that its payoff depends on"
        found = {CONTROL: self.seen.blind, EXPLORATION: self.seen.lost}
        return {share: why.format(those[0]) for share, those in found.items() if those}

    @property
    def shown(self) -> tuple[str, ...]:
        """Those of them that are granted."""
        return tuple(share for share in self.shown_by if share in self.granted)

    @property
    def remedy(self) -> str:
        """The fields that would show the live uplift."""
        return " or ".join(f"`{_FIELDS[share]}`" for share in self.shown_by)


def _evaluation(facts: _Facts) -> Identification:
    seen = facts.seen
    if seen.moved and not seen.told_by_table:
        return _unknown(
            f"The table's outcomes followed the actions taken then, and {_named(facts)} changes "
            f"the outcome, so that no table tells what other actions would have brought: "
            f"{_later(facts)}."
        )
    terms = (CONSISTENCY, NO_INTERFERENCE)
    reason = (
        "No action changes the outcome and the table has it for each case, which so shows what "
        "every action would have paid."
    )
    if seen.moved:
        reason = (
            "Outcomes are seen after one kind of action alone, and no payoff depends on what "
            "another would have brought."
        )
    return Identification(
        identified=True,
        by=OUTCOMES,
        reason=reason,
        assumptions=(*terms, _LIKE_ALL) if seen.hiding else terms,
    )


def _later(facts: _Facts) -> str:
    """Say what shows the uplift once the model serves, in accord with the verdict on that."""
    by = _live(facts).by
    if by == OUTCOMES:
        return "outcomes show it once the model serves"
    if by:
        return f"the agreed `{_FIELDS[by]}` shows it once the model serves"
    if facts.shown_by:
        return f"only chance shows it once the model serves ({facts.remedy})"
    return "no share tells it either once the model serves"


def _live(facts: _Facts) -> Identification:
    seen = facts.seen
    pair = next(seen.unknown_pairs(), None)
    if pair is None and (seen.actions or not seen.moved):
        return _known(_seen(facts), OUTCOMES)
    if CONTROL in facts.shown:
        reason = (
            "Chance gives a share of entities the baseline's action, so that what the live policy "
            "brings above them is all its doing."
        )
        return _known(reason, CONTROL)
    if EXPLORATION in facts.shown:
        reason = "Chance gives a share of cases a random action, the baseline's among them."
        return _known(reason, EXPLORATION)
    if not facts.shown_by:
        return _unknown(_never(facts))
    if seen.moved:
        named = _named(facts)
        return _unknown(
            f"{named[0].upper()}{named[1:]} changes the outcome, and nobody sees what would have "
            f"come without: only {facts.remedy} would show it."
        )
    hides, base = pair or ("", "")
    return _unknown(
        f"After `{hides}` the outcome is not seen, and what `{base}` would have paid depends on "
        f"it: only {facts.remedy} would show it."
    )


def _other(facts: _Facts) -> Identification:
    seen = facts.seen
    if not seen.moved and not seen.hiding:
        return _known(_seen(facts), OUTCOMES)
    if EXPLORATION in facts.shown:
        reason = "Chance gives a share of cases a random action, so that every policy had a chance."
        return _known(reason, EXPLORATION)
    if not facts.shown_by:
        return _unknown(_never(facts))
    so_far = "No case gets an action by chance"
    if CONTROL in facts.granted:
        so_far = "A control share is of the live policy beside the baseline and of no other policy"
    what = f"{_named(facts)} changes" if seen.moved else f"`{seen.hiding[0]}` hides"
    remedy = f"only `{_FIELDS[EXPLORATION]}` would tell"
    if not seen.actions:
        remedy = "only a release of that policy by canary would tell"
    return _unknown(f"{so_far}, and {what} the outcome: {remedy}.")


def _seen(facts: _Facts) -> str:
    seen = facts.seen
    if seen.moved:
        return (
            "What the action taken pays is seen, and nothing that another action would have "
            "brought enters what the baseline's pays."
        )
    if seen.hiding:
        return (
            "No action changes the outcome, and where the action taken hides it the baseline's "
            "pays just as much above or below it whatever the outcome is."
        )
    return (
        "No action changes the outcome and every outcome is seen, so that each case shows what "
        "either action pays."
    )


def _never(facts: _Facts) -> str:
    action = facts.seen.lost[0]
    why = (
        f"What `{action}` pays depends on an outcome that it hides and that {_named(facts)} changes"
    )
    if action == REFER:
        return f"{why}: no share can show it, unless `data.revealed_by` can name `{REFER}` too."
    return f"{why}: no share can show it."


def _named(facts: _Facts) -> str:
    if not facts.seen.actions:
        return "the amount decided"
    return "the action " + " or ".join(f"`{action}`" for action in facts.data.moved_by)


def _known(reason: str, by: str) -> Identification:
    terms = (CONSISTENCY, NO_INTERFERENCE)
    return Identification(
        identified=True,
        by=by,
        reason=reason,
        assumptions=terms if by == OUTCOMES else (*terms, POSITIVITY),
    )


def _unknown(reason: str) -> Identification:
    return Identification(identified=False, by="", reason=reason, assumptions=())
