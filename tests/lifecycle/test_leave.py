"""The leave to run code comes from the ledger, and reaches gateways with what is signed."""

from __future__ import annotations

from datetime import timedelta

from tests.lifecycle.release_world import FRIDAY, make_charter

from assay.adapters.memory_blobs import MemoryBlobs
from assay.adapters.memory_desired import MemoryDesired
from assay.adapters.memory_ledger import MemoryLedger
from assay.deploy.desired import Desired
from assay.evidence.bundle import Bundle
from assay.evidence.digest import digest_bytes
from assay.evidence.event import EventType
from assay.lifecycle.approval import write
from assay.lifecycle.leave import bundles_with_leave, files_with_leave
from assay.lifecycle.telling import publish, release_name, release_state

ALLOWED = {"what": "run the MLflow model m", "why": "it was submitted", "by": "Ana Costa"}


def _registered(ledger: MemoryLedger, blobs: MemoryBlobs, version: int) -> str:
    bundle = Bundle("bank", {"model.pyfunc.zip": f"model {version}".encode()}, {"seed": 1})
    digest = blobs.put(bundle.manifest())
    content = {"bundle": digest, "charter": "c" * 64, "sections": {}, "origin": {}}
    write(ledger, f"model:bank/{version}", EventType.MODEL_REGISTERED, content, FRIDAY)
    return digest


def test_what_a_person_allowed_for_a_version_is_told_to_gateways() -> None:
    ledger, blobs, desired = MemoryLedger(), MemoryBlobs(), MemoryDesired()
    charter = make_charter()
    early = FRIDAY - timedelta(minutes=1)
    write(ledger, "model:bank/1", EventType.PERMISSION_GRANTED, ALLOWED, early)
    plain = _registered(ledger, blobs, 1)  # what was allowed before never became this version
    coded = _registered(ledger, blobs, 2)
    write(ledger, "model:bank/2", EventType.PERMISSION_GRANTED, ALLOWED, FRIDAY)
    for version, bundle in ((1, plain), (2, coded)):
        started = {"version": version, "bundle": bundle, "strategy": "immediate", "salt": "s"}
        started |= {"weight": 1.0, "replaces": None}
        write(
            ledger, f"release:{release_name(charter)}", EventType.RELEASE_STARTED, started, FRIDAY
        )
        publish(ledger, desired, charter)
        told = Desired.read(desired.read() or b"")
        assert told.arms[0].bundle == bundle
        assert told.code == ((coded,) if version == 2 else ())
    assert bundles_with_leave(ledger, charter, release_state(ledger, charter)) == {coded}
    assert files_with_leave(ledger, blobs, charter) == {digest_bytes(b"model 2")}
