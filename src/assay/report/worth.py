"""The pictures and figures of one version's evaluation, from its evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from assay.report import plots
from assay.report.sections import Section, curve_words, payback_month, sections_of
from assay.stats.estimate import Estimate

__all__ = ["NET", "Worth", "worth_of"]

NET = "Net per month"
"""The name of the figure that holds more than the uplift."""

_HALF = 0.5


@dataclass(frozen=True)
class Worth:
    """What an evaluation says about value, ready to be shown.

    `decisions` counts the cases that get each action, by who decides; it is empty where decisions
    are amounts. `net_of` says what the net holds beside the uplift.
    """

    measured_on: str
    sections: tuple[Section, ...]
    decisions: Mapping[str, Mapping[str, int]]
    rows: tuple[tuple[str, Estimate | None], ...]
    value_pictures: tuple[Axes, ...]
    shown_pictures: tuple[Axes, ...]
    statistics: tuple[tuple[str, float], ...]
    net_of: str = "running costs"
    identified: bool = True

    @property
    def words(self) -> tuple[str, ...]:
        """All sentences in the order in which they stand on the page."""
        return tuple(words for _, section in self.sections for words in section)

    @property
    def marked_rows(self) -> tuple[tuple[str, Estimate | None], ...]:
        """The figures, each with the mark in its name where they are not identified."""
        return tuple((self.named(name), estimate) for name, estimate in self.rows)

    def named(self, name: str) -> str:
        """Return a figure's name as it is shown."""
        name = f"{name}, after {self.net_of}" if name == NET else name
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
        sections=sections_of(content),
        decisions=_decisions(content),
        rows=(
            ("Uplift per decision", _estimate(assessed["uplift_per_decision"])),
            ("Uplift per month", _estimate(assessed["uplift_per_month"])),
            ("Ceiling (perfect information)", _estimate(assessed["ceiling"])),
            ("Share of the ceiling reached", _estimate(assessed["share_of_ceiling"])),
            (NET, _estimate(case["net_per_month"])),
            ("Net present value", _estimate(case["net_present_value"])),
            ("Return on investment", _estimate(case["return_on_investment"])),
        ),
        value_pictures=tuple(_value_pictures(content, baseline, used)),
        shown_pictures=tuple(_shown_pictures(content)),
        net_of=_listed(case.get("net_of", ("running costs",))),
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


def _decisions(content: Mapping[str, Any]) -> Mapping[str, Mapping[str, int]]:
    """Return the counts of each action; evidence of older builds has the policy's alone."""
    found = content.get("decisions")
    if found is None:
        own = content["assessment"].get("decisions")
        return {"the policy": own} if own else {}
    return {"the policy": found["policy"], **found["baselines"]} if found else {}


def _listed(parts: Sequence[str]) -> str:
    """Return parts as one says them: a, b and c."""
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


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
            _known(curve["low"]),
            _known(curve["high"]),
            unit=curve["unit"],
            baseline=baseline,
            used=content.get("policy_threshold") if used is None else used,
            priced=_HALF if priced else None,
            words=curve_words(content, priced[0]["text"]) if priced else "",
            acts=_acts(curve),
        )
    ]


def _known(ends: Sequence[float | None]) -> list[float]:
    """Return the ends of a band, not a number where none is known."""
    return [math.nan if end is None else end for end in ends]


def _acts(curve: Mapping[str, Any]) -> str:
    """Say what a threshold on the curve's axis does; evidence of older builds does not say."""
    if "action" not in curve:
        return "act when the probability reaches"
    return f"act: `{curve['action']}` when the probability of `{curve['outcome']}` reaches"


def _business_pictures(content: Mapping[str, Any]) -> list[Axes]:
    case, storm = content["business_case"], content.get("tornado")
    currency = case["net_per_month"]["unit"].split()[0]
    pictures = [
        plots.cash_flow(
            case["cash"],
            currency=currency,
            payback=payback_month(case, "mean"),
            band=(_known(case["cash_low"]), _known(case["cash_high"])),
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
