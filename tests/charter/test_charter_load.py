from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from assay.charter.charter import Charter
from assay.charter.load import load_charter, parse_charter
from assay.errors import CharterError
from assay.value.valuation import valuation

TEN_FAULTS = """\
name: Bank Deposits
title: Whom to call
problem:
  business: Calls cost money
  analytical: The probability of a deposit
  hypotesis: Calling fewer clients pays
strategy: {objective: Grow, kpi: Margin}
people:
  product_manager: Ana
data:
  source: bank.csv
  outcome: y
  positive: yes
  sensitive: age
  window: 1000 rows
value:
  currency: €
  actions:
    call: {yes: 9 * (balance, no: -1}
    skip: 0
  baselines: {nobody: skip, everybody: call}
  baseline: everbody
  decisions_per_month: 1,000
acceptance:
  roc_auc: 0.7
guardrails:
  - {metric: value_kept_under_nois, at_least: 0.8}
risk: {tier: medium}
"""
TEN_PLACES = {
    "name": "`bank-deposits`",
    "problem.hypotesis": "did you mean `hypothesis`?",
    "people.risk_officer": "add `risk_officer: NAME`",
    "data.sensitive": "[age]",
    "data.window": "move it to `monitoring`",
    "value.currency": "did you mean `EUR`?",
    "value.actions.call.yes": "close the bracket",
    "value.baseline": "did you mean `everybody`?",
    "value.decisions_per_month": "without currency or separators",
    "acceptance.roc_auc": "{at_least: 0.7}",
    "guardrails[0].metric": "did you mean `value_kept_under_noise`?",
}


def test_every_fault_is_told_at_once_and_in_order() -> None:
    with pytest.raises(CharterError) as caught:
        parse_charter(TEN_FAULTS, "charter.yaml", {"value_kept_under_noise"})
    faults = caught.value.faults
    assert {fault.path for fault in faults} == set(TEN_PLACES)
    assert len(faults) == len(TEN_PLACES)
    for fault in faults:
        assert TEN_PLACES[fault.path] in fault.mend
    lines = [int(fault.given.rpartition(" ")[2]) for fault in faults if " line " in fault.given]
    assert lines == sorted(lines)
    assert str(caught.value).startswith("charter.yaml has 11 faults:\n  name: not a plain name")


def test_a_sound_charter_loads(charter_text: str) -> None:
    charter = parse_charter(charter_text, "charter.yaml", {"demographic_parity_ratio"})
    assert charter.value.baseline == "nobody"
    assert charter.data.positive == "yes"


def test_a_file_or_its_folder(charter_text: str, tmp_path: Path) -> None:
    file = tmp_path / "charter.yaml"
    file.write_text(charter_text, encoding="utf-8-sig")
    assert load_charter(tmp_path) == load_charter(file)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(CharterError, match="no such file"):
        load_charter(tmp_path)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "charter.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(CharterError, match="not text in UTF-8"):
        load_charter(tmp_path)


@pytest.mark.parametrize("text", ["", "- a\n- b", "just words"])
def test_no_sections_at_all(text: str) -> None:
    with pytest.raises(CharterError, match="not a charter"):
        parse_charter(text, "charter.yaml")


def test_an_empty_mapping_misses_every_needed_section() -> None:
    with pytest.raises(CharterError) as caught:
        parse_charter("{}", "charter.yaml")
    missing = {fault.path for fault in caught.value.faults if fault.problem == "missing"}
    assert missing == {
        "name", "title", "problem", "strategy", "people", "data", "value", "risk"
    }  # fmt: skip


JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
FOREIGN = re.compile(r"not right|[Ii]nput should|[Ff]ield required|instance of|discriminator")
"""Words of the library that checks types, which say nothing to who wrote the charter."""
PLACES = [
    "name", "people", "people.sponsor", "data", "data.sensitive", "data.positive",
    "data.label_delay", "data.order", "value", "value.actions", "value.actions.call",
    "value.actions.call.yes",
    "value.caps", "value.caps.balance", "value.baselines", "value.baselines.nobody", "value.policy",
    "value.policy.kind", "value.policy.action", "value.policy.costs", "value.under", "value.refer",
    "value.refer.capacity", "value.refer.confusion", "value.function", "value.function.bounds",
    "value.changes", "value.uncertainty", "value.uncertainty.build_cost", "release.unit",
    "value.payoff", "acceptance", "acceptance.roc_auc",
    "guardrails", "risk", "risk.register", "risk.tier", "release", "release.steps", "monitoring",
    "monitoring.window", "monitoring.time_zone", "monitoring.boundary", "response", "build",
]  # fmt: skip


@given(st.sampled_from(PLACES), JUNK, st.booleans())
def test_junk_anywhere_is_taken_or_told(
    sound_documents: list[dict[str, Any]], place: str, junk: Any, second: bool
) -> None:
    document = deepcopy(sound_documents[second])
    *parents, last = place.split(".")
    entry: Any = document
    for parent in parents:
        if not isinstance(entry.get(parent), dict):
            entry[parent] = {}
        entry = entry[parent]
    entry[last] = junk
    text = yaml.safe_dump(document, allow_unicode=True)
    read = _read(text)
    if isinstance(read, Charter):
        assert valuation(read.value, read.data).document()
    else:
        assert not FOREIGN.search(read), read


def _read(text: str) -> Charter | str:
    try:
        return parse_charter(text, "charter.yaml", {"demographic_parity_ratio"})
    except CharterError as error:
        return str(error)


@given(JUNK)
def test_junk_among_the_changes_is_taken_or_told(
    sound_documents: list[dict[str, Any]], junk: Any
) -> None:
    document = deepcopy(sound_documents[0])
    names = ("since", "actions", "refer", "retraining_cost")
    document["value"]["changes"] = [
        {"since": "2027-01-01", "retraining_cost": 3, name: junk} for name in names
    ]
    text = yaml.safe_dump(document, allow_unicode=True)
    with pytest.raises(CharterError) as caught:
        parse_charter(text, "charter.yaml", {"demographic_parity_ratio"})
    assert not FOREIGN.search(str(caught.value)), str(caught.value)
