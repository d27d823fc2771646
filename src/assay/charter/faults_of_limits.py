"""Limits that measure nothing, contradict themselves, or do not fit the task."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from assay.charter.charter import Charter
from assay.charter.finding import Finding, Path
from assay.charter.limits import Guardrail, Limit
from assay.charter.metrics import ACCEPTANCE, needs_column
from assay.charter.unread import apart
from assay.errors import did_you_mean

__all__ = ["RULES", "guardrail_metrics"]


def _acceptance_known(charter: Charter) -> Iterator[Finding]:
    for metric in charter.acceptance:
        if metric not in ACCEPTANCE:
            mend = did_you_mean(metric, ACCEPTANCE) or f"use one of: {', '.join(ACCEPTANCE)}"
            yield Finding(("acceptance", metric), "no such metric", mend, f"`{metric}`")


def _acceptance_of_task(charter: Charter) -> Iterator[Finding]:
    for metric in charter.acceptance:
        if charter.task not in ACCEPTANCE.get(metric, (charter.task,)):
            mine = [name for name, tasks in ACCEPTANCE.items() if charter.task in tasks]
            yield Finding(
                ("acceptance", metric),
                f"this metric has no meaning for a {charter.task}",
                f"use one of: {', '.join(mine)}",
                f"`{metric}`",
            )


def _limits_leave_room(charter: Charter) -> Iterator[Finding]:
    limits = charter.acceptance.items()
    yield from apart(_room(limit, ("acceptance", metric)) for metric, limit in limits)


def _guardrails_leave_room(charter: Charter) -> Iterator[Finding]:
    yield from apart(_room(one, ("guardrails", i)) for i, one in enumerate(charter.guardrails))


def _room(limit: Limit, path: Path) -> Iterator[Finding]:
    low, high = limit.at_least, limit.at_most
    if low is not None and high is not None and low > high:
        yield Finding(path, f"nothing is at least {low:g} and at most {high:g}", "swap the two")


def _guardrail_columns(charter: Charter) -> Iterator[Finding]:
    yield from apart(_column(charter, i) for i in range(len(charter.guardrails)))


def _column(charter: Charter, i: int) -> Iterator[Finding]:
    guardrail, sensitive = charter.guardrails[i], charter.data.sensitive
    path: Path = ("guardrails", i, "column")
    if guardrail.column is None:
        if needs_column(guardrail.metric):
            choices = ", ".join(sensitive) or "a column of `data.sensitive`"
            problem = f"missing: {guardrail.metric} compares the groups of a column"
            yield Finding(path, problem, f"add `column: …` ({choices})")
    elif guardrail.column not in sensitive:
        hint = did_you_mean(guardrail.column, sensitive)
        mend = hint or f"add `{guardrail.column}` to `data.sensitive`"
        yield Finding(path, "not among `data.sensitive`", mend)


def guardrail_metrics(charter: Charter, known: Collection[str]) -> Iterator[Finding]:
    """Yield guardrails whose metric no plug-in measures."""
    guardrails = charter.guardrails
    yield from apart(_measured(guardrail, i, known) for i, guardrail in enumerate(guardrails))


def _measured(guardrail: Guardrail, i: int, known: Collection[str]) -> Iterator[Finding]:
    if guardrail.metric not in known:
        mend = did_you_mean(guardrail.metric, known) or f"use one of: {', '.join(sorted(known))}"
        yield Finding(("guardrails", i, "metric"), "no such guardrail", mend)


def _boundary(charter: Charter) -> Iterator[Finding]:
    boundary = charter.monitoring.boundary
    if boundary.goal_per_month is not None and boundary.goal_per_month < boundary.floor_per_month:
        yield Finding(
            ("monitoring", "boundary", "goal_per_month"),
            f"the goal lies below the floor ({boundary.floor_per_month:g})",
            "set a goal above the floor",
        )


def _something_to_search(charter: Charter) -> Iterator[Finding]:
    if charter.build.train is None and not charter.build.families:
        mend = "name a family such as lightgbm, or give `train: module:function`"
        yield Finding(("build", "families"), "nothing to search among", mend)


RULES = (
    _acceptance_known,
    _acceptance_of_task,
    _limits_leave_room,
    _guardrails_leave_room,
    _guardrail_columns,
    _boundary,
    _something_to_search,
)
