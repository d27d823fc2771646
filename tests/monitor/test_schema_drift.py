from __future__ import annotations

import numpy as np

from assay.monitor.schema_drift import column_changes, schema_changes
from assay.stats.profile import profile
from assay.stats.reference import make_reference, read_reference

Columns = dict[str, np.ndarray]


def _rows(n: int, seed: int) -> Columns:
    generator = np.random.default_rng(seed)
    return {
        "age": generator.normal(40, 10, n),
        "job": generator.choice(np.array(["clerk", "cook"], dtype=object), n),
        "seldom": np.where(generator.random(n) < 0.002, 1.0, np.nan),
        "fixed": np.ones(n),
    }


KNOWN = read_reference(make_reference(_rows(4000, 0)))


def _changes(columns: Columns) -> list[tuple[str, str]]:
    found = schema_changes(KNOWN, profile(columns, KNOWN.grid), columns)
    return [(one.column, one.kind) for one in found]


def test_rows_like_those_before_change_nothing() -> None:
    assert _changes(_rows(500, 1)) == []


def test_columns_that_go_come_or_turn_into_text_are_named_once() -> None:
    rows = _rows(500, 2)
    del rows["job"]
    rows["age"] = np.array([str(value) for value in rows["age"]], dtype=object)
    rows["height"] = np.ones(500)
    assert _changes(rows) == [("age", "kind"), ("job", "missing"), ("height", "new")]
    assert [one.kind for one in column_changes(KNOWN.grid, rows, known=["height"])] == [
        "kind",
        "missing",
    ]


def test_a_profile_alone_tells_what_is_empty_constant_or_in_other_units() -> None:
    rows = _rows(500, 3)
    rows["job"][:] = "cook"
    rows["age"] = rows["age"] * 1000
    rows["fixed"][:] = np.nan
    rows["seldom"][:] = np.nan
    found = schema_changes(KNOWN, profile(rows, KNOWN.grid))
    assert {(one.column, one.kind) for one in found} == {
        ("job", "constant"),
        ("age", "range"),
        ("fixed", "missing"),
    }
    assert "job is cook in every row" in {one.text for one in found}


def test_few_equal_values_are_no_constant_and_long_tails_no_other_units() -> None:
    rows = _rows(8, 4)
    rows["job"][:] = "cook"
    assert ("job", "constant") not in _changes(rows)
    tail = np.random.default_rng(5).pareto(1.5, 20_000)
    known = read_reference(make_reference({"x": tail[:19_000]}))
    assert not schema_changes(known, profile({"x": tail[19_000:]}, known.grid))
