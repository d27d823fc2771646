"""The waterfall's bars lead from planned to realised without a gap."""

from __future__ import annotations

import math

import pytest
from matplotlib.patches import Rectangle

from assay.report.figure import BAD, GOOD, QUIET, png, svg
from assay.report.waterfall import waterfall
from assay.stats.estimate import Estimate
from assay.value.bridge import PARTS, Bridge


def _amount(mean: float, reach: float) -> Estimate:
    return Estimate(mean, mean - reach, mean + reach, 100, "test", "EUR per month")


def _bridge(wide: float = 30.0) -> Bridge:
    means = (200.0, -50.0, -1300.0, 20.0, -70.0)
    return Bridge(
        planned=_amount(500.0, 100),
        realised=_amount(-700.0, 100),
        difference=_amount(-1200.0, 150),
        parts={name: _amount(mean, wide) for name, mean in zip(PARTS, means, strict=True)},
    )


def test_each_bar_begins_where_the_last_one_ended() -> None:
    ax = waterfall(_bridge())
    bars = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    level = 500.0
    assert (bars[0].get_y(), bars[0].get_height()) == (0.0, 500.0)
    for bar, part in zip(bars[1:-1], _bridge().parts.values(), strict=True):
        assert bar.get_y() == pytest.approx(level)
        assert bar.get_height() == part.mean
        level += part.mean
    assert bars[-1].get_y() == 0.0
    assert bars[-1].get_height() == pytest.approx(level)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["planned", *PARTS, "realised"]
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["500", "+200", "-50", "-1,300", "+20", "-70", "-700"]
    assert ax.get_ylabel() == "uplift, EUR per month"


def test_only_sure_parts_have_a_colour() -> None:
    from matplotlib.colors import to_hex

    bars = [one for one in waterfall(_bridge()).patches if isinstance(one, Rectangle)]
    assert [to_hex(bar.get_facecolor()) for bar in bars[1:-1]] == [GOOD, BAD, BAD, QUIET, BAD]


def test_an_interval_without_an_end_is_left_out() -> None:
    sure, unsure = waterfall(_bridge()), waterfall(_bridge(math.inf))
    assert len(sure.lines) == len(unsure.lines) + len(PARTS)
    assert png(unsure).startswith(b"\x89PNG")
    assert "From planned to realised value" in svg(unsure)
