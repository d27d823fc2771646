"""Every guardrail passes the public battery; fairness and robustness mean what they say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.charter.limits import Guardrail
from assay.charter.metrics import needs_column
from assay.errors import ModelError
from assay.guardrails import registry
from assay.guardrails.battery import check_guardrail, sample_cases
from assay.guardrails.groups import LEAST_CASES, groups_of, judged_groups
from assay.guardrails.plugin import Cases, Measured
from assay.guardrails.registry import known_metrics, measure, plugins
from assay.ports.engine import Columns, Floats


@pytest.mark.parametrize("metric", plugins())
def test_every_guardrail_passes_the_battery(metric: str) -> None:
    check_guardrail(plugins()[metric])


def test_the_charter_knows_which_guardrails_compare_groups() -> None:
    assert {metric: plugins()[metric].by_group for metric in known_metrics()} == {
        metric: needs_column(metric) for metric in known_metrics()
    }


def _two_groups(selected: tuple[int, int], n: int = 100) -> Cases:
    """Return cases of which so many of each group's `n` are selected; outcomes alternate."""
    cases = sample_cases("classification", 2 * n)
    picked = np.concatenate([np.arange(n) < count for count in selected])
    return replace(
        cases,
        decisions=np.where(picked, 0, 1),
        outcomes=np.arange(2 * n) % 2,
        sensitive={"group": np.repeat(["east", "west"], n)},
    )


def test_demographic_parity_is_the_ratio_of_selection_rates() -> None:
    rail = Guardrail(metric="demographic_parity_ratio", column="group", at_least=0.8)
    check, found = measure(rail, _two_groups((30, 60)), seed=1)
    assert check.measured == pytest.approx(0.5)
    assert not check.passed
    assert check.name == "demographic_parity_ratio by group"
    assert found.detail["groups"]["west"]["selection_rate"] == pytest.approx(0.6)
    gap, _ = measure(
        Guardrail(metric="demographic_parity_difference", column="group", at_most=0.3),
        _two_groups((30, 60)),
        seed=1,
    )
    assert gap.measured == pytest.approx(0.3)


@given(st.integers(1, 100), st.integers(1, 100))
def test_parity_does_not_care_which_group_is_which(east: int, west: int) -> None:
    rail = Guardrail(metric="demographic_parity_ratio", column="group", at_least=0.8)
    one, _ = measure(rail, _two_groups((east, west)), seed=1)
    other, _ = measure(rail, _two_groups((west, east)), seed=1)
    assert one.measured == pytest.approx(other.measured)
    assert one.measured == pytest.approx(min(east, west) / max(east, west))


def test_small_groups_are_reported_and_not_judged() -> None:
    cases = _two_groups((50, 50))
    groups = cases.sensitive["group"].astype(object)
    groups[: LEAST_CASES - 1] = "few"
    rare = replace(cases, sensitive={"group": groups.astype(str)})
    rail = Guardrail(metric="demographic_parity_ratio", column="group", at_least=0.1)
    check, found = measure(rail, rare, seed=1)
    assert check.passed
    assert "few" in check.note
    assert set(found.detail["groups"]) == {"east", "west", "few"}
    assert found.detail["judged"] == ["east", "west"]


def test_equal_opportunity_needs_positive_cases_in_each_group() -> None:
    cases = _two_groups((50, 50))
    one_sided = replace(cases, outcomes=(cases.sensitive["group"] == "east").astype(int))
    rail = Guardrail(metric="equal_opportunity_ratio", column="group", at_least=0.1)
    check, _ = measure(rail, one_sided, seed=1)
    assert check.measured is None
    assert not check.passed
    assert "Fewer than two groups" in check.note


def test_nobody_selected_is_no_parity() -> None:
    rail = Guardrail(metric="demographic_parity_ratio", column="group", at_least=0.8)
    check, _ = measure(rail, _two_groups((0, 0)), seed=1)
    assert check.measured is None
    assert not check.passed


def test_value_kept_is_one_where_nothing_reads_the_inputs() -> None:
    cases = sample_cases("classification", 300)
    steady = replace(cases, again=lambda columns: cases.forecast)
    for metric in ("noise", "missing", "shift"):
        rail = Guardrail(metric=f"value_kept_under_{metric}", at_least=0.99)
        assert measure(rail, steady, seed=1)[0].measured == pytest.approx(1.0)


def test_value_is_lost_where_a_model_leans_on_what_goes_missing() -> None:
    cases = sample_cases("classification", 2000)
    rail = Guardrail(metric="value_kept_under_missing", at_least=0.99)
    check, found = measure(rail, cases, seed=1)
    assert check.measured is not None
    assert 0 < check.measured < 1
    assert len(found.detail["draws"]) == 3


def test_no_uplift_leaves_none_to_keep() -> None:
    cases = sample_cases("classification", 300)
    idle = replace(cases, decisions=np.ones(300, dtype=np.int64))
    rail = Guardrail(metric="value_kept_under_noise", at_least=0.1)
    check, _ = measure(rail, idle, seed=1)
    assert check.measured is None
    assert "none can be kept" in check.note


def test_a_model_that_refuses_altered_rows_says_so() -> None:
    def refuse(columns: Columns) -> Floats:
        raise ModelError("It takes no gaps.")

    stubborn = replace(sample_cases("classification", 300), again=refuse)
    check, _ = measure(Guardrail(metric="value_kept_under_missing", at_least=0.1), stubborn, seed=1)
    assert check.measured is None
    assert "takes no gaps" in check.note


def test_an_unknown_guardrail_does_not_hold() -> None:
    rail = Guardrail(metric="kindness", at_least=0)
    check, _ = measure(rail, sample_cases("classification", 50), 1)
    assert not check.passed
    assert "value_kept_under_noise" in check.note


def test_groups_of_numbers_are_quartiles() -> None:
    groups = groups_of(np.arange(100.0))
    assert sorted(np.unique(groups, return_counts=True)[1].tolist()) == [25, 25, 25, 25] or (
        len(np.unique(groups)) == 4
    )
    assert set(groups_of(np.array([0.0, 1.0, np.nan]))) == {"0", "1", "missing"}
    assert set(groups_of(np.array(["a", ""], dtype=object))) == {"a", "missing"}
    assert judged_groups(np.array([], dtype=str)) == ([], [])


ONE = Measured(1.0)


@dataclass(frozen=True)
class Kindness:
    metric: str = "kindness"
    by_group: bool = False
    answer: Any = ONE

    def measure(self, cases: Cases, column: str | None, seed: int) -> Measured:
        answer: Measured = self.answer
        return answer


KIND = Kindness()
TWICE = Kindness(metric="value_kept_under_noise")


def _with_entry_point(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    point = EntryPoint("mine", value, registry.ENTRY_POINTS)
    monkeypatch.setattr(registry, "entry_points", lambda group: EntryPoints([point]))
    monkeypatch.setattr(EntryPoint, "load", lambda self: globals()[self.value])
    registry.plugins.cache_clear()


@pytest.fixture
def _clean_registry() -> Any:
    yield
    registry.plugins.cache_clear()


@pytest.mark.usefixtures("_clean_registry")
def test_other_packages_bring_guardrails(monkeypatch: pytest.MonkeyPatch) -> None:
    _with_entry_point(monkeypatch, "KIND")
    check_guardrail(plugins()["kindness"])
    _with_entry_point(monkeypatch, "TWICE")
    with pytest.raises(ModelError, match="Two guardrails claim"):
        plugins()
    _with_entry_point(monkeypatch, "Kindness")
    with pytest.raises(ModelError, match="names no guardrail"):
        plugins()


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Measured(None), "gave no reason"),
        (Measured(float("nan")), "measured nan"),
        (Measured(1.0, detail={"a": np.ones(2)}), "no JSON document"),
        (1.0, "not Measured"),
    ],
)
def test_the_battery_finds_faults(answer: Any, fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        check_guardrail(Kindness(answer=answer))


def test_of_three_outcomes_whoever_is_not_treated_as_before_is_selected() -> None:
    cases = replace(
        sample_cases("three outcomes", 4),
        decisions=np.array([0, 1, 2, 1]),  # act, rest, press, rest; before, all rested
        outcomes=np.array([0, 0, 1, 2]),
    )
    np.testing.assert_array_equal(cases.selected(), [True, False, True, False])
    # Nothing pays more than resting where nothing came; acting does where something did.
    np.testing.assert_array_equal(cases.deserving(), [False, False, True, True])


def test_of_two_outcomes_the_positive_one_deserves_to_be_selected() -> None:
    cases = sample_cases("classification", 60)
    np.testing.assert_array_equal(cases.deserving(), cases.outcomes == 1)
    np.testing.assert_array_equal(cases.selected(), cases.decisions == 0)


def test_equal_opportunity_of_three_outcomes_compares_those_for_whom_acting_paid() -> None:
    n = 100
    cases = replace(
        sample_cases("three outcomes", 2 * n),
        outcomes=np.arange(2 * n) % 3,
        sensitive={"group": np.repeat(["east", "west"], n)},
    )
    came = cases.outcomes > 0
    picked = came & ((np.arange(2 * n) < n) | (np.arange(2 * n) % 2 == 0))
    cases = replace(cases, decisions=np.where(picked, 2, 1))
    rail = Guardrail(metric="equal_opportunity_difference", column="group", at_most=0.1)
    check, found = measure(rail, cases, seed=1)
    west = picked[n:][came[n:]].mean()
    assert check.measured == pytest.approx(1 - west)
    assert found.detail["groups"]["east"]["true_positive_rate"] == 1.0
    assert found.detail["groups"]["west"]["false_positive_rate"] == 0.0
