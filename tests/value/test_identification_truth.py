"""Every verdict on what can be known, against linear algebra over the worlds that there could be.

A world is how often each case would be decided so, with each outcome after each action. What a
design shows of it and an uplift are both linear in it: the uplift is known where it is a
combination of what is shown (the row space), and otherwise two worlds look alike and differ in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.charter.data import Data
from assay.charter.release import Release
from assay.charter.value import ValueModel
from assay.value.identification import Identified, identification

LABELS = ("yes", "no")
CALL = {"yes": 9.0, "no": -1.0}
MAIL = {"yes": 8.0, "no": -0.5}
REFERRED = {"yes": 7.0, "no": -2.0}
SKIPS: dict[str, Any] = {"constant": 0, "by outcome": {"yes": 10.0, "no": 0.0}}
SHARES = ((0.0, 0.0), (0.05, 0.0), (0.0, 0.1), (0.05, 0.1))


class Facts(NamedTuple):
    """One combination of what a charter can say."""

    revealed_by: tuple[str, ...]
    moved_by: tuple[str, ...]
    skip: str
    baseline: str
    refer: bool = False
    mail: bool = False


def _combinations() -> list[Facts]:
    revealing = ((), ("call",), ("skip",), ("call", "skip"))
    plain = [
        Facts(*one)
        for one in product(revealing, ((), ("call",)), SKIPS, ("skip", "call", "column: habit"))
    ]
    referring = [
        Facts(*one)._replace(refer=True)
        for one in product(
            ((), ("call",), ("call", "refer")), ((), ("call",)), SKIPS, ("skip", "call")
        )
    ]
    mailing = [
        Facts(*one)._replace(mail=True)
        for one in product(
            (("call",), ("call", "mail")), ((), ("call",), ("mail",)), SKIPS, ("skip", "mail")
        )
    ]
    return plain + referring + mailing


def _actions(facts: Facts) -> dict[str, dict[str, float]]:
    """Return what each action pays given each outcome."""
    skip = SKIPS[facts.skip]
    rows = {"call": CALL, "skip": skip if isinstance(skip, dict) else dict.fromkeys(LABELS, 0.0)}
    if facts.mail:
        rows["mail"] = MAIL
    if facts.refer:
        rows["refer"] = REFERRED
    return rows


def _said(facts: Facts, control: float, exploration: float) -> Identified:
    actions: dict[str, Any] = {"call": CALL, "skip": SKIPS[facts.skip]}
    if facts.mail:
        actions["mail"] = MAIL
    value = {
        "currency": "EUR",
        "actions": actions,
        "baselines": {"b": facts.baseline},
        "baseline": "b",
        "decisions_per_month": 1000,
        **({"refer": {"cost": 1, "accuracy": 0.9}} if facts.refer else {}),
    }
    data = Data(
        source="x.csv",
        outcome="y",
        positive="yes",
        revealed_by=facts.revealed_by,
        moved_by=facts.moved_by,
    )
    release = Release(control_share=control, exploration_share=exploration)
    return identification(ValueModel.model_validate(value), data, release)


class Worlds:
    """All kinds of case: what the policy and the baseline do, and what comes after each action."""

    def __init__(self, facts: Facts) -> None:
        self.rows = _actions(facts)
        self.names = tuple(self.rows)
        self.shown = facts.revealed_by or self.names
        moves = {*facts.moved_by, *(["refer"] if facts.refer and facts.moved_by else [])}
        self.kind = {name: name if name in moves else "" for name in self.names}
        kinds = sorted(set(self.kind.values()))
        column = facts.baseline.startswith("column")
        base = self.names if column else (facts.baseline,)
        self.cases = [
            (own, other, dict(zip(kinds, comes, strict=True)))
            for own in self.names
            for other in base
            for comes in product(LABELS, repeat=len(kinds))
        ]

    def pays(self, taken: Sequence[str]) -> NDArray[np.float64]:
        """Return what each kind of case pays after the action taken in it."""
        return np.array(
            [
                self.rows[a][comes[self.kind[a]]]
                for a, (_, _, comes) in zip(taken, self.cases, strict=True)
            ]
        )

    def seen(self, taken: Sequence[str], *, named: bool = True) -> list[Any]:
        """Return what is seen of each kind of case: the decisions, and the outcome where shown."""
        return [
            (
                own if named else "",
                other if named else "",
                a,
                comes[self.kind[a]] if a in self.shown else "",
            )
            for a, (own, other, comes) in zip(taken, self.cases, strict=True)
        ]

    @property
    def policy(self) -> list[str]:
        return [own for own, _, _ in self.cases]

    @property
    def baseline(self) -> list[str]:
        return [other for _, other, _ in self.cases]


def _known(wanted: NDArray[np.float64], shown: Sequence[Sequence[Any]]) -> bool:
    """Whether a figure is a combination of how often each thing is seen."""
    rows = [
        [float(one == what) for one in view]
        for view in shown
        for what in sorted(set(map(str, view)))
        for view in [list(map(str, view))]
    ]
    design = np.array(rows)
    return bool(np.linalg.matrix_rank(np.vstack([design, wanted])) == np.linalg.matrix_rank(design))


def _by_outcomes(worlds: Worlds) -> bool:
    wanted = worlds.pays(worlds.policy) - worlds.pays(worlds.baseline)
    return _known(wanted, [worlds.seen(worlds.policy)])


def _by_control(worlds: Worlds) -> bool:
    """Both arms' mean payoffs, each from what is seen in that arm."""
    arms = (worlds.policy, worlds.baseline)
    return all(_known(worlds.pays(arm), [worlds.seen(arm)]) for arm in arms)


def _by_exploration(worlds: Worlds) -> bool:
    return all(_known(worlds.pays(arm), _explored(worlds)) for arm in _policies(worlds))


def _explored(worlds: Worlds) -> list[list[Any]]:
    return [worlds.seen([name] * len(worlds.cases)) for name in worlds.names]


def _policies(worlds: Worlds) -> list[list[str]]:
    return [worlds.policy, worlds.baseline, *([a] * len(worlds.cases) for a in worlds.names)]


def _by_table(worlds: Worlds) -> bool:
    """Past cases of either action, which one is not recorded: all that is held is an outcome."""
    views = [
        [(own, other, comes[worlds.kind[past]]) for own, other, comes in worlds.cases]
        for past in worlds.names
        if past in worlds.shown
    ]
    wanted = worlds.pays(worlds.policy) - worlds.pays(worlds.baseline)
    # Which of the views the table is nobody knows: each must show it alone and alike, which it
    # does where the same combination of what is held gives the uplift in all of them.
    rows = sorted({str(what) for view in views for what in view})
    stacked = np.hstack(
        [[[float(str(one) == what) for one in view] for what in rows] for view in views]
    )
    target = np.hstack([wanted] * len(views))
    return bool(
        np.linalg.matrix_rank(np.vstack([stacked, target])) == np.linalg.matrix_rank(stacked)
    )


@pytest.mark.parametrize("facts", _combinations(), ids=str)
def test_verdicts_are_what_the_worlds_allow(facts: Facts) -> None:
    worlds = Worlds(facts)
    outcomes, explored = _by_outcomes(worlds), _by_exploration(worlds)
    shares = {"control share": _by_control(worlds), "exploration share": explored}
    for control, exploration in SHARES:
        found = _said(facts, control, exploration)
        assert found.shown_by == tuple(name for name, shows in shares.items() if shows)
        granted = {"control share": control, "exploration share": exploration}
        ways = [name for name in found.shown_by if granted[name]]
        assert found.live.by == ("outcomes" if outcomes else (*ways, "")[0])
        assert found.evaluation.identified == _by_table(worlds)
        if found.other.identified:
            served = [worlds.seen(worlds.policy), *(_explored(worlds) if exploration else [])]
            assert all(_known(worlds.pays(arm), served) for arm in _policies(worlds))


@pytest.mark.parametrize("facts", _combinations(), ids=str)
def test_no_sentence_contradicts_another(facts: Facts) -> None:
    for control, exploration in SHARES:
        found = _said(facts, control, exploration)
        table, live = found.evaluation.reason, found.live.reason
        if found.evaluation.identified or found.live.identified:
            assert "no share can" not in live
        if not found.evaluation.identified:
            assert ("the agreed `release." in table) == ("share" in found.live.by)
            assert ("outcomes show it" in table) == (found.live.by == "outcomes")
            assert ("no share tells it either" in table) == ("no share can" in live)
        for name in ("control", "exploration"):
            if f"only `release.{name}_share` would" in live:
                assert found.shown_by == (f"{name} share",)
