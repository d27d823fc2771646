"""What the business case is most sensitive to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.charter.value import ValueModel
from assay.stats.estimate import Estimate
from assay.value.against import baseline_payoffs, policy_payoffs
from assay.value.cash_flow import UPLIFT, Terms, cash_flow, likeliest, terms_of
from assay.value.classification import ClassificationValuation
from assay.value.payoff import Columns, Floats
from assay.value.payoff_moves import payoff_moves
from assay.value.three_point import stated_ranges
from assay.value.valuation import Valuation

__all__ = ["Bar", "KnownCases", "Tornado", "tornado"]

_SHARE = 0.1
_NOT_STATED = "not stated, "


@dataclass(frozen=True)
class KnownCases:
    """Cases with known outcomes on which payoffs can be moved; shapes as the valuation has them."""

    valuation: Valuation
    forecast: Floats
    outcomes: NDArray[Any]
    columns: Columns


@dataclass(frozen=True)
class Bar:
    """The net present value with one input at its least and at its most.

    `least` and `most` are the input's ends (None where a formula stands), `at_least` and `at_most`
    the values there, `likeliest` the value in between. `source` says where the ends come from:
    `stated` in the charter, `measured` (the interval), or `not stated` with how far it was moved.
    """

    name: str
    least: float | None
    most: float | None
    at_least: float
    at_most: float
    likeliest: float
    source: str

    @property
    def span(self) -> tuple[float, float]:
        """The lowest and the highest value; both ends can lie on one side of the likeliest."""
        values = (self.at_least, self.at_most, self.likeliest)
        return min(values), max(values)

    @property
    def swing(self) -> float:
        """How far the value moves."""
        low, high = self.span
        return high - low


@dataclass(frozen=True)
class Tornado:
    """Bars of falling swing around the net present value with everything at its likeliest."""

    likeliest: float
    currency: str
    bars: tuple[Bar, ...]

    @property
    def text(self) -> str:
        """The finding in one sentence."""
        if not self.bars:
            return "Nothing that could be moved bears on the net present value."
        first = self.bars[0]
        low, high = first.span
        how = f" ({first.source})" if first.source.startswith(_NOT_STATED) else ""
        return (
            f"What moves the net present value most is {first.name}{how}: it alone takes it from "
            f"{low:,.0f} to {high:,.0f} {self.currency}."
        )

    def document(self) -> dict[str, Any]:
        """Return the tornado as a JSON document; an infinite value is null."""
        return {
            "likeliest": self.likeliest,
            "currency": self.currency,
            "text": self.text,
            "bars": [
                {
                    "name": bar.name,
                    "least": _or_none(bar.least),
                    "most": _or_none(bar.most),
                    "at_least": _or_none(bar.at_least),
                    "at_most": _or_none(bar.at_most),
                    "source": bar.source,
                }
                for bar in self.bars
            ],
        }


def tornado(
    uplift_per_decision: Estimate,
    model: ValueModel,
    *,
    retrainings_per_month: float = 0.0,
    start: date | None = None,
    cases: KnownCases | None = None,
) -> Tornado:
    """Return how far each input alone moves the net present value, the others at their likeliest.

    One input at a time goes from its least to its most (Brealey, Myers and Allen, Principles of
    Corporate Finance, chapter 10, sensitivity analysis; Howard, Decision analysis: practice and
    promise, Management Science 34, 1988, draws it as a tornado): the uplift over its interval,
    what the charter calls uncertain over its stated range, everything else by a tenth of itself
    either way, marked so. What is zero and not stated as uncertain does not move.

    With `cases`, each payoff is moved by a tenth as well, and a reviewer's accuracy by 0.1. The
    policy follows: decisions are taken anew as best under the moved payoffs, and what a policy
    learns (a threshold, the price of a capacity) is learned anew. Both sides of the difference are
    learned on these cases then, so that the luck of learning on them cancels. A threshold that the
    charter fixes stays, and so does a baseline's learned constant.

    >>> model = ValueModel.model_validate({
    ...     "currency": "EUR", "under": 3, "over": 1, "baselines": {"none": 0}, "baseline": "none",
    ...     "decisions_per_month": 1000, "build_cost": 3000, "run_cost_per_month": 200,
    ...     "uncertainty": {"decisions_per_month": [500, 1200]}})
    >>> found = tornado(Estimate(0.7, 0.6, 0.8, 900, "BCa", "EUR per decision"), model)
    >>> for bar in found.bars:
    ...     print(f"{bar.name}: {bar.at_least:,.0f} to {bar.at_most:,.0f} ({bar.source})")
    decisions per month: -1,200 to 4,680 (stated)
    uplift per decision: 1,800 to 4,200 (measured)
    build cost: 3,300 to 2,700 (not stated, ±10 %)
    run cost per month: 3,240 to 2,760 (not stated, ±10 %)
    uplift kept per year: 2,608 to 3,000 (not stated, ±10 %)
    """
    terms = terms_of(model, retrainings_per_month=retrainings_per_month, start=start)
    base = likeliest(uplift_per_decision.mean, model)
    bars = [
        _bar(name.replace("_", " "), name, ends, source, base, terms)
        for name, ends, source in _ends(uplift_per_decision, model)
    ]
    if cases is not None:
        bars += _payoff_bars(cases, uplift_per_decision.mean, base, terms)
    moving = sorted((bar for bar in bars if bar.swing), key=lambda bar: -bar.swing)
    value = float(cash_flow(base, terms).present_value[0])
    return Tornado(value, model.currency, tuple(moving))


def _ends(uplift: Estimate, model: ValueModel) -> Iterator[tuple[str, tuple[float, float], str]]:
    """Yield each input with its ends and where they come from."""
    yield UPLIFT, (uplift.low, uplift.high), "measured"
    stated = stated_ranges(model)
    for name, value in likeliest(0.0, model).items():
        if name in stated:
            yield name, stated[name], "stated"
        elif name != UPLIFT:
            least, most = (float(f"{value.item() * (1 + by):.12g}") for by in (-_SHARE, _SHARE))
            most = min(most, 1.0) if name == "uplift_kept_per_year" else most
            yield name, (least, most), f"{_NOT_STATED}±10 %"


def _bar(
    name: str,
    key: str,
    ends: tuple[float, float],
    source: str,
    base: dict[str, Floats],
    terms: Terms,
) -> Bar:
    tried = np.array([*ends, base[key].item()])
    low, high, likely = cash_flow({**base, key: tried}, terms).present_value.tolist()
    return Bar(name, *ends, low, high, likely, source)


def _payoff_bars(
    cases: KnownCases, uplift: float, base: dict[str, Floats], terms: Terms
) -> Iterator[Bar]:
    before = _uplift(cases.valuation, cases)
    for move in payoff_moves(cases.valuation, _SHARE):
        ends = tuple(uplift + _uplift(moved, cases) - before for moved in (move.less, move.more))
        source = f"{_NOT_STATED}{move.by}"
        bar = _bar(move.name, UPLIFT, (ends[0], ends[1]), source, base, terms)
        least, most = move.ends or (None, None)
        yield replace(bar, least=least, most=most)


def _uplift(valuation: Valuation, cases: KnownCases) -> float:
    """Return the mean uplift under the policy that these payoffs lead to."""
    known = (cases.forecast, cases.outcomes, cases.columns)
    if isinstance(valuation, ClassificationValuation) and valuation != valuation.untuned():
        valuation = valuation.untuned().tuned(*known)
    paid = policy_payoffs(valuation, *known)
    return float((paid - baseline_payoffs(valuation, cases.outcomes, cases.columns)).mean())


def _or_none(amount: float | None) -> float | None:
    return amount if amount is not None and np.isfinite(amount) else None
