"""A decision kept with its numbers and its picture."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assay.adapters.memory_blobs import MemoryBlobs
from assay.evidence.states import ModelState
from assay.lifecycle.canary import decide_looks, looks_of
from assay.lifecycle.decision_evidence import decision_document, keep_decision
from assay.lifecycle.running_release import RunningRelease
from assay.report.decision_picture import decision_picture

from .test_release_kinds import END, FAIR, _charter, _served, _shadow, _state


def _document(data: dict[str, Any] | None = None) -> dict[str, Any]:
    given = _charter("shadow", data=data, guardrails=[FAIR, {"metric": "errors", "limit": 0.2}])
    state = _state("shadow")
    taken, copies, outcomes = _shadow(1, 0.3, 0.05)
    found = _served(given, taken, outcomes), END
    known = ModelState("calls"), MemoryBlobs(), *found
    plan, looks = looks_of(RunningRelease(given, state, *known, shadows=copies))
    decision = decide_looks(plan, looks)
    assert decision is not None
    return decision_document(decision, looks, state, END)


def test_a_decision_keeps_what_it_rests_on() -> None:
    document = json.loads(json.dumps(_document(), allow_nan=False))
    assert document["verdict"] == "promote"
    assert (document["version"], document["strategy"]) == (2, "shadow")
    assert document["not_worse"]["log_money"] >= document["not_worse"]["needed"]
    assert document["worse"]["log_money"] < document["worse"]["needed"]
    assert document["missing_copies"] > 0
    course = document["course"]["value"]
    assert course["units"][-1] == document["units"]
    last = document["difference"]
    assert (course["low"][-1], course["high"][-1]) == (last["low"], last["high"])
    for name, one in document["guardrails"].items():
        cases = document["course"]["guardrails"][name]["cases"]
        assert one["share"]["n"] == cases[-1]
        assert one["within"]["log_money"] >= one["within"]["needed"]
        assert len(cases) <= 25


@pytest.mark.parametrize("data", [None, {"moved_by": ["call"]}])
def test_its_picture_is_whole_and_the_same_for_the_same_decision(
    data: dict[str, Any] | None,
) -> None:
    document = _document(data)
    drawn = decision_picture(document)
    assert drawn.startswith("<svg")
    assert drawn.rstrip().endswith("</svg>")
    assert 'aria-label="Version 2 of calls: promote"' in drawn
    assert drawn == decision_picture(json.loads(json.dumps(document)))


def test_document_and_picture_are_kept_by_digest() -> None:
    blobs, document = MemoryBlobs(), _document()
    kept = keep_decision(document, lambda _: "<svg/>", blobs)
    assert json.loads(blobs.get(kept["decision"]))["reason"] == document["reason"]
    assert blobs.get(kept["picture"]) == b"<svg/>"
