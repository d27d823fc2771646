"""A look at what is kept of captures decides as one that reads all of them anew, bit for bit."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.adapters.lake_captures import LakeCaptures
from assay.adapters.lake_rotation import rotate
from assay.adapters.log_captures import LogCaptures
from assay.adapters.memory_blobs import MemoryBlobs
from assay.adapters.release_captures import ReleaseCaptures
from assay.charter.charter import Charter
from assay.errors import CheckFailed
from assay.evidence.release_state import Live, ReleaseState, ReleaseStep
from assay.evidence.states import ModelState
from assay.lifecycle.canary import decide_agreed, looks_of
from assay.lifecycle.decision_evidence import decision_document
from assay.lifecycle.posting import served_cases
from assay.lifecycle.running_release import RunningRelease, inputs_read
from assay.ports.capture_batch import CaptureBatch
from assay.ports.captures import failures_in

from .conftest import charter
from .test_release_kinds import START

_ROWS = 700
_GUARDRAILS = [
    {"metric": "latency", "limit": 0.3, "above_ms": 50, "compared": True},
    {"metric": "action", "limit": 0.7, "action": "call", "column": "group", "group": "a"},
    {"metric": "errors", "limit": 0.2},
]


def _charter(strategy: str) -> Charter:
    guardrails = _GUARDRAILS[1:] if strategy == "staged" else _GUARDRAILS
    stages = {"stages": [{"region": "north"}]} if strategy == "staged" else {}
    return charter(
        data={"entity": "client", "label_delay": "3 hours", "revealed_by": []},
        value={
            "actions": {"call": {"yes": "amount", "no": -1}, "skip": 0},
            "caps": {"amount": [0, 20]},
        },
        release={
            "strategy": strategy,
            "steps": [0.5],
            "loss_budget_per_year": 6000,
            "control_share": 0.3,
            "guardrails": guardrails,
            "unit": {"horizon": "1 hour", "most": 2, "usual": 1.2},
            **stages,
        },
        monitoring={"window": "1 day"},
    )


def _state(strategy: str) -> ReleaseState:
    weight = 0.5 if strategy == "canary" else 0.0
    started = ReleaseStep("started", 2, weight, "", START, strategy, revision=5)
    both: dict[str, Any] = {"champion": Live(1, "a"), "challenger": Live(2, "b")}
    return ReleaseState(
        "calls", weight=weight, strategy=strategy, history=(started,), salt="s", **both
    )


def _traffic(strategy: str, rng: random.Random) -> list[Any]:
    """Requests of one or two rows, copies of some, and some that failed; a few out of order."""
    parts: list[Any] = []
    for number in range(_ROWS):
        at = (START + timedelta(minutes=number + rng.choice([0, 0, 0, -9, 5]))).isoformat()
        arm = rng.choice(["champion", "challenger", "control"])
        arm = "champion" if strategy == "shadow" and arm == "challenger" else arm
        version = 2 if arm == "challenger" or strategy == "staged" else 1
        shared: dict[str, Any] = {
            "at": at,
            "model": "calls",
            "version": version,
            "arm": arm,
            "revision": 6,
        }
        shared |= {"weight": 0.5, "control_share": 0.3, "explored": rng.random() < 0.1}
        n = rng.choice([1, 1, 2])
        each: dict[str, Any] = {
            "id": [f"r{rng.choice([number, number, number // 2])}/{row}" for row in range(n)],
            "entity": [rng.choice([f"c{number}", f"c{number // 2}", None]) for _ in range(n)],
            "decision": [rng.choice(["call", "skip"]) for _ in range(n)],
            "latency_ms": [rng.gammavariate(3, 10) for _ in range(n)],
            "score": [rng.random() for _ in range(n)],
        }
        inputs: dict[str, Any] = {
            "group": [rng.choice(["a", "b", None]) for _ in range(n)],
            "amount": [rng.choice([5, 12.5, None]) for _ in range(n)],
            "length": [rng.random() for _ in range(n)],
        }
        parts.append(CaptureBatch(n, shared, each, inputs))
        if strategy == "shadow" and rng.random() < 0.9:
            copy = {**shared, "arm": "shadow", "version": 2, "shadow": True}
            again = {**each, "decision": [rng.choice(["call", "skip"]) for _ in range(n)]}
            parts.append(CaptureBatch(n, copy, again, inputs))
        if rng.random() < 0.08:
            told: dict[str, Any] = rng.choice(
                [{}, {"arm": "challenger", "version": 2}, {"version": 1}]
            )
            failed: dict[str, Any] = {"failed": True, "model": "calls", "at": at, "revision": 6}
            parts.append({**failed, "status": rng.choice([400, 500]), "latency_ms": 1.0, **told})
        if rng.random() < 0.01:
            parts.append({"at": at, "model": "calls", "failed": True, "capture_lost": 2})
    return parts


def _deliveries(rng: random.Random, looks: int) -> list[pl.DataFrame]:
    """What is known of outcomes at each look: some come late, and some are corrected."""
    told: list[tuple[str, str, int]] = []
    found = []
    for revision in range(1, looks + 1):
        ids = [f"r{rng.randrange(_ROWS)}/{rng.randrange(2)}" for _ in range(2 * _ROWS // looks)]
        told += [(one, rng.choice(["yes", "no"]), revision) for one in dict.fromkeys(ids)]
        found.append(pl.DataFrame(told, ["id", "outcome", "revision"], orient="row"))
    return found


def _write(folder: Path, parts: Sequence[Any]) -> None:
    log = LogCaptures(folder)
    for one in parts:
        done = log.add([one]) if isinstance(one, CaptureBatch) else log.append([one])
    done.result()
    log.close()


def _decided(own: Charter, strategy: str, outcomes: pl.DataFrame, found: Any, at: Any) -> str:
    """Return the whole document of a decision, or why there is none."""
    answers, shadows, failures = found
    state, served = _state(strategy), served_cases(own, answers, outcomes)
    stores = ModelState("calls"), MemoryBlobs()
    known = RunningRelease(own, state, *stores, served, at, shadows, failures)
    try:
        plan, looks = looks_of(known)
    except CheckFailed as error:
        return str(error)
    decision = decide_agreed(known, plan, looks)
    if decision is None:
        return f"too early: {len(looks)} looks"
    return json.dumps(decision_document(decision, looks, state, at))


@pytest.mark.parametrize("strategy", ["canary", "shadow", "staged"])
@settings(max_examples=6, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    cuts=st.lists(st.integers(0, 3 * _ROWS), min_size=1, max_size=4),
    rotations=st.lists(st.booleans(), min_size=5, max_size=5),
)
def test_verdicts_are_those_of_reading_all_anew(
    tmp_path_factory: pytest.TempPathFactory,
    strategy: str,
    seed: int,
    cuts: list[int],
    rotations: list[bool],
) -> None:
    folder, rng, own = tmp_path_factory.mktemp("kept"), random.Random(seed), _charter(strategy)
    parts = _traffic(strategy, rng)
    places = sorted({*(cut % len(parts) for cut in cuts), len(parts)} - {0})
    deliveries, captures = _deliveries(rng, len(places)), folder / "captures"
    kept = ReleaseCaptures(captures, folder / "monitor" / "release.sqlite")
    start = 0
    for number, (end, outcomes) in enumerate(zip(places, deliveries, strict=True)):
        _write(captures, parts[start:end])
        start = end
        if rotations[number]:
            rotate(captures)
        at = START + timedelta(minutes=end)
        log = LakeCaptures(captures)
        anew = list(log.read()), list(log.shadows()), list(failures_in(log))
        looked = kept.read(inputs_read(own, _state(strategy)))
        assert _decided(own, strategy, outcomes, looked, at) == _decided(
            own, strategy, outcomes, anew, at
        )
    shutil.rmtree(folder)
