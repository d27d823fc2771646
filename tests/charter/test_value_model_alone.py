"""A value model without its charter: what is no section at all, and the positive outcome."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.charter.load import load_charter
from assay.charter.value_model import value_model
from assay.errors import CharterError
from assay.value.appraisal import appraise

CALLS = {
    "currency": "EUR",
    "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
    "baselines": {"nobody": "skip"},
    "decisions_per_month": 1000,
}
AMOUNTS = {
    "currency": "EUR",
    "under": 3,
    "over": 1,
    "baselines": {"none": 0},
    "decisions_per_month": 1000,
}
NO_SECTION = [
    (None, "given: nothing", "give its keys: `currency: EUR`"),
    ("", "given: nothing", "give its keys"),
    ("- a\n- b", "given: `- a - b`", "give its keys"),
    ([CALLS], "given: of type list", "give its keys"),
    (7, "given: of type int", "give its keys"),
    ("value.yaml", "given: `value.yaml`", 'read the file first: `Path("value.yaml").read_text()`'),
    (Path("model/value.yml"), "given: `model/value.yml`", '`Path("model/value.yml").read_text()`'),
]


@pytest.mark.parametrize(("given", "shown", "mend"), NO_SECTION)
def test_what_is_no_section_is_said_in_one_paragraph(given: Any, shown: str, mend: str) -> None:
    for read in (value_model, lambda model: appraise(model, np.array([0.5]), np.array(["yes"]))):
        with pytest.raises(CharterError) as caught:
            read(given)
        (fault,) = caught.value.faults
        assert "neither its text" in fault.problem
        assert shown in str(fault)
        assert mend in fault.mend


@pytest.mark.parametrize(
    ("model", "positive", "given", "mend"),
    [
        (CALLS, None, "nothing", "give `positive=…`, one of the outcomes"),
        (CALLS, "Yes", "`Yes`", "did you mean `yes`?"),
        (CALLS, True, "true", "name one of: yes, no"),
        (AMOUNTS, "yes", "`yes`", "take `positive=…` out"),
    ],
)
def test_the_positive_outcome(model: dict[str, Any], positive: Any, given: str, mend: str) -> None:
    with pytest.raises(CharterError) as caught:
        value_model(model, positive=positive)
    (fault,) = caught.value.faults
    assert fault.path == "positive"
    assert fault.given == given
    assert mend in fault.mend


def test_a_charter_is_found_by_plain_text_too(charter_text: str, tmp_path: Path) -> None:
    (tmp_path / "charter.yaml").write_text(charter_text)
    assert load_charter(str(tmp_path)) == load_charter(tmp_path / "charter.yaml")
