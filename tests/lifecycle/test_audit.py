"""A ledger that was removed or replaced is found by what it left behind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from assay.adapters.memory_blobs import MemoryBlobs
from assay.adapters.memory_captures import MemoryCaptures
from assay.adapters.memory_desired import MemoryDesired
from assay.adapters.memory_ledger import MemoryLedger
from assay.adapters.memory_outbox import MemoryOutbox
from assay.adapters.memory_outcomes import MemoryOutcomes
from assay.adapters.memory_profiles import MemoryProfiles
from assay.adapters.memory_windows import MemoryWindows
from assay.adapters.polars_tables import PolarsTables
from assay.adapters.system_clock import SystemClock
from assay.errors import LedgerBroken
from assay.evidence.event import EventType
from assay.lifecycle.approval import write
from assay.lifecycle.audit import audit
from assay.ports.ports import Ports

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BUNDLE = "b" * 64


@pytest.fixture
def ports() -> Ports:
    return Ports(
        MemoryLedger(),
        MemoryBlobs(),
        MemoryCaptures(),
        MemoryOutcomes(),
        MemoryDesired(),
        PolarsTables(),
        SystemClock(),
        MemoryOutbox(),
        MemoryWindows(),
        MemoryProfiles(),
    )


def _record(**more: Any) -> dict[str, Any]:
    return {"id": "a/0", "model": "calls", "bundle": BUNDLE, **more}


def _released(ports: Ports, bundle: str = BUNDLE) -> None:
    registered = {"bundle": bundle, "charter": "c", "sections": {}, "origin": {}}
    write(ports.ledger, "model:calls/1", EventType.MODEL_REGISTERED, registered, NOW)
    live = {"version": 1, "bundle": bundle, "strategy": "immediate", "weight": 1.0}
    started = {**live, "salt": "s", "replaces": None}
    write(ports.ledger, "release:calls", EventType.RELEASE_STARTED, started, NOW)


def test_an_empty_ledger_in_an_empty_place_holds(ports: Ports) -> None:
    assert audit(ports) == 0


def test_an_empty_ledger_beside_blobs_is_broken(ports: Ports) -> None:
    ports.blobs.put(b"a bundle")
    with pytest.raises(LedgerBroken, match="bundles and evidence beside it"):
        audit(ports)


def test_an_empty_ledger_beside_predictions_is_broken(ports: Ports) -> None:
    ports.captures.append([_record()])
    with pytest.raises(LedgerBroken, match="predictions beside it"):
        audit(ports)


def test_an_empty_ledger_beside_outcomes_is_broken(ports: Ports) -> None:
    ports.outcomes.add(pl.DataFrame({"id": ["a/0"], "outcome": ["yes"]}))
    with pytest.raises(LedgerBroken, match="outcomes beside it"):
        audit(ports)


def test_a_ledger_that_knows_what_was_served_holds(ports: Ports) -> None:
    _released(ports)
    ports.blobs.put(b"a bundle")
    ports.captures.append([_record(revision=1), _record()])
    assert audit(ports) == 2


def test_a_younger_ledger_in_its_place_is_found(ports: Ports) -> None:
    _released(ports, "c" * 64)
    ports.captures.append([_record()])
    with pytest.raises(LedgerBroken, match="a/0 was made by bundle bbbbbbbbbbbb"):
        audit(ports)


def test_a_ledger_cut_back_before_a_step_of_the_release_is_found(ports: Ports) -> None:
    _released(ports)
    ports.captures.append([_record(revision=2)])
    with pytest.raises(LedgerBroken, match="under revision 2 of calls's release, and it is at 1"):
        audit(ports)


def test_a_digest_kept_elsewhere_must_be_there(ports: Ports) -> None:
    _released(ports)
    digests = [event.digest for event in ports.ledger.events()]
    assert audit(ports, digests[0]) == audit(ports, digests[-1][:16]) == len(digests)
    for kept in ("0" * 64, digests[0][:15], ""):
        with pytest.raises(LedgerBroken, match="kept elsewhere"):
            audit(ports, kept)
