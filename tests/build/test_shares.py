"""An evaluation says what its uplift may be taken for, and what shares cost and show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assay.adapters.onnx_engine import OnnxEngine
from assay.build.built import Built
from assay.build.run import build, quality
from assay.charter.charter import Charter
from assay.errors import DataError
from assay.report.worth import worth_of
from assay.stats.estimate import Estimate
from assay.value.identification import is_marked

ACTIONS = {"send": {"yes": 9, "no": -2}, "rest": {"yes": 8, "no": 0}}
"""Who buys without a leaflet pays as well."""


def _made(
    make: Any, shop: pl.DataFrame, data: dict[str, Any], release: dict[str, Any], **value: Any
) -> Built:
    charter: Charter = make(
        data={"order": "rows", **data},
        value=value,
        build={"families": ["linear"], "trials": 1},
        release=release,
    )
    return build(charter, Path(), shop, "d" * 64, engines=OnnxEngine)


def _content(built: Built) -> dict[str, Any]:
    found = next(piece for piece in built.evidence if piece.kind == "evaluation")
    return dict(found.content)


@pytest.fixture(scope="module")
def moved(charter: Any, shop: pl.DataFrame) -> dict[str, Any]:
    release = {"control_share": 0.1, "exploration_share": 0.1}
    return _content(_made(charter, shop, {"moved_by": ["send"]}, release, actions=ACTIONS))


def test_what_a_leaflet_moves_no_table_tells(moved: dict[str, Any]) -> None:
    assessed = moved["assessment"]
    for name in ("value", "uplift_per_decision", "uplift_per_month", "ceiling"):
        assert is_marked(Estimate.from_document(assessed[name])), name
    over = Estimate.from_document(assessed["uplift_over"]["everybody"])
    assert is_marked(over)
    assert any("The uplift is not identified." in line for line in moved["words"])
    verdicts = moved["shares"]["identification"]
    assert (verdicts["evaluation"]["by"], verdicts["live"]["by"]) == (None, "control share")
    assert verdicts["other"]["by"] == "exploration share"


def test_shares_cost_what_they_keep_from_the_policy(moved: dict[str, Any]) -> None:
    shares, month = moved["shares"], moved["assessment"]["uplift_per_month"]
    control = Estimate.from_document(shares["control"]["cost"])
    assert control.mean == pytest.approx(0.1 * month["mean"])
    assert control.unit == "EUR per month"
    assert is_marked(control)
    exploring = shares["exploration"]["cost"]
    assert exploring["low"] > 0
    assert any(line.startswith("The control share of 10 % costs") for line in moved["words"])
    assert any(line.startswith("The exploration share of 10 % costs") for line in moved["words"])


def test_the_page_names_each_figure_as_not_identified(moved: dict[str, Any]) -> None:
    worth = worth_of(moved, "nobody", None)
    assert not worth.identified
    assert all(name.endswith("(not identified)") for name, _ in worth.marked_rows)
    assert worth.figures["Uplift per month"] is not None
    before = {name: value for name, value in moved.items() if name != "shares"}
    assert worth_of(before, "nobody", None).identified


def test_nothing_is_said_where_outcomes_suffice(charter: Any, shop: pl.DataFrame) -> None:
    content = _content(_made(charter, shop, {}, {}))
    assert content["shares"]["words"] == []
    assert not is_marked(Estimate.from_document(content["assessment"]["value"]))
    assert worth_of(content, "nobody", None).marked_rows[0][0] == "Uplift per decision"


def test_a_baselines_column_must_be_in_the_table(charter: Any, shop: pl.DataFrame) -> None:
    made: Charter = charter(
        data={"order": "rows"},
        value={"baselines": {"practice": "column: habit"}, "baseline": "practice"},
        release={"control_share": 0.1},
    )
    with pytest.raises(DataError, match=r"`value\.baselines\.practice` habit"):
        quality(made, shop)
    sent = shop.with_columns(pl.lit("send").alias("habit"))
    assert quality(made, sent).checks
