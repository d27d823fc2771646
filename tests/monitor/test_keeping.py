"""Predictions and labels in any order, parts and repetitions: the books are those of the truth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import zip_longest
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assay.adapters.capture_predictions import CapturePredictions
from assay.adapters.memory_captures import MemoryCaptures
from assay.adapters.memory_outcomes import MemoryOutcomes
from assay.adapters.memory_profiles import MemoryProfiles
from assay.adapters.memory_windows import MemoryWindows
from assay.charter.charter import Charter
from assay.charter.limits import Limit
from assay.evidence.bundle import Bundle, Input, Signature
from assay.evidence.digest import canonical_bytes
from assay.monitor.keeping import Look, look
from assay.monitor.measured import Measured
from assay.monitor.measuring import Stores
from assay.monitor.reading import read_profile
from assay.monitor.run import MonitorResult, judged, monitor
from assay.monitor.watched import Watched, watch_bundle
from assay.ports.profiles import WindowKey
from assay.stats.calibration import fit_calibrator
from assay.stats.forecaster import forecaster_document
from assay.stats.profile import Profile
from assay.stats.reference import make_reference
from assay.value.valuation import valuation

Record = dict[str, Any]
START = datetime(2026, 3, 1, tzinfo=UTC)
N = 90


def charter_of(window: str, delay: str) -> Charter:
    section = {"business": "b", "analytical": "a", "hypothesis": "h"}
    return Charter.model_validate(
        {
            "name": "bank",
            "title": "Bank",
            "problem": section,
            "strategy": {"objective": "o", "kpi": "k"},
            "people": "solo",
            "data": {"source": "x.csv", "outcome": "y", "positive": "yes", "label_delay": delay},
            "value": {
                "currency": "EUR",
                "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
                "baselines": {"nobody": "skip"},
                "baseline": "nobody",
                "decisions_per_month": 3000,
            },
            "risk": {"tier": "low"},
            "monitoring": {"window": window, "segments": ["c"]},
        }
    )


CHARTERS = [
    charter_of(window, delay)
    for window, delay in [
        ("30 rows", "0 rows"),
        ("30 rows", "1 window"),
        ("6 hours", "0 days"),
        ("6 hours", "1 day"),
        ("1 day", "25 rows"),
    ]
]


@cache
def world() -> tuple[Watched, str, tuple[Record, ...], dict[str, str]]:
    """A version, its digest, what it served, and what happened."""
    rng = np.random.default_rng(7)
    valued = valuation(CHARTERS[0].value, CHARTERS[0].data)
    score = rng.random(600)
    columns = {
        "x": score + rng.normal(size=600),
        "c": rng.choice(np.array(["a", "b"], object), 600),
    }
    calibrator = fit_calibrator(score, rng.random(600) < score / 2, "isotonic")
    inputs = (Input("x", "number"), Input("c", "category"))
    signature = Signature("classification", inputs, valued.labels, valued.actions)
    bundle = Bundle(
        "bank",
        {
            "signature.json": msgspec.json.encode(signature),
            "policy.json": canonical_bytes(valued.document()),
            "calibration.json": canonical_bytes(forecaster_document(calibrator)),
            "reference.json": canonical_bytes(make_reference(columns, score)),
        },
        {},
    )
    records, truth = [], {}
    for place in range(N):
        name = f"p{place}"
        # Times repeat and stand apart unevenly; arms mix within a window.
        at = START + timedelta(minutes=37 * (place - place % 3))
        records.append(
            {
                "id": name,
                "at": at.isoformat(),
                "model": "bank",
                "version": 1,
                "bundle": bundle.digest,
                "arm": ("champion", "champion", "control")[place % 5 % 3],
                "entity": None,
                "inputs": {"x": float(rng.normal()), "c": "ab"[place % 2]},
                "score": float(rng.random()),
                "decision": ("call", "skip")[place % 4 // 3],
            }
        )
        truth[name] = "yes" if rng.random() < 0.4 else "no"
    return watch_bundle(bundle), bundle.digest, tuple(records), truth


class Kept:
    """A log, outcomes and stores that live on between looks."""

    def __init__(self, charter: Charter) -> None:
        self.charter = charter
        self.captures, self.outcomes = MemoryCaptures(), MemoryOutcomes()
        self.stores = Stores(MemoryWindows(), MemoryProfiles())

    def look(self, now: datetime | None = None) -> Look:
        watched, digest, *_ = world()
        source = CapturePredictions(self.captures, "bank")
        bundles = {digest: watched}.get
        return look(self.charter, source, self.outcomes, self.stores, bundles, now=now)

    def profile(self, key: WindowKey) -> Profile:
        found = read_profile(self.stores.profiles.profile(key))
        assert found is not None
        return found

    def result(self, now: datetime | None = None) -> MonitorResult:
        found = self.look(now)
        return judged(
            self.charter, found.windows, found.joined, found.followed, found.failures, now=now
        )


def at_once(
    charter: Charter, records: list[Record], told: pl.DataFrame, now: datetime | None = None
) -> MonitorResult:
    watched, digest, *_ = world()
    return monitor(charter, records, told, {digest: watched}, now=now)


def _same(one: Measured, other: Measured) -> None:
    for part in ("n", "expected", "realised", "gaps"):
        assert getattr(one, part) == getattr(other, part), part
    assert one.drift == other.drift


def same(found: MonitorResult, truth: MonitorResult) -> None:
    assert len(found.windows) == len(truth.windows)
    for ours, true in zip(found.windows, truth.windows, strict=True):
        assert ours.posting() == true.posting()
        assert (ours.complete, ours.start, ours.end) == (true.complete, true.start, true.end)
        assert ours.judged == true.judged
        assert ours.document() == true.document()
        _same(ours.measured, true.measured)
    assert found.alerts == truth.alerts


@st.composite
def deliveries(draw: st.DrawFn) -> list[list[tuple[str, str]]]:
    """Tables of outcomes: some wrong at first, some twice, some of strangers, in any order."""
    ids = [f"p{place}" for place in range(N)] + ["nobody/1", "nobody/2"]
    tables = []
    for _ in range(draw(st.integers(0, 4))):
        chosen = draw(st.lists(st.sampled_from(ids), max_size=40, unique=True))
        tables.append([(one, draw(st.sampled_from(["yes", "no"]))) for one in chosen])
    again = draw(st.lists(st.integers(0, 3), max_size=2)) if tables else []
    return [*tables, *(tables[place % len(tables)] for place in again)]


def _final(tables: list[list[tuple[str, str]]]) -> dict[str, str]:
    newest: dict[str, str] = {}
    for rows in tables:
        newest |= dict(rows)
    return newest


def _table(rows: list[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"id": pl.String, "outcome": pl.String}, orient="row")


@given(
    charter=st.sampled_from(CHARTERS),
    tables=deliveries(),
    order=st.permutations(range(4)),
    looks=st.lists(st.booleans(), min_size=12, max_size=12),
    repeated=st.booleans(),
)
@example(
    charter=CHARTERS[0],
    tables=[[("p1", "yes"), ("p2", "no")], [("p1", "no")], [("p1", "yes"), ("p2", "no")]],
    order=[0, 1, 2, 3],
    looks=[True] * 12,
    repeated=True,
)
@settings(max_examples=25)
def test_labels_twice_late_out_of_order_for_nobody_and_corrected_leave_the_books_right(
    charter: Charter,
    tables: list[list[tuple[str, str]]],
    order: list[int],
    looks: list[bool],
    repeated: bool,
) -> None:
    """Whatever came when and how often: the books equal those of the final truth told once."""
    _, _, records, _ = world()
    kept, asked = Kept(charter), iter(looks)
    parts = [records[part * N // 4 : (part + 1) * N // 4] for part in order]
    pairs: list[tuple[Any, Any]] = list(zip_longest(parts, tables))
    steps = [step for pair in pairs for step in pair]
    for step in steps:
        if step and isinstance(step[0], dict):
            kept.captures.append(step)
            if repeated:
                kept.captures.append(step[:5])
        elif step:
            kept.outcomes.add(_table(step))
            if repeated:
                kept.outcomes.add(_table(step))
        if next(asked, False):
            kept.look()
    found = kept.result()
    newest = _final(tables)
    in_order = [one for part in parts for one in part]
    told = _table(sorted(newest.items())).with_columns(pl.lit(1).alias("revision"))
    once = at_once(charter, in_order, told)
    same(found, once)
    assert found.joined.strangers == sum(one.startswith("nobody") for one in newest)
    assert found.joined.repeats == kept.outcomes.read().height - len(newest)
    assert kept.look().measured_now == (), "a second look with nothing new measures nothing"


@pytest.mark.parametrize("charter", CHARTERS, ids=lambda one: f"{one.monitoring.window}")
def test_time_that_passes_lets_labels_count_and_windows_end(charter: Charter) -> None:
    _, _, records, truth = world()
    kept = Kept(charter)
    kept.captures.append(records)
    kept.outcomes.add(_table(list(truth.items())))
    for hours in (3, 9, 30, 60, 90):
        now = START + timedelta(hours=hours)
        told = kept.outcomes.read()
        same(kept.result(now), at_once(charter, list(records), told, now))


def test_only_windows_that_labels_tell_of_are_measured_again() -> None:
    _, _, records, truth = world()
    kept = Kept(CHARTERS[0])
    kept.captures.append(records)
    assert kept.look().measured_now == (0, 1, 2)
    kept.outcomes.add(_table([("p40", truth["p40"]), ("stranger", "no")]))
    found = kept.look()
    assert found.measured_now == (1,)
    assert (found.joined.strangers, found.joined.repeats) == (1, 0)
    profiles = [kept.profile(key) for key in found.windows[1][1]]
    assert sum(one.scores.labelled.sum() for one in profiles if one.scores) > 0


def test_labels_leave_the_features_of_a_profile_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, _, records, truth = world()
    kept = Kept(CHARTERS[0])
    kept.captures.append(records)
    keys = list(kept.look().windows[0][1])
    before = [kept.profile(key) for key in keys]

    def no_second_count(*_: Any) -> None:
        raise AssertionError("features were counted again")

    monkeypatch.setattr("assay.monitor.measured.profile", no_second_count)
    kept.outcomes.add(_table(list(truth.items())))
    assert kept.look().measured_now == (0, 1, 2)
    for key, was in zip(keys, before, strict=True):
        now = kept.profile(key)
        assert now.scores is not None
        assert now.scores.labelled.sum() > 0
        for name, tally in now.features.items():
            assert tally.counts.tolist() == was.features[name].counts.tolist()


def test_another_cut_or_other_payoffs_measure_everything_again() -> None:
    _, _, records, truth = world()
    kept = Kept(CHARTERS[0])
    kept.captures.append(records)
    kept.outcomes.add(_table(list(truth.items())))
    kept.look()
    for other in (CHARTERS[2], CHARTERS[3], CHARTERS[1]):
        kept.charter = other
        same(kept.result(), at_once(other, list(records), kept.outcomes.read()))
    value = CHARTERS[1].value.model_copy(update={"decisions_per_month": 4000.0})
    kept.charter = CHARTERS[1].model_copy(update={"value": value})
    assert kept.look().measured_now == (0, 1, 2)


def test_a_run_that_was_cut_short_is_mended_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, records, truth = world()
    kept = Kept(CHARTERS[0])
    kept.captures.append(records)
    kept.outcomes.add(_table(list(truth.items())))
    profiles = kept.stores.profiles

    def cut_short(*_: Any) -> None:
        raise OSError("the power failed")

    for broken in ("put", "write_note"):
        with monkeypatch.context() as patched:
            patched.setattr(profiles, broken, cut_short)
            with pytest.raises(OSError, match="power"):
                kept.look()
    same(kept.result(), at_once(CHARTERS[0], list(records), kept.outcomes.read()))


def test_failed_requests_are_counted_once_and_are_no_predictions() -> None:
    _, _, records, _ = world()
    kept = Kept(CHARTERS[2])
    at = (START + timedelta(hours=1)).isoformat()
    failed = {"failed": True, "at": at, "model": "bank", "status": 503, "latency_ms": 2.0}
    kept.captures.append([*records[:10], failed, {**failed, "model": "other"}])
    assert sum(one.n for one in kept.look().windows[0][1].values()) == 10
    found = kept.look()
    window = found.windows[0][0]
    assert found.failures.between(window.start, window.end) == {503: 1}
    assert found.failures.between(window.end, window.end) == {}


def test_requests_that_failed_by_our_fault_count_into_the_error_rate() -> None:
    _, _, records, _ = world()
    limits = {"error_rate": Limit(at_most=0.05)}
    charter = CHARTERS[4]
    monitoring = charter.monitoring.model_copy(update={"limits": limits})
    kept = Kept(charter.model_copy(update={"monitoring": monitoring}))
    at = (START + timedelta(hours=1)).isoformat()
    failed = {"failed": True, "at": at, "model": "bank", "status": 500, "latency_ms": 2.0}
    kept.captures.append([*records, *[failed] * 30, *[{**failed, "status": 400}] * 90])
    result = kept.result(START + timedelta(days=5))
    told = [one.finding.metric for one in result.alerts if one.finding.kind == "service"]
    assert told == ["error_rate"]
    first = result.windows[0]
    assert first.measured.service.errors == 30, "what callers do wrong is not the service's fault"


def test_a_reading_of_another_format_is_made_anew() -> None:
    _, _, records, _ = world()
    kept = Kept(CHARTERS[0])
    kept.captures.append(records)
    kept.look()
    profiles = kept.stores.profiles
    key = next(iter(profiles.readings()))
    profiles.put({key: (b"", b"something else")})
    assert kept.look().measured_now == (key.window,)


def test_a_prediction_counts_where_its_first_answer_was_whenever_that_is_read() -> None:
    _, _, records, _ = world()
    late = START + timedelta(days=2)
    again = {**records[4], "at": late.isoformat(), "decision": "skip"}
    for charter in CHARTERS:
        kept = Kept(charter)
        kept.captures.append([again, *records[50:60]])
        kept.look()
        kept.captures.append(list(records[:50]))
        same(
            kept.result(),
            at_once(charter, [again, *records[50:60], *records[:50]], kept.outcomes.read()),
        )


def test_captures_that_cannot_be_read_are_left_out_and_counted() -> None:
    kept, odd = Kept(CHARTERS[0]), list(world()[2])
    odd[1] = {**odd[1], "score": None}
    odd[2] = {**odd[2], "decision": "CALL"}
    kept.captures.append(odd[:60]).result(timeout=10)
    reason = "the decision `CALL`, which is none of call, skip"
    assert kept.look().unread == {"what the gateway captured": {"no score": 1, reason: 1}}
    kept.captures.append([*odd[60:], {**odd[0], "id": "late", "score": None}]).result(timeout=10)
    found = kept.look()
    assert found.unread == {"what the gateway captured": {"no score": 2, reason: 1}}
    assert sum(one.n for _, parts in found.windows for one in parts.values()) == N - 2
