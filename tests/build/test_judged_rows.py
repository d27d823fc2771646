"""The rows that judged a version read back as they were, and are named by their bytes."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from assay.build.judged_rows import JudgedRows
from assay.errors import ModelError
from assay.stats.clusters import Clusters

ROWS = JudgedRows(
    score=np.array([0.125, 0.1 + 0.2, 1e-300]),
    outcomes=np.array([0, 1, 0]),
    columns={"score 0": np.array([1.5, 2.5, 3.5]), "plan": np.array(["a", "", "ç"], dtype=object)},
    segments=np.array(["f / Faro", "m / Braga", ""]),
    segmented_by=("sex", "city"),
    clusters=Clusters(np.array([0, 0, 1]), "week"),
    decisions_per_month=100.0,
    fixed_costs_per_month=7.0,
    cost_per_decision=0.5,
)


@pytest.mark.parametrize(
    "rows",
    [
        ROWS,
        replace(ROWS, clusters=None, score=np.array([[0.2, 0.3, 0.5]] * 3)),
        replace(ROWS, outcomes=np.array([1.5, -2.0, 0.1]), columns={}, segmented_by=()),
    ],
)
def test_rows_read_back_as_they_were(rows: JudgedRows) -> None:
    document = json.loads(json.dumps(rows.document()))
    back = JudgedRows.read(document, rows.table())
    assert back.score.tolist() == rows.score.tolist()
    assert back.outcomes.tolist() == rows.outcomes.tolist()
    assert back.outcomes.dtype == rows.outcomes.dtype
    assert back.segments.tolist() == rows.segments.tolist()
    assert {name: one.tolist() for name, one in back.columns.items()} == {
        name: one.tolist() for name, one in rows.columns.items()
    }
    assert back.document() == rows.document()
    assert (back.clusters is None) == (rows.clusters is None)


def test_another_row_is_another_digest_and_another_format_is_refused() -> None:
    other = replace(ROWS, score=np.array([0.125, 0.3, 0.0]))
    assert other.document()["digest"] != ROWS.document()["digest"]
    with pytest.raises(ModelError, match="format 9"):
        JudgedRows.read({**ROWS.document(), "format": 9}, ROWS.table())
