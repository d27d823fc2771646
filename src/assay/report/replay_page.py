"""A replay as one self-contained page and one picture."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from matplotlib.axes import Axes

from assay.lifecycle.books import Replay
from assay.report import plots
from assay.report.figure import png, svg

__all__ = ["replay_files", "replay_page", "replay_picture"]


def replay_picture(found: Replay) -> bytes:
    """Return the summed value of every policy, baseline and of hindsight, as PNG."""
    return png(_paths(found))


def replay_files(found: Replay, title: str) -> dict[str, bytes]:
    """Return a replay's page and picture, by the name of the file that each belongs in."""
    page = replay_page(found, title).encode()
    return {"replay.html": page, "replay.png": replay_picture(found)}


def replay_page(found: Replay, title: str) -> str:
    """Return the replay as HTML: pictures first, then every window in numbers."""
    folder = files("assay.report") / "templates"
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters["whole"] = lambda number: f"{number:,.0f}"
    template = environment.from_string((folder / "replay.html").read_text(encoding="utf-8"))
    return template.render(
        title=title,
        found=found,
        css=(folder / "page.css").read_text(encoding="utf-8"),
        pictures=[svg(picture) for picture in _pictures(found)],
        totals=_totals(found),
        rows=_rows(found),
    )


def _pictures(found: Replay) -> list[Axes]:
    worth = {name: book.uplift for name, book in found.policies.items()}
    pictures = [_paths(found), plots.estimates(f"Uplift over {found.baseline}, in all", worth)]
    if found.differences:
        pictures.append(plots.estimates("One policy against another", dict(found.differences)))
    return pictures


def _paths(found: Replay) -> Axes:
    paths = {name: [p.value for p in book.periods] for name, book in found.policies.items()}
    quiet = {**found.baselines, "hindsight": found.hindsight}
    labels = [str(window["name"]) for window in found.windows]
    return plots.value_paths(labels, {**paths, **quiet}, unit=found.currency, quiet=list(quiet))


def _totals(found: Replay) -> list[dict[str, Any]]:
    rows = [
        {
            "name": name,
            "value": book.value,
            "uplift": book.uplift,
            "retrainings": book.retrainings,
            "cost": book.cost,
        }
        for name, book in found.policies.items()
    ]
    others = {f"{name} (baseline)": total for name, total in found.baseline_totals.items()}
    others["hindsight (ceiling)"] = found.hindsight_total
    return rows + [
        {"name": name, "value": total, "uplift": None, "retrainings": None, "cost": None}
        for name, total in others.items()
    ]


def _rows(found: Replay) -> list[dict[str, Any]]:
    rows = []
    for place, window in enumerate(found.windows):
        policies = [book.periods[place] for book in found.policies.values()]
        told = [
            f"{name}: {book.periods[place].response} ({book.periods[place].reason})"
            for name, book in found.policies.items()
            if book.periods[place].response
        ]
        rows.append(
            {
                "name": window["name"],
                "values": [period.value for period in policies],
                "others": [values[place] for values in found.baselines.values()],
                "hindsight": found.hindsight[place],
                "told": told,
            }
        )
    return rows
