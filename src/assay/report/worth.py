"""The pictures and figures of one version's evaluation, from its evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from assay.report import plots
from assay.stats.estimate import Estimate

__all__ = ["Worth", "worth_of"]

_HALF = 0.5


@dataclass(frozen=True)
class Worth:
    """What an evaluation says about value, ready to be shown."""

    measured_on: str
    words: tuple[str, ...]
    rows: tuple[tuple[str, Estimate | None], ...]
    value_pictures: tuple[Axes, ...]
    shown_pictures: tuple[Axes, ...]
    statistics: tuple[tuple[str, float], ...]
    identified: bool = True

    @property
    def marked_rows(self) -> tuple[tuple[str, Estimate | None], ...]:
        """The figures, each with the mark in its name where they are not identified."""
        return tuple((self.named(name), estimate) for name, estimate in self.rows)

    def named(self, name: str) -> str:
        """Return a figure's name as it is shown."""
        return name if self.identified else f"{name} (not identified)"

    @property
    def figures(self) -> Mapping[str, Estimate | None]:
        """The figures by name."""
        return dict(self.rows)


def worth_of(content: Mapping[str, Any], baseline: str, used: float | None) -> Worth:
    """Read an evaluation's content; `used` is the threshold in use where there is one."""
    assessed, case = content["assessment"], content["business_case"]
    on = content["measured_on"]
    return Worth(
        measured_on=f"Measured on {on['rows']:,} test rows: {on['part']}.",
        words=(*content["words"], *_about_thresholds(content), *_about_business(content)),
        rows=(
            ("Uplift per decision", _estimate(assessed["uplift_per_decision"])),
            ("Uplift per month", _estimate(assessed["uplift_per_month"])),
            ("Ceiling (perfect information)", _estimate(assessed["ceiling"])),
            ("Share of the ceiling reached", _estimate(assessed["share_of_ceiling"])),
            ("Net per month, after running costs", _estimate(case["net_per_month"])),
            ("Net present value", _estimate(case["net_present_value"])),
            ("Return on investment", _estimate(case["return_on_investment"])),
        ),
        value_pictures=tuple(_value_pictures(content, baseline, used)),
        shown_pictures=tuple(_shown_pictures(content)),
        statistics=tuple(
            (name, value)
            for name, value in content["statistics"].items()
            if isinstance(value, int | float)
        ),
        identified=_identified(content),
    )


def _identified(content: Mapping[str, Any]) -> bool:
    """Whether a table of past cases can tell the uplift; evidence of older builds does not say."""
    shares = content.get("shares")
    return shares is None or bool(shares["identification"]["evaluation"]["identified"])


def _estimate(document: Mapping[str, Any] | None) -> Estimate | None:
    return None if document is None else Estimate.from_document(document)


def _about_thresholds(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what other thresholds than the policy's would have cost on the test rows."""
    return tuple(f"{one['text']} ({one['how']})." for one in content.get("thresholds", ()))


def _about_business(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what the business case rests on; evidence of older builds says less."""
    case, words = content["business_case"], []
    if "text" in case:
        words.append(case["text"])
    words.append(_payback(case))
    expected = case["net_present_value"]
    off = abs(case.get("likeliest", expected["mean"]) - expected["mean"])
    if off > 0.005 * abs(expected["mean"]):
        words.append(
            f"With everything at its likeliest the net present value would be "
            f"{case['likeliest']:,.0f} {expected['unit']}: the stated ranges reach further to one "
            "side."
        )
    storm, least = content.get("tornado"), content.get("break_even")
    return (*words, *([storm["text"]] if storm else ()), *([_break_even(least)] if least else ()))


def _payback(case: Mapping[str, Any]) -> str:
    """Say when the money is back, or that it never is."""
    mean, *ends = (_month(case, name) for name in ("mean", "low", "high"))
    months = len(case["cash"]) - 1
    early, late = ("never" if math.isinf(end) else f"{end:.0f}" for end in ends)
    chance = f"the chance of it within {months} months is {case['chance_of_payback']:.0%}"
    if math.isinf(mean):
        return f"The expected cash flow is not paid back; {chance}."
    when = f"in month {mean:.0f} [{early}, {late}]"
    return f"The expected cash flow is paid back {when}; {chance}."


def _month(case: Mapping[str, Any], name: str) -> float:
    """Return a month of the payback, infinite for never: null in evidence of older builds."""
    month = case["payback_month"][name]
    return math.inf if month is None else float(month)


def _break_even(least: Mapping[str, Any]) -> str:
    """Say how good a model must be, and how good this one is."""
    measured = least.get("measured")
    if measured is None or not least["text"].startswith(("A ", "The break-even is ")):
        return str(least["text"])
    figure = f"ROC AUC is {measured:.3f}" if "auc" in least else f"error is {_short(measured)}"
    return f"{least['text']} This model's {figure}."


def _value_pictures(content: Mapping[str, Any], baseline: str, used: float | None) -> list[Axes]:
    assessed = content["assessment"]
    pictures = _curve(content, baseline, used)
    over = {
        f"over {name}": Estimate.from_document(e) for name, e in assessed["uplift_over"].items()
    }
    pictures.append(plots.estimates("Uplift over each baseline", over))
    pictures += _business_pictures(content)
    for column, segments in content["segments"].items():
        rows = {
            f"{name} ({one['n']:,})": Estimate.from_document(one["uplift_per_decision"])
            for name, one in segments.items()
            if not one["small"]
        }
        if len(rows) > 1:
            pictures.append(plots.estimates(f"Uplift by {column}", rows))
    return pictures


def _curve(content: Mapping[str, Any], baseline: str, used: float | None) -> list[Axes]:
    """Draw the value curve with the policy's threshold and 0.5, and what 0.5 would cost."""
    curve = content.get("value_curve")
    if not curve:
        return []
    priced = [one for one in content.get("thresholds", ()) if one["threshold"] == _HALF]
    return [
        plots.value_curve(
            curve["thresholds"],
            curve["mean"],
            curve["low"],
            curve["high"],
            unit=curve["unit"],
            baseline=baseline,
            used=content.get("policy_threshold") if used is None else used,
            priced=_HALF if priced else None,
            words=priced[0]["text"] if priced else "",
        )
    ]


def _business_pictures(content: Mapping[str, Any]) -> list[Axes]:
    case, storm = content["business_case"], content.get("tornado")
    currency = case["net_per_month"]["unit"].split()[0]
    band = tuple(
        [math.nan if amount is None else amount for amount in case[end]]
        for end in ("cash_low", "cash_high")
    )
    pictures = [
        plots.cash_flow(
            case["cash"],
            currency=currency,
            payback=_month(case, "mean"),
            band=(band[0], band[1]),
        )
    ]
    bars = [] if storm is None else [_bar(bar) for bar in storm["bars"] if _drawn(bar)]
    if storm is not None and bars:
        pictures.append(plots.tornado(bars, storm["likeliest"], currency=currency))
    return pictures


def _drawn(bar: Mapping[str, Any]) -> bool:
    """Whether a bar has ends; an uplift that nothing bounds has none."""
    return bar["at_least"] is not None and bar["at_most"] is not None


def _bar(bar: Mapping[str, Any]) -> tuple[str, float, float]:
    """Return a bar's label with its input's ends and where they come from, and its values."""
    ends = ""
    if bar["least"] is not None and bar["most"] is not None:
        ends = f"  {_short(bar['least'])} … {_short(bar['most'])}"
    by = bar["source"].partition("not stated, ")[2]
    assumed = f" ({by})" if by else ""
    return f"{bar['name']}{ends}{assumed}", bar["at_least"], bar["at_most"]


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def _shown_pictures(content: Mapping[str, Any]) -> list[Axes]:
    pictures = []
    curve = content.get("calibration_curve")
    if curve:
        pictures.append(plots.calibration_curve(curve["forecast"], curve["observed"], curve["n"]))
    coverage = content.get("coverage")
    if coverage:
        counts = [1] * len(coverage["level"])
        pictures.append(
            plots.calibration_curve(
                coverage["level"],
                coverage["observed"],
                counts,
                title="Outcomes below each quantile",
                labels=("quantile", "observed share"),
            )
        )
    worth = {
        name: Estimate.from_document(one) for name, one in list(content["importance"].items())[:12]
    }
    if worth:
        pictures.append(plots.estimates("What each input is worth", worth))
    return pictures
