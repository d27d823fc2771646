"""A sound charter, and a way to change single places of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from assay.charter.load import parse_charter
from assay.errors import CharterError, Fault

SOUND: dict[str, Any] = {
    "name": "bank-deposits",
    "title": "Whom to call",
    "problem": {"business": "Calls cost", "analytical": "P(yes)", "hypothesis": "Call fewer"},
    "strategy": {"objective": "Grow", "kpi": "Margin"},
    "people": {"product_manager": "Ana", "risk_officer": "Bob", "data_scientist": "Cem"},
    "data": {
        "source": "bank.csv",
        "outcome": "y",
        "positive": "yes",
        "order": "rows",
        "sensitive": ["age", "marital"],
        "known_after": ["duration"],
        "label_delay": "1 window",
        "revealed_by": ["call"],
    },
    "value": {
        "currency": "EUR",
        "actions": {"call": {"yes": "max(balance * 0.02, 1) - 1", "no": -1}, "skip": 0},
        "caps": {"balance": [0, 100000]},
        "baselines": {"nobody": "skip", "everybody": "call"},
        "baseline": "nobody",
        "decisions_per_month": 1000,
    },
    "acceptance": {"roc_auc": {"at_least": 0.6}},
    "guardrails": [{"metric": "demographic_parity_ratio", "column": "age", "at_least": 0.8}],
    "risk": {"tier": "medium"},
}
REGRESSION: dict[str, Any] = {
    **SOUND,
    "people": "solo",
    "data": {"source": "bike.csv", "outcome": "cnt", "known_after": ["casual"]},
    "value": {
        "currency": "USD",
        "payoff": "5 * min(decision, outcome) - price * decision",
        "caps": {"outcome": [0, 1000], "price": [1, 3]},
        "baselines": {"same": "best_constant", "fixed": 100, "rule": "40 + 2 * price"},
        "baseline": "same",
        "decisions_per_month": 730,
    },
    "acceptance": {"mae": {"at_most": 100}},
    "guardrails": [],
    "risk": {"tier": "low"},
}
KNOWN = ("demographic_parity_ratio", "value_kept_under_noise")

Change = dict[str, Any]
Faults = Callable[..., list[Fault]]


def changed(document: dict[str, Any], changes: Change) -> dict[str, Any]:
    """Return a copy with values set at dotted paths; `...` takes a key away."""
    whole = copy.deepcopy(document)
    for path, value in changes.items():
        *parents, last = path.split(".")
        entry = whole
        for parent in parents:
            entry = entry.setdefault(parent, {})
        if value is ...:
            del entry[last]
        else:
            entry[last] = value
    return whole


def faults_in(document: dict[str, Any], changes: Change) -> list[Fault]:
    text = yaml.safe_dump(changed(document, changes), sort_keys=False, allow_unicode=True)
    try:
        parse_charter(text, "charter.yaml", KNOWN)
    except CharterError as error:
        return list(error.faults)
    return []


@pytest.fixture(scope="session")
def faults() -> Faults:
    """Give the faults of the sound classification charter after some changes."""
    return lambda changes: faults_in(SOUND, changes)


@pytest.fixture(scope="session")
def regression_faults() -> Faults:
    """Give the faults of the sound regression charter after some changes."""
    return lambda changes: faults_in(REGRESSION, changes)


@pytest.fixture(scope="session")
def charter_text() -> str:
    """Give the sound classification charter as YAML."""
    return yaml.safe_dump(SOUND, sort_keys=False)


@pytest.fixture(scope="session")
def sound_documents() -> list[dict[str, Any]]:
    """Give both sound charters as plain data."""
    return [SOUND, REGRESSION]
