"""What a charter says of serving, environments and the ways into them, and what it may not say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from assay.charter.release import Freeze, Release, ReleaseGuardrail
from assay.errors import Fault

Faults = Callable[..., list[Fault]]


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"serving": {"door": {"new_category": "refer"}}}, "value.refer"),
        ({"serving": {"door": {"columns": {"age": {"missing": "refer"}}}}}, "columns.age.missing"),
        (
            {"serving": {"capture": {"columns": ["age"], "protected": {"sex": "drop"}}}},
            "not among the columns that are kept",
        ),
        ({"environments": {"test": {"after": "tset"}}}, "no environment 'tset'"),
        (
            {"environments": {"a": {"after": "b"}, "b": {"after": "a"}}},
            "comes after itself",
        ),
        ({"environments": {"production": {"gate": False}}}, "without the gate"),
        ({"environments": {"test": {"strategy": "staged"}}}, "needs stages"),
        ({"environments": {"test": {"equivalence": 0.1}}}, "promotion: retrain"),
        ({"environments": {"test": {"steps": [0.5, 0.1]}}}, "`steps` must grow"),
        ({"environments": {"../test": {}}}, "../test"),
        ({"environments": {"test": {"soak": "500 rows"}}}, "environments.test.soak"),
        ({"release": {"soak": "5 rows"}}, "write hours or days"),
    ],
)
def test_what_cannot_be_carried_out_is_a_fault(
    faults: Faults, sections: dict[str, Any], words: str
) -> None:
    assert any(words in str(one) for one in faults(sections))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"metric": "latency", "limit": 0.01}, "above_ms"),
        ({"metric": "errors", "limit": 0.01, "above_ms": 5}, "above_ms"),
        ({"metric": "action", "limit": 0.01, "action": "call"}, "together"),
        ({"metric": "errors", "limit": 0.01, "group": "a"}, "together"),
    ],
)
def test_a_guardrail_names_what_it_needs_and_nothing_else(
    given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        ReleaseGuardrail.model_validate(given)


def test_a_guardrail_says_what_it_limits() -> None:
    slow = ReleaseGuardrail(metric="latency", limit=0.01, above_ms=50)
    assert slow.label == "answers over 50 ms in at most 0.01"
    fair = ReleaseGuardrail(
        metric="action", limit=0.05, action="call", column="sex", group="f", compared=True
    )
    assert fair.label == "cases of sex f without call in at most 0.05 more than before"


def test_a_freeze_has_a_time() -> None:
    with pytest.raises(ValueError, match="weekdays"):
        Freeze()
    with pytest.raises(ValueError, match="before"):
        Freeze.model_validate({"begin": "2026-12-24", "end": "2026-12-20"})


def test_stages_go_with_a_staged_release() -> None:
    with pytest.raises(ValueError, match="stages"):
        Release(strategy="staged")
    with pytest.raises(ValueError, match="names labels"):
        Release(strategy="staged", stages=({},))
    assert Release(strategy="staged", stages=({"region": "north"},)).watched
    assert not Release().watched
