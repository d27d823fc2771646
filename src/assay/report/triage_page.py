"""One breach on one page: where the money went, what changed, what was alike, what can be done."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from matplotlib.axes import Axes

from assay.charter.charter import Charter
from assay.lifecycle.triage import Triage
from assay.report import plots
from assay.report.figure import svg
from assay.report.ledger_words import in_words
from assay.report.waterfall import waterfall
from assay.stats.estimate import Estimate

__all__ = ["triage_page", "triage_pictures"]

_DRAWN = 8


def triage_page(
    found: Triage, charter: Charter, responses: Sequence[tuple[str, Estimate, str]] = ()
) -> str:
    """Return the page as HTML; it needs no network, no script and no other file.

    `responses` are what each response is expected to bring: its name, its gain in currency per
    day, and a remark.
    """
    folder = files("assay.report") / "templates"
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters["money"] = _money
    template = environment.from_string((folder / "triage.html").read_text(encoding="utf-8"))
    return template.render(
        found=found,
        charter=charter,
        css=(folder / "page.css").read_text(encoding="utf-8"),
        cost=_cost(found),
        pictures=[svg(picture) for picture in triage_pictures(found, responses)],
        steps=() if found.bridged.bridge is None else found.bridged.bridge.steps(),
        upstream=[
            {"at": f"{one.at:%Y-%m-%d %H:%M}", "words": in_words(one.event), "note": one.note}
            for one in found.upstream
        ],
        similar=[_similar(one) for one in found.similar],
        responses=responses,
    )


def triage_pictures(
    found: Triage, responses: Sequence[tuple[str, Estimate, str]] = ()
) -> list[Axes]:
    """Draw the bridge, the cases that disappoint, the mix, and what responses would bring."""
    pictures = []
    if found.bridged.bridge is not None:
        title = f"From planned to realised value, {_windows(found)}"
        pictures.append(waterfall(found.bridged.bridge, title=title))
    if found.missed:
        worst = {f"{one.feature}: {one.band}": one.a_day for one in found.missed[:_DRAWN]}
        pictures.append(plots.estimates("Cases that disappoint most", worst))
    if found.moved:
        moved = {one.feature: one.a_day for one in found.moved[:_DRAWN]}
        pictures.append(plots.estimates("What each feature's change of mix is worth", moved))
    if responses:
        gains = {name: gain for name, gain, _ in responses}
        pictures.append(plots.estimates("What each response is expected to bring", gains))
    return pictures


def _windows(found: Triage) -> str:
    if len(found.windows) == 1:
        return found.windows[0]
    return f"{found.windows[0]} to {found.windows[-1]}"


def _cost(found: Triage) -> str:
    a_day = found.alert.value_per_day
    return "not known in money" if a_day is None else repr(a_day)


def _similar(one: Any) -> dict[str, str]:
    alert = one.alert
    done = "; ".join(str(each.get("kind", "")) for each in one.responses) or "nothing on record"
    return {
        "at": f"{alert.raised_at:%Y-%m-%d %H:%M}",
        "text": alert.text,
        "end": "still open" if alert.open else f"closed: {alert.closed_because}",
        "done": done,
    }


def _money(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
