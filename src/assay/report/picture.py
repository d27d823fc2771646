"""Any answer about value as a picture, for notebooks and files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from assay.report import plots
from assay.report.figure import GOLD, INK, QUIET, axes, money_axis, png
from assay.report.waterfall import waterfall
from assay.stats.estimate import Estimate
from assay.value.appraisal import Appraisal
from assay.value.assessment import Assessment
from assay.value.break_even import BreakEven
from assay.value.bridge import Bridge
from assay.value.business_case import BusinessCase
from assay.value.classification import ClassificationValuation
from assay.value.curve import ValueCurve
from assay.value.payoff import Columns
from assay.value.threshold_cost import policy_threshold
from assay.value.tornado import Tornado
from assay.value.valuation import Valuation

__all__ = ["Picture", "plot"]

_HALF = 0.5


@dataclass(frozen=True, eq=False)
class Picture:
    """A drawn answer; a notebook shows it, `save` writes it, `axes` lets it be changed."""

    axes: Axes

    def save(self, path: Path | str) -> Path:
        """Write the picture as a PNG file and return its path."""
        target = Path(path)
        target.write_bytes(png(self.axes))
        return target

    def _repr_png_(self) -> bytes:
        return png(self.axes)


def plot(answer: Any) -> Picture:
    """Return the picture of a value curve, business case, tornado, bridge, break-even, assessment.

    An `Appraisal` is drawn as its value curve, with the policy's threshold and what 0.5 would cost
    (in regression as its uplift over each baseline). Raises TypeError for what has no picture.

    >>> from assay.value.curve import ValueCurve
    >>> import numpy as np
    >>> line = np.array([0.0, 1.0])
    >>> curve = ValueCurve(line, line, line - 1, line + 1, n=10, unit="EUR per decision")
    >>> plot(curve).axes.get_ylabel()
    'uplift, EUR per decision'
    """
    return Picture(_drawn(answer))


@singledispatch
def _drawn(answer: Any) -> Axes:
    raise TypeError(
        f"there is no picture of a {type(answer).__name__}: draw a value curve, business case, "
        "tornado, bridge, break-even, assessment or appraisal"
    )


@_drawn.register
def _(curve: ValueCurve) -> Axes:
    points = (curve.thresholds, curve.mean, curve.low, curve.high)
    drawn = [line.tolist() for line in points]
    return plots.value_curve(*drawn, unit=curve.unit, baseline="0", used=curve.best)


@_drawn.register
def _(found: Appraisal) -> Axes:
    if found.valuation.task == "regression" or len(found.valuation.labels) > 2:
        return _drawn(found.assessment())
    curve, priced = found.curve(), found.cost_of(_HALF)
    points = (curve.thresholds, curve.mean, curve.low, curve.high)
    drawn = [line.tolist() for line in points]
    n = len(found.outcomes)
    return plots.value_curve(
        *drawn,
        unit=curve.unit,
        baseline=found.valuation.baseline_name,
        used=policy_threshold(found.valuation, found.columns, n),
        ceiling=found.ceiling().mean / found.model.decisions_per_month,
        priced=_HALF,
        words=priced.text,
        acts=_acting(found.valuation, found.columns, n),
    )


def _acting(valuation: Valuation, columns: Columns, n: int) -> str:
    """Say what is done from a threshold on, on which outcome's probability."""
    if not isinstance(valuation, ClassificationValuation):
        return "act when the probability reaches"
    act, _ = valuation.alternatives(valuation.payoffs(columns, n))
    return f"{valuation.actions[act]} when the probability of {valuation.labels[-1]} reaches"


@_drawn.register
def _(found: Assessment) -> Axes:
    over = {f"over {name}": uplift for name, uplift in found.uplift_over.items()}
    most = {f"ceiling over {found.baseline}": found.ceiling}
    return plots.estimates("Uplift over each baseline", over | most)


@_drawn.register
def _(case: BusinessCase) -> Axes:
    return plots.cash_flow(
        case.cash,
        currency=case.net_present_value.unit,
        payback=case.payback_month.mean,
        band=(case.cash_low, case.cash_high),
    )


@_drawn.register
def _(found: Tornado) -> Axes:
    bars = [(bar.name, bar.at_least, bar.at_most) for bar in found.bars]
    return plots.tornado(bars, found.likeliest, currency=found.currency)


@_drawn.register
def _(found: Bridge) -> Axes:
    return waterfall(found)


@_drawn.register
def _(found: BreakEven) -> Axes:
    with axes("How good a model must be") as ax:
        ax.plot(found.aucs, found.uplift, color=GOLD, linewidth=2)
        ax.axhline(found.needed, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
        ax.annotate("needed", (0.5, found.needed), color=QUIET, va="bottom")
        if found.auc is not None:
            ax.plot([found.auc], [found.needed], "o", color=INK, markersize=6)
            ax.annotate(
                f"ROC AUC {found.auc:.3f}",
                (found.auc, found.needed),
                xytext=(8, -14),
                textcoords="offset points",
                color=INK,
            )
        ax.set_xlabel("ROC AUC")
        money_axis(ax, f"uplift, {found.unit}")
    return ax


@_drawn.register
def _(estimate: Estimate) -> Axes:
    return plots.estimates("Estimate", {"": estimate})
