from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from assay.charter.charter import Charter
from assay.errors import DataError, ModelError
from assay.evidence.bundle import Bundle, Input, Signature
from assay.evidence.digest import canonical_bytes
from assay.evidence.states import AlertState
from assay.monitor.cases import Cases
from assay.monitor.measured import measure
from assay.monitor.run import MonitorResult, monitor
from assay.monitor.watched import Watched, watch_bundle
from assay.stats.calibration import fit_calibrator
from assay.stats.estimate import Estimate
from assay.stats.forecaster import forecaster_document
from assay.stats.reference import make_reference
from assay.stats.residuals import fit_predictive
from assay.value.in_force import paid_by
from assay.value.valuation import valuation

Record = dict[str, Any]
START = datetime(2026, 3, 1, tzinfo=UTC)
NO_OUTCOMES = pl.DataFrame({"id": [], "outcome": [], "revision": []})


def _charter(**changed: Any) -> Charter:
    section = {"business": "b", "analytical": "a", "hypothesis": "h"}
    document: Record = {
        "name": "bank",
        "title": "Bank",
        "problem": section,
        "strategy": {"objective": "o", "kpi": "k"},
        "people": "solo",
        "data": {"source": "x.csv", "outcome": "y", "positive": "yes"},
        "value": {
            "currency": "EUR",
            "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
            "baselines": {"nobody": "skip", "everybody": "call"},
            "baseline": "nobody",
            "decisions_per_month": 3000,
        },
        "risk": {"tier": "low"},
        "monitoring": {"window": "500 rows"},
    }
    return Charter.model_validate(document | changed)


def _rate(score: np.ndarray, drift: float) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-(5 * score - 4 + drift))))


class Live:
    """A scored world: `serve` gives captures, `tell` the outcomes of all that was served."""

    def __init__(self, charter: Charter, version: int = 1) -> None:
        self.rng = np.random.default_rng(100 + version)
        self.valuation = valuation(charter.value, charter.data)
        self.version = version
        score = self.rng.random(4000)
        columns = self._columns(score, 0.0)
        calibrator = fit_calibrator(score, self.rng.random(4000) < _rate(score, 0.0), "isotonic")
        labels, actions = self.valuation.labels, self.valuation.actions
        inputs = (Input("x", "number"), Input("c", "category"))
        signature = Signature("classification", inputs, labels, actions)
        self.bundle = Bundle(
            "bank",
            {
                "signature.json": msgspec.json.encode(signature),
                "policy.json": canonical_bytes(self.valuation.document()),
                "calibration.json": canonical_bytes(forecaster_document(calibrator)),
                "reference.json": canonical_bytes(make_reference(columns, score)),
            },
            {"version": version},
        )
        self.watched = watch_bundle(self.bundle)
        self.served = 0
        self.truth: dict[str, str] = {}

    def _columns(self, score: np.ndarray, shift: float) -> dict[str, np.ndarray]:
        n = len(score)
        kinds = self.rng.choice(np.array(["a", "b"], dtype=object), n)
        return {"x": score + self.rng.normal(shift, 1, n), "c": kinds}

    def serve(self, n: int, drift: float = 0.0, shift: float = 0.0) -> Iterator[Record]:
        score = self.rng.random(n)
        columns = self._columns(score, shift)
        decisions = self.valuation.decide(self.watched.forecast(score), columns)
        happened = self.rng.random(n) < _rate(score, drift)
        for i, action in enumerate(self.valuation.names(decisions)):
            self.served += 1
            name = f"v{self.version}-{self.served}"
            self.truth[name] = "yes" if happened[i] else "no"
            at = START + timedelta(minutes=self.served)
            yield {
                "id": name,
                "at": at.isoformat(),
                "model": "bank",
                "version": self.version,
                "bundle": self.bundle.digest,
                "arm": "champion",
                "entity": None,
                "inputs": {"x": float(columns["x"][i]), "c": columns["c"][i]},
                "score": float(score[i]),
                "decision": action,
            }

    def tell(self, names: list[str] | None = None, revision: int = 1) -> pl.DataFrame:
        names = list(self.truth) if names is None else names
        return pl.DataFrame(
            {
                "id": names,
                "outcome": [self.truth[name] for name in names],
                "revision": [revision] * len(names),
            }
        )


def _run(
    live: Live, charter: Charter, captures: list[Record], told: pl.DataFrame, **named: Any
) -> Any:
    return monitor(charter, captures, told, {live.bundle.digest: live.watched}, **named)


def _kinds(result: MonitorResult) -> set[tuple[str, str]]:
    return {(one.finding.kind, one.finding.metric) for one in result.alerts}


def test_a_quiet_world_raises_no_alert_and_its_value_is_that_of_its_labels() -> None:
    charter = _charter()
    live = Live(charter)
    captures = list(live.serve(2600))
    result = _run(live, charter, captures, live.tell())
    assert result.alerts == ()
    assert [one.complete for one in result.windows] == [True] * 5 + [False]
    pay = {("call", "yes"): 9, ("call", "no"): -1}
    for window, report in enumerate(result.windows[:5]):
        rows = captures[window * 500 : (window + 1) * 500]
        own = sum(pay.get((one["decision"], live.truth[one["id"]]), 0) for one in rows)
        assert report.measured.realised.value == own
        assert report.measured.realised.uplift.mean == pytest.approx(own / 500)
        assert report.judged.basis == "realised"
        json.dumps(report.document(), allow_nan=False)
    expected = result.windows[0].measured.expected.uplift
    assert expected.low < result.windows[0].measured.realised.uplift.mean < expected.high


def test_before_labels_value_is_expected_and_inputs_are_still_watched() -> None:
    charter = _charter()
    live = Live(charter)
    captures = [*live.serve(1000), *live.serve(1000, shift=3.0)]
    result = _run(live, charter, captures, NO_OUTCOMES)
    assert _kinds(result) == {("drift", "inputs")}
    (alert,) = result.alerts
    assert alert.windows == ("rows 1001-1500", "rows 1501-2000")
    assert alert.open
    assert "x: mean" in alert.finding.text
    assert result.windows[0].judged.basis == "expected"
    assert result.windows[0].measured.realised is None


def test_concept_drift_shows_in_value_and_makes_estimates_stale() -> None:
    charter = _charter()
    live = Live(charter)
    captures = [*live.serve(1000), *live.serve(2000, drift=-3.0)]
    told = live.tell([one["id"] for one in captures[:2500]])
    result = _run(live, charter, captures, told)
    assert {("value", "floor"), ("stale", "expected value")} <= _kinds(result)
    floor = next(one for one in result.alerts if one.finding.metric == "floor")
    assert floor.finding.value_per_day is not None
    assert floor.finding.value_per_day.mean > 0
    newest = result.windows[-1]
    assert newest.measured.realised is None
    assert newest.judged.basis is None
    assert newest.record.stale


@pytest.mark.parametrize(("above", "told"), [(-0.005, False), (0.02, True)])
def test_windows_add_up_against_a_limit_on_performance(above: float, told: bool) -> None:
    large = np.random.default_rng(0).random(200_000)
    live = Live(_charter())
    called = live.valuation.decide(live.watched.forecast(large), {}) == 0
    rate = _rate(large, 0.0)
    accuracy = float(np.where(called, rate, 1 - rate).mean())
    charter = _charter(acceptance={"accuracy": {"at_least": accuracy + above}})
    result = _run(live, charter, list(live.serve(10_000)), live.tell())
    held = [one.measured.performance.limits[0].beyond for one in result.windows]
    texts = [one.text for report in result.windows for one in report.judged.findings]
    missed = [one for one in texts if one.startswith("accuracy from labels")]
    assert max(held) < 3.3, "no window shows it by itself"
    assert bool(missed) == told
    assert all("misses, with windows before it, the limit" in one for one in missed)
    assert (("performance", "accuracy") in _kinds(result)) == told


def test_labels_twice_late_or_corrected_count_once() -> None:
    charter = _charter()
    live = Live(charter)
    captures = list(live.serve(1000))
    once = _run(live, charter, captures, live.tell())
    doubled = [*captures, captures[3], captures[700]]
    wrong = live.tell().with_columns(pl.lit("no").alias("outcome"))
    stranger = pl.DataFrame({"id": ["?"], "outcome": ["yes"], "revision": [1]})
    told = pl.concat([wrong, live.tell(revision=2), live.tell(revision=2), stranger])
    again = _run(live, charter, doubled, told)
    assert [one.posting() for one in again.windows] == [one.posting() for one in once.windows]
    assert again.joined.strangers == 1


def test_the_same_run_twice_tells_the_ledger_nothing_new() -> None:
    charter = _charter()
    live = Live(charter)
    captures = list(live.serve(1000, drift=-3.0, shift=3.0))
    first = _run(live, charter, captures, live.tell())
    assert first.changes.raised == first.alerts
    recorded = [
        AlertState("bank", one.id, one.finding.kind, "", START, one.document(), one.windows[:1])
        for one in first.changes.raised
    ]
    second = _run(live, charter, captures, live.tell(), recorded=recorded)
    assert second.changes.raised == ()
    assert second.changes.closed == ()
    assert [one.id for one in second.alerts] == [one.id for one in first.alerts]


def test_versions_and_arms_are_judged_apart() -> None:
    charter = _charter()
    champion, challenger = Live(charter), Live(charter, version=2)
    captures = [*champion.serve(1000)]
    captures += [one | {"arm": "challenger"} for one in challenger.serve(1000, shift=3.0)]
    bundles = {live.bundle.digest: live.watched for live in (champion, challenger)}
    result = monitor(charter, captures, NO_OUTCOMES, bundles)
    assert [(one.arm, one.version, one.measured.n) for one in result.windows[:2]] == [
        ("challenger", 2, 250),
        ("champion", 1, 250),
    ]
    assert {one.version for one in result.alerts} == {2}


def test_the_baselines_arm_is_measured_and_not_judged() -> None:
    charter = _charter()
    live = Live(charter)
    captures = list(live.serve(3000, drift=-3.0, shift=3.0))
    beside = [one | {"arm": "baseline", "decision": "skip"} for one in captures[::2]]
    plan = {live.bundle.digest: Estimate(5.0, 4.5, 5.5, 1000, "", "EUR per decision")}
    result = _run(live, charter, beside, live.tell(), plans=plan)
    assert result.alerts == ()
    for report in result.windows:
        assert report.arm == "baseline"
        assert report.measured.realised.uplift.mean == 0.0
        assert report.measured.drift.moved
        assert report.judged.kinds == frozenset()
        assert report.record.n == 0
    tried = [one | {"arm": "challenger"} for one in captures[1::2]]
    both = _run(live, charter, [*beside, *tried], live.tell(), plans=plan)
    assert {("plan", "uplift"), ("drift", "inputs")} <= _kinds(both)
    alone = _run(live, charter, tried, live.tell(), plans=plan)
    assert _kinds(both) == _kinds(alone)
    newest = [one.record for one in both.windows if one.arm == "challenger"][-1]
    assert newest.n == alone.windows[-1].record.n


def test_the_signed_plan_is_a_limit_too() -> None:
    charter = _charter()
    live = Live(charter)
    captures = list(live.serve(1000))
    plan = Estimate(5.0, 4.5, 5.5, 1000, "", "EUR per decision")
    result = _run(live, charter, captures, live.tell(), plans={live.bundle.digest: plan})
    assert _kinds(result) == {("plan", "uplift")}


def test_days_are_closed_by_the_clock() -> None:
    charter = _charter(monitoring={"window": "1 day", "time_zone": "Europe/Lisbon"})
    live = Live(charter)
    captures = list(live.serve(2000))
    early = _run(live, charter, captures, NO_OUTCOMES, now=START + timedelta(days=1))
    late = _run(live, charter, captures, NO_OUTCOMES, now=START + timedelta(days=2))
    assert [one.window for one in early.windows] == ["2026-03-01", "2026-03-02"]
    assert [one.complete for one in early.windows] == [True, False]
    assert [one.complete for one in late.windows] == [True, True]


def test_missing_inputs_are_counted_as_missing() -> None:
    charter = _charter()
    live = Live(charter)
    captures = list(live.serve(500))
    for one in captures[:100]:
        one["inputs"]["x"] = None
    (report,) = _run(live, charter, captures, NO_OUTCOMES).windows
    assert "missing in 20.0% of rows" in report.judged.findings[0].text


def test_a_bundle_that_is_not_given_is_named() -> None:
    charter = _charter()
    live = Live(charter)
    with pytest.raises(DataError, match="not among the bundles"):
        monitor(charter, list(live.serve(3)), NO_OUTCOMES, {})


def test_nothing_served_is_nothing_to_report() -> None:
    result = monitor(_charter(), [], NO_OUTCOMES, {})
    assert (result.windows, result.alerts) == ((), ())


def test_a_bundle_that_does_not_read_is_refused() -> None:
    with pytest.raises(ModelError, match="cannot be monitored"):
        watch_bundle(Bundle("bank", {}, {}))


def _bikes() -> Charter:
    return _charter(
        value={
            "currency": "EUR",
            "under": 3,
            "over": 1,
            "baselines": {"mean": 10},
            "baseline": "mean",
            "decisions_per_month": 700,
        },
        data={"source": "x.csv", "outcome": "y"},
    )


def test_regression_is_measured_by_the_same_pure_function() -> None:
    charter = _bikes()
    rng = np.random.default_rng(8)
    level = rng.uniform(5, 20, 3000)
    predictive = fit_predictive(level, level + rng.normal(size=3000))
    valued = valuation(charter.value, charter.data)
    bundle = Bundle(
        "bikes",
        {
            "signature.json": msgspec.json.encode(Signature("regression", (Input("x", "number"),))),
            "policy.json": canonical_bytes(valued.document()),
            "calibration.json": canonical_bytes(
                {"kind": "predictive", "predictive": predictive.document()}
            ),
            "reference.json": canonical_bytes(make_reference({"x": level}, level)),
        },
        {},
    )
    watched: Watched = watch_bundle(bundle)
    now = rng.uniform(5, 20, 400)
    decisions = valued.decide(watched.forecast(now), {})
    cases = Cases.before_labels({"x": now}, now, decisions)
    early = measure(charter, watched, cases)
    assert early.realised is None
    assert early.profile is not None
    assert early.profile.scores is not None
    assert early.profile.scores.n.sum() == 400
    late = measure(charter, watched, cases.known(now + rng.normal(size=400)))
    assert late.realised is not None
    assert early.expected.uplift.low < late.realised.uplift.mean < early.expected.uplift.high
    assert watched.encode_decisions([1, 2.5]).tolist() == [1.0, 2.5]


LATER = {"since": START.date().isoformat(), "actions": {"call": {"yes": 6, "no": -2}, "skip": 0}}


def _with(changes: list[dict[str, Any]]) -> Charter:
    document = _charter().model_dump(mode="json", by_alias=True)
    return Charter.model_validate({**document, "value": {**document["value"], "changes": changes}})


def test_a_day_changes_the_payoffs_and_not_what_was_agreed() -> None:
    charter = _with([{**LATER, "since": "2026-03-10"}])
    before, after = charter.on(date(2026, 3, 9)), charter.on(date(2026, 3, 10))
    assert before is charter
    assert after.value.actions is not None
    assert after.value.actions["call"] == {"yes": 6, "no": -2}
    assert after.digests() == charter.digests()
    assert after.digest == charter.digest
    assert after.on(date(2027, 1, 1)).agreed is charter


def test_windows_before_and_after_are_paid_differently() -> None:
    charter, changed = _with([]), _with([{**LATER, "since": "2026-03-02"}])
    live = Live(charter)
    captures = list(live.serve(2500))  # a minute each: the second day begins with case 1,440
    told = live.tell()
    plain = _run(live, charter, captures, told)
    then = _run(live, changed, captures, told)
    values = [[one.measured.realised.value for one in run.windows] for run in (plain, then)]
    outcomes = np.array([live.truth[one["id"]] == "yes" for one in captures])
    called = np.array([one["decision"] == "call" for one in captures])
    for window, (before, after) in enumerate(zip(*values, strict=True)):
        rows = slice(500 * window, 500 * window + 500)
        yes, no = (called[rows] & outcomes[rows]).sum(), (called[rows] & ~outcomes[rows]).sum()
        assert before == pytest.approx(9 * yes - no)
        late = captures[500 * window]["at"] >= "2026-03-02"
        assert after == pytest.approx(6 * yes - 2 * no if late else 9 * yes - no)


def test_only_the_same_actions_and_outcomes_can_pay() -> None:
    charter = _charter()
    one = valuation(charter.value, charter.data)
    actions = {"mail": {"yes": 9, "no": -1}, "skip": 0}
    baselines = {"nobody": "skip"}
    value = charter.value.model_copy(update={"actions": actions, "baselines": baselines})
    with pytest.raises(ValueError, match="same actions"):
        paid_by(one, valuation(value, charter.data))
