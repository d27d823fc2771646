"""The pictures and figures of one version's evaluation, from its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from assay.report import plots
from assay.stats.estimate import Estimate

__all__ = ["Worth", "worth_of"]


@dataclass(frozen=True)
class Worth:
    """What an evaluation says about value, ready to be shown."""

    measured_on: str
    words: tuple[str, ...]
    rows: tuple[tuple[str, Estimate | None], ...]
    value_pictures: tuple[Axes, ...]
    shown_pictures: tuple[Axes, ...]
    statistics: tuple[tuple[str, float], ...]

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
        words=(*content["words"], *_break_even(content)),
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
    )


def _estimate(document: Mapping[str, Any] | None) -> Estimate | None:
    return None if document is None else Estimate.from_document(document)


def _break_even(content: Mapping[str, Any]) -> tuple[str, ...]:
    found = content.get("break_even")
    return (found["text"],) if found else ()


def _value_pictures(content: Mapping[str, Any], baseline: str, used: float | None) -> list[Axes]:
    assessed, case = content["assessment"], content["business_case"]
    pictures = []
    curve = content.get("value_curve")
    if curve:
        pictures.append(
            plots.value_curve(
                curve["thresholds"],
                curve["mean"],
                curve["low"],
                curve["high"],
                unit=curve["unit"],
                baseline=baseline,
                used=used,
            )
        )
    over = {
        f"over {name}": Estimate.from_document(e) for name, e in assessed["uplift_over"].items()
    }
    pictures.append(plots.estimates("Uplift over each baseline", over))
    payback = case["payback_month"]["mean"]
    pictures.append(
        plots.cash_flow(
            case["cash"], currency=case["net_per_month"]["unit"].split()[0], payback=payback
        )
    )
    for column, segments in content["segments"].items():
        rows = {
            f"{name} ({one['n']:,})": Estimate.from_document(one["uplift_per_decision"])
            for name, one in segments.items()
            if not one["small"]
        }
        if len(rows) > 1:
            pictures.append(plots.estimates(f"Uplift by {column}", rows))
    return pictures


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
