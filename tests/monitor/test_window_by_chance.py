"""What chance shows, or that one side stays unseen, is said wherever a window's value is."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import polars as pl
import pytest
from tests.monitor.test_keeping import charter_of, world

from assay.charter.charter import Charter
from assay.cli.monitor import newest_lines
from assay.monitor.reading import kept_reading, read_reading
from assay.monitor.report import WindowReport
from assay.monitor.run import monitor
from assay.report.story import Story
from assay.report.time import window_rows
from assay.value.valuation import valuation


def _charter(revealed_by: tuple[str, ...]) -> Charter:
    """Return a bank that called everybody so far, and sees what comes after those actions only."""
    plain = charter_of("90 rows", "0 rows")
    before = {"baselines": {"everybody": "call"}, "baseline": "everybody"}
    return plain.model_copy(
        update={
            "value": plain.value.model_copy(update=before),
            "data": plain.data.model_copy(update={"revealed_by": revealed_by}),
        }
    )


def _window(charter: Charter) -> WindowReport:
    watched, digest, records, truth = world()
    against = replace(watched, valuation=valuation(charter.value, charter.data))
    hiding = charter.data.revealed_by
    seen = [one["id"] for one in records if not hiding or one["decision"] in hiding]
    told = pl.DataFrame(
        {"id": seen, "outcome": [truth[name] for name in seen], "revision": [1] * len(seen)}
    )
    return monitor(charter, list(records), told, {digest: against}).windows[0]


def _row(charter: Charter, report: WindowReport) -> str:
    observed = SimpleNamespace(windows=(report,))
    story = cast("Story", SimpleNamespace(charter=charter, observed=observed))
    return str(window_rows(story)[0]["verdict"])


@pytest.mark.parametrize("hides", [True, False])
def test_a_side_that_nobody_saw_is_named_in_the_report_the_command_and_the_page(
    hides: bool,
) -> None:
    charter = _charter(("call",) if hides else ())
    report = _window(charter)
    said = report.document()["by_chance"]
    assert (said is not None) == hides
    words = said["words"] if said else "one-sided"
    assert words.startswith("one-sided")
    assert any(words in line for line in newest_lines(report)) == hides
    assert any("not identified: ROC AUC" in line for line in newest_lines(report)) == hides
    assert (words in _row(charter, report)) == hides


def test_the_words_are_kept_with_what_was_measured() -> None:
    measured = _window(_charter(("call",))).measured
    _, content = kept_reading(measured, "these rows")
    kept = read_reading(content)
    assert kept is not None
    assert measured.by_chance is not None
    assert kept.measured.by_chance == measured.by_chance
