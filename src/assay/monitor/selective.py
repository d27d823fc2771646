"""Uplift where outcomes are seen only after some actions, from the cases that chance decided.

What the model lets go shows no outcome, so that nothing but its own forecast says what was missed
there. Where a share of cases got an action by chance, with a known probability, those of them that
show the outcome stand for the others; where none did, the estimate is one-sided.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.monitor.possible import Possible, possible_payoffs, possible_uplifts
from assay.ports.engine import Columns, Floats
from assay.stats.estimate import Estimate
from assay.value.exploration import Logged, effective_cases, gain_over, policy_value
from assay.value.valuation import Valuation

__all__ = ["Selective", "Served", "explored_uplift"]

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

_LEAST = 30
"""Cases of full weight below which chance showed too little to say anything."""
_MOST_WAITING = 0.1


@dataclass(frozen=True, eq=False)
class Served:
    """Cases as they were served: forecasts (n, K), decisions, outcomes where `labelled`.

    `propensity` (n,) is the recorded chance of the action taken, NaN where none was recorded.
    """

    forecast: Floats
    decisions: Ints
    outcomes: NDArray[Any]
    labelled: Bools
    propensity: Floats
    columns: Columns
    entities: NDArray[Any] | None = None

    def at(self, rows: Bools) -> Served:
        """Return some of the cases."""
        return Served(
            self.forecast[rows],
            self.decisions[rows],
            self.outcomes[rows],
            self.labelled[rows],
            self.propensity[rows],
            {name: column[rows] for name, column in self.columns.items()},
            None if self.entities is None else self.entities[rows],
        )


@dataclass(frozen=True)
class Selective:
    """What chance shows of the uplift, or why it shows nothing.

    `uplift` is per decision, with a 95% interval that holds however wrong the forecast is; None
    where chance shows too little. `cases` had a chance of showing what is needed, `effective` is
    how many cases of full weight they are worth. `words` say what the estimate rests on, or
    which side of the uplift remains unseen; rows were read for it.
    """

    uplift: Estimate | None
    cases: int
    effective: float
    words: str

    @property
    def identified(self) -> bool:
        """Whether more cases would bring the estimate to the truth."""
        return self.uplift is not None

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        return {
            "uplift": None if self.uplift is None else self.uplift.document(),
            "cases": self.cases,
            "effective": self.effective,
            "words": self.words,
        }


def explored_uplift(
    valuation: Valuation,
    served: Served,
    *,
    seed: int,
    revealed_by: Collection[str] = (),
    moved_by: Collection[str] = (),
) -> Selective | None:
    """Return the uplift of what was served over the baseline, from the share left to chance.

    None where nothing hides or moves an outcome, so that labels tell it (`realised_uplift`), and
    for amounts. Give cases whose label delay is over.

    Where no action changes the outcome, what each action would have gained on a case follows from
    an outcome that some actions show: cases where one of those was taken weigh one over the chance
    of that. The uplift is then that of the actions with the chances they had. Where actions change
    the outcome, cases that got the baseline's action stand for what all would have been paid by it,
    and the uplift is that of the actions taken. Both are augmented by what the forecast lets expect
    (doubly robust: Dudík, Langford and Li, ICML 2011), so that a good forecast narrows the interval
    and a wrong one does no harm. Among three actions and more, the policy's own is taken to be what
    the valuation decides now; the chance of exploring is shared evenly by all.

    Of labels still pending the others are taken to be typical where no action changes the outcome;
    where one does, more than a tenth pending are too many to say anything.
    """
    if valuation.task != "classification" or not (revealed_by or moved_by):
        return None
    reading = _Reading.of(valuation, served, revealed_by, moved_by)
    if reading.sure.all():
        return None
    drawn = (served.propensity > 0) & (served.propensity < 1)
    if drawn.mean() < 0.5:
        few = "no case was" if not drawn.any() else "most cases were not"
        return _one_sided(reading, f"{few} left to chance")
    reading = reading.at(drawn)
    if not reading.unmoved:
        blind = reading.blind
        if (blind & ~reading.waiting).any():
            return _one_sided(reading, "what the action taken pays depends on what it hides")
        if blind.mean() > _MOST_WAITING:
            return _one_sided(reading, f"{int(blind.sum()):,} outcomes are still to come")
        reading = reading.at(~blind)
    return _estimated(reading, seed, left=len(drawn) - len(reading.baseline))


def _estimated(reading: _Reading, seed: int, left: int) -> Selective:
    told, policy = reading.logged(), reading.policy
    effective = effective_cases(told, policy)
    if effective < _LEAST:
        return _one_sided(reading, f"chance showed it in too few cases (worth {effective:.0f})")
    unit = f"{reading.valuation.currency} per decision"
    estimate = policy_value if reading.unmoved else gain_over
    uplift = estimate(told, policy, seed=seed, expected=reading.expected, unit=unit)
    words = (
        "estimated by inverse propensity weights, rows read again: cases that chance decided stand "
        "for those it might have"
    )
    words += f"; {left:,} cases that it had no say in, or without a label, left out" if left else ""
    return Selective(uplift, len(told.actions), effective, words)


@dataclass(frozen=True, eq=False)
class _Reading:
    """What is needed of each case, what shows it, and what it showed."""

    valuation: Valuation
    served: Served
    revealing: tuple[int, ...]
    unmoved: bool
    baseline: Ints
    sure: Bools

    @classmethod
    def of(
        cls,
        valuation: Valuation,
        served: Served,
        revealed_by: Collection[str],
        moved_by: Collection[str],
    ) -> _Reading:
        actions = valuation.actions
        shown = tuple(
            code for code, action in enumerate(actions) if not revealed_by or action in revealed_by
        )
        baseline = valuation.baseline(served.columns, len(served.decisions))
        gains = possible_uplifts(valuation, served.forecast, served.decisions, served.columns)
        sure = gains.certain
        if moved_by:
            base = possible_payoffs(valuation, served.forecast, baseline, served.columns)
            own = possible_payoffs(valuation, served.forecast, served.decisions, served.columns)
            seen = np.isin(served.decisions, shown) | own.certain
            sure = (served.decisions == baseline) | (base.certain & seen)
        elif revealed_by:
            sure = gains.certain | np.isin(served.decisions, shown)
        else:
            sure = np.ones(len(baseline), dtype=np.bool_)
        return cls(valuation, served, shown, not moved_by, baseline, sure)

    def at(self, rows: Bools) -> _Reading:
        return _Reading(
            self.valuation,
            self.served.at(rows),
            self.revealing,
            self.unmoved,
            self.baseline[rows],
            self.sure[rows],
        )

    @property
    def waiting(self) -> Bools:
        """Cases whose action shows an outcome that has not come."""
        return np.isin(self.served.decisions, self.revealing) & ~self.served.labelled

    @property
    def blind(self) -> Bools:
        """Cases of which not even the payoff of what was done is known."""
        own = possible_payoffs(
            self.valuation, self.served.forecast, self.served.decisions, self.served.columns
        )
        return ~self.served.labelled & ~own.certain

    @property
    def policy(self) -> Ints:
        """The policy asked for: the baseline's, or 1, to show the outcome (see `logged`)."""
        return np.ones(len(self.baseline), dtype=np.int64) if self.unmoved else self.baseline

    @property
    def expected(self) -> Floats:
        """What a forecast lets expect of what is logged, (n, A)."""
        served, n = self.served, len(self.baseline)
        if self.unmoved:
            mean = sum(
                part * self._gains(code).mean() for code, part in enumerate(self._chances().T)
            )
            return np.column_stack([mean, mean])
        actions = [np.full(n, code, dtype=np.int64) for code in range(len(self.valuation.actions))]
        return np.column_stack(
            [self.valuation.expected(served.forecast, one, served.columns) for one in actions]
        )

    def logged(self) -> Logged:
        """Return what was done and what it paid.

        Where no action moves the outcome, what was done is to show it (1) or not, and it paid what
        all actions, each with its chance, gain under that outcome.
        """
        served, valuation = self.served, self.valuation
        rows, outcomes = (
            np.arange(len(self.baseline)),
            np.where(served.labelled, served.outcomes, 0),
        )
        if not self.unmoved:
            paid = valuation.realised(served.decisions, outcomes, served.columns)
            return Logged(served.decisions, paid, served.propensity, served.entities)
        chances = self._chances()
        gained = sum(
            part * self._gains(code).amounts[rows, outcomes] for code, part in enumerate(chances.T)
        )
        showing = np.isin(served.decisions, self.revealing)
        came = float(served.labelled[showing].mean()) if showing.any() else 1.0
        chance = np.minimum(chances[:, self.revealing].sum(axis=1), 1.0) * came
        shown = showing & served.labelled
        known = np.where(shown, chance, 1.0 - chance)
        return Logged(
            shown.astype(np.int64), np.asarray(gained), np.clip(known, 1e-9, 1.0), served.entities
        )

    def _gains(self, code: int) -> Possible:
        decisions = np.full(len(self.baseline), code, dtype=np.int64)
        served = self.served
        return possible_uplifts(self.valuation, served.forecast, decisions, served.columns)

    def _chances(self) -> Floats:
        """Return the chance (n, A) that each action had, from that of the one taken."""
        served, n, count = self.served, len(self.baseline), len(self.valuation.actions)
        taken, p = served.decisions, served.propensity
        others = (1.0 - p) / (count - 1)
        chances = np.repeat(others[:, None], count, axis=1)
        chances[np.arange(n), taken] = p
        if count == 2:
            return chances
        own = self.valuation.decide(served.forecast, served.columns)
        drawn = np.flatnonzero((taken != own) & (p < others))  # chance overruled the policy
        chances[drawn] = p[drawn, None]
        chances[drawn, own[drawn]] = 1.0 - p[drawn] * (count - 1)
        return chances


def _one_sided(reading: _Reading, why: str) -> Selective:
    names = ", ".join(f"`{reading.valuation.actions[code]}`" for code in reading.revealing)
    hidden = int((~reading.sure).sum())
    text = (
        f"one-sided: outcomes are seen only after {names}, and {why}, so that for {hidden:,} cases "
        "the model's own forecast alone says what was missed"
    )
    if not reading.unmoved:
        text = (
            f"not identified: an action changes the outcome, and {why}, so that for {hidden:,} "
            "cases nobody knows what the baseline would have brought"
        )
    return Selective(None, len(reading.baseline), 0.0, text)
