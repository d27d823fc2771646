from __future__ import annotations

from assay.charter.monitoring import Boundary
from assay.monitor.drift import Drift
from assay.monitor.feature_drift import Aspect, FeatureDrift
from assay.monitor.finding import drift_findings, value_findings
from assay.stats.estimate import Estimate
from assay.stats.profile import SCORE


def _estimate(mean: float, half: float) -> Estimate:
    return Estimate(mean, mean - half, mean + half, 1000, "", "EUR per decision")


def test_only_a_sure_miss_is_a_finding() -> None:
    boundary = Boundary(floor_per_month=100)
    sure = value_findings(_estimate(0.05, 0.01), 1000, boundary, basis="realised")
    unsure = value_findings(_estimate(0.05, 0.06), 1000, boundary, basis="realised")
    assert [(one.kind, one.metric) for one in sure] == [("value", "floor")]
    assert sure[0].measured == 50.0
    assert sure[0].value_per_day is not None
    assert round(sure[0].value_per_day.mean, 2) == 1.64
    assert "below the floor: at least 100 EUR per month" in sure[0].text
    assert unsure == ()


def test_the_daily_loss_has_its_own_limit() -> None:
    boundary = Boundary(floor_per_month=-1e9, max_loss_per_day=2)
    found = value_findings(_estimate(-0.1, 0.01), 1000, boundary, basis="expected")
    assert [one.metric for one in found] == ["loss"]
    assert found[0].text.startswith("uplift expected before labels")


def test_the_plan_is_missed_where_intervals_lie_apart() -> None:
    plan = _estimate(0.5, 0.1)
    missed = value_findings(_estimate(0.2, 0.1), 1000, Boundary(), basis="realised", plan=plan)
    kept = value_findings(_estimate(0.3, 0.11), 1000, Boundary(), basis="realised", plan=plan)
    assert [one.kind for one in missed] == ["plan"]
    assert kept == ()


def _moved(name: str, effect: float) -> FeatureDrift:
    aspect = Aspect("values", 1e-9, effect, f"moved by {effect:g}")
    return FeatureDrift(name, "number", 100, 0.5, {}, (aspect,), (aspect,))


def test_moved_inputs_are_one_finding_and_the_score_another() -> None:
    names = ["a", "b", "c", "d", SCORE]
    drift = Drift({name: _moved(name, i + 1.0) for i, name in enumerate(names)}, judged=True)
    inputs, score = drift_findings(drift)
    assert inputs.text == (
        "4 of 4 inputs moved. d: moved by 4; c: moved by 3; b: moved by 2; and 1 more"
    )
    assert (score.metric, score.measured) == ("score", 5.0)
    assert drift_findings(Drift({}, judged=True)) == ()
