"""A replay as one self-contained page and one picture."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from assay.lifecycle.books import PolicyBook, Replay
from assay.report.figure import png, svg
from assay.report.replay_pictures import pictures, replay_paths

__all__ = ["replay_files", "replay_page", "replay_picture"]


def replay_picture(found: Replay) -> bytes:
    """Return the summed value of every policy, baseline and of hindsight, as PNG."""
    return png(replay_paths(found))


def replay_files(found: Replay, title: str) -> dict[str, bytes]:
    """Return a replay's page and picture, by the name of the file that each belongs in."""
    page = replay_page(found, title).encode()
    return {"replay.html": page, "replay.png": replay_picture(found)}


def replay_page(found: Replay, title: str) -> str:
    """Return the replay as HTML: pictures first, then costs and every window in numbers."""
    folder = files("assay.report") / "templates"
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters["whole"] = lambda number: f"{number:,.0f}"
    template = environment.from_string((folder / "replay.html").read_text(encoding="utf-8"))
    return template.render(
        title=title,
        found=found,
        css=(folder / "page.css").read_text(encoding="utf-8"),
        pictures=[svg(picture) for picture in pictures(found)],
        totals=_totals(found),
        costs=_costs(found),
        unseen=_unseen(found),
        rows=_rows(found),
    )


def _totals(found: Replay) -> list[dict[str, Any]]:
    rows = [
        {"name": name, "value": book.value, "uplift": book.uplift, "net": book.net}
        for name, book in found.policies.items()
    ]
    others = {f"{name} (baseline)": total for name, total in found.baseline_totals.items()}
    others["hindsight (ceiling)"] = found.hindsight_total
    return rows + [
        {"name": name, "value": total, "uplift": None, "net": None}
        for name, total in others.items()
    ]


def _costs(found: Replay) -> dict[str, Any]:
    """Return a table of costs: those beside the value, then those within it that there are."""
    books = found.policies.values()
    beside, within = ("retraining", "deciding", "running"), {"staked": "at stake"}
    if any(book.costs.reviewing for book in books):
        within["reviewing"] = "people's review"
    if any(book.costs.exploring is not None for book in books):
        within["exploring"] = "random actions"
    return {
        "heads": [*beside, *within.values()],
        "beside": len(beside),
        "rows": [
            {
                "name": book.name,
                "retrained": book.retrainings,
                "amounts": [getattr(book.costs, key) for key in (*beside, *within)],
                "cases": _cases(book),
            }
            for book in books
        ],
    }


def _cases(book: PolicyBook) -> str:
    taken = [f"{count:,} {action}" for action, count in book.costs.cases.items()]
    random = [f"{book.costs.random:,} of them otherwise than meant"] if book.costs.random else []
    return ", ".join([*taken, *random])


def _unseen(found: Replay) -> list[dict[str, Any]]:
    return [
        {"name": name, "world": world, "difference": difference}
        for name, others in found.unseen.items()
        for world, difference in others.items()
    ]


def _rows(found: Replay) -> list[dict[str, Any]]:
    rows = []
    for place, window in enumerate(found.windows):
        policies = [book.periods[place] for book in found.policies.values()]
        told = [
            f"{name}: {_words(book.periods[place].response, book.periods[place].reason)}"
            for name, book in found.policies.items()
            if book.periods[place].response
        ]
        rows.append(
            {
                "name": window["name"],
                "values": [period.value for period in policies],
                "others": [values[place] for values in found.baselines.values()],
                "hindsight": found.hindsight[place],
                "alerts": max((len(period.alerts) for period in policies), default=0),
                "told": told,
            }
        )
    return rows


def _words(response: str | None, reason: str) -> str:
    """Say what was done and why, once where the reason begins with it."""
    done = (response or "").replace("_", " ")
    return reason if reason.startswith(done) else f"{done} ({reason})"
