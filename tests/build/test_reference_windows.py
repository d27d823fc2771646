from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from assay.build.reference_windows import reference_windows
from assay.charter.charter import Charter
from assay.charter.monitoring import Season


def _charter(make: Any, season: Season, time: str | None) -> Charter:
    charter: Charter = make()
    return charter.model_copy(
        update={
            "monitoring": charter.monitoring.model_copy(update={"season": season}),
            "data": charter.data.model_copy(update={"time": time}),
        }
    )


HOURS = pl.DataFrame(
    {"at": [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=2 * row) for row in range(20_000)]}
)


def test_without_a_season_windows_are_ten_to_twenty(charter: Any) -> None:
    cut = reference_windows(HOURS, _charter(charter, "none", "at"))
    assert (cut.first, len(cut.starts)) == (0, 20)
    assert cut.moments is not None
    short = reference_windows(HOURS[:900], _charter(charter, "none", None))
    assert len(short.starts) == 10
    assert short.moments is None


@pytest.mark.parametrize(("season", "windows"), [("hour_of_day", 400), ("day_of_week", 28)])
def test_with_a_season_windows_are_its_newest_stretches(
    charter: Any, season: Season, windows: int
) -> None:
    cut = reference_windows(HOURS, _charter(charter, season, "at"))
    assert len(cut.starts) == windows
    assert cut.starts[0] == 0
    assert cut.moments is not None
    assert cut.first + len(cut.moments) == len(HOURS)


def test_rows_out_of_order_are_not_cut_by_the_clock(charter: Any) -> None:
    backwards = reference_windows(HOURS.reverse(), _charter(charter, "day_of_week", "at"))
    assert backwards.moments is None
    assert len(backwards.starts) == 20
