"""How many payoffs of a release will stay unknown, by the charter's facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from assay.charter.charter import Charter
from assay.deploy.unknown_payoffs import Unknown
from assay.value.potential import Potential
from assay.value.valuation import valuation

__all__ = ["unknown_payoffs", "unpaired_because"]

_MOST_EXPLORED = 0.5
"""The largest `release.exploration_share` that a charter takes."""


def unknown_payoffs(
    charter: Charter, decided: Mapping[str, int], before: Mapping[str, int] | None
) -> tuple[Unknown, bool]:
    """Return what stays unknown on both arms, and whether both can be scored on each unit.

    `decided` counts the actions that the challenger took in its evaluation, `before` those of the
    champion in its own, None where the baseline is the other arm. A payoff stays unknown after an
    action that hides an outcome which it depends on (`data.revealed_by`), unless
    `release.missing_outcome` says what a missing outcome was. Exploration puts other actions in
    the place of the version's, never of the baseline's. A baseline that reads its action from a
    column is taken to hide as often as the challenger does.

    Both arms can be scored on a unit where no action moves the outcome and the other arm, which
    then decides for all, shows it after each of its actions.
    """
    facts = Potential(charter.value, charter.data)
    hiding = facts.hiding if charter.release.missing_outcome is None else ()
    other = _of_other_arm(charter, decided, before)
    paired = not unpaired_because(charter, decided, before)
    blind = facts.blind if hiding else ()
    if not blind:
        return Unknown(), paired
    explored = charter.release.exploration_share
    low, high = valuation(charter.value, charter.data).bounds()
    usual = charter.release.unit.usual
    tried, named = _explored(blind, decided, explored), " or ".join(f"`{one}`" for one in blind)
    unknown = Unknown(
        challenger=tried,
        other=_share(blind, other) if before is None else _explored(blind, other, explored),
        ends=(low * usual, high * usual),
        why=f"what {named} pays depends on an outcome that it hides (`data.revealed_by`)",
        mends=tuple(_mends(charter, hiding, blind, tried, decided)),
    )
    return unknown, paired


def unpaired_because(
    charter: Charter, decided: Mapping[str, int], before: Mapping[str, int] | None
) -> str:
    """Return why a shadow's copies cannot tell value; empty where they can.

    Counts as of `unknown_payoffs`. Where none are known, any action may have been taken.
    """
    facts = Potential(charter.value, charter.data)
    if facts.moved:
        moved = " and ".join(f"`{one}`" for one in charter.data.moved_by)
        return (
            f"{moved} moves the outcome (`data.moved_by`), so that what came does not tell what "
            "another decision would have brought"
        )
    if charter.release.missing_outcome is not None or not facts.hiding:
        return ""
    counts = _of_other_arm(charter, decided, before) or dict.fromkeys(facts.actions, 1)
    hidden = [f"`{one}`" for one in facts.hiding if counts.get(one)]
    if not hidden:
        return ""
    return (
        f"{' and '.join(hidden)} hides the outcome (`data.revealed_by`) where it is what was done"
    )


def _of_other_arm(
    charter: Charter, decided: Mapping[str, int], before: Mapping[str, int] | None
) -> Mapping[str, int]:
    """Return the counts of the actions that the other arm takes."""
    if before is not None:
        return before
    rule = str(charter.value.baselines[charter.value.baseline])
    return {rule: 1} if rule in decided else decided


def _share(actions: tuple[str, ...], counts: Mapping[str, int]) -> float:
    total = sum(counts.values())
    return sum(counts.get(action, 0) for action in actions) / total if total else 0.0


def _explored(blind: tuple[str, ...], counts: Mapping[str, int], share: float) -> float:
    """Return how often an action is blind where chance picks any of them in a share of cases."""
    by_chance = sum(action in counts for action in blind) / max(len(counts), 1)
    return (1.0 - share) * _share(blind, counts) + share * by_chance


def _mends(
    charter: Charter,
    hiding: tuple[str, ...],
    blind: tuple[str, ...],
    unknown: float,
    decided: Mapping[str, int],
) -> Iterator[str]:
    if len(hiding) == 1 and charter.value.actions is not None and not charter.data.moved_by:
        yield (
            f"`value.actions` as what each action brings above `{hiding[0]}` in each outcome, with "
            f"`{hiding[0]}: 0`, keeps the difference of both arms and hides nothing, as no action "
            "moves the outcome."
        )
    yield "`release.missing_outcome` says what silence means, where it means one outcome."
    most = _explored(blind, decided, _MOST_EXPLORED)
    if most < unknown:
        yield (
            "`release.exploration_share` lets chance reveal some: its most, "
            f"{_MOST_EXPLORED:.0%} of cases, leaves {most:.0%} of the challenger's units unknown."
        )
