"""How a workspace loads its models: with the leave that its ledger has, and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.build.parity import Engines
    from assay.evidence.bundle import Input
    from assay.ports.engine import Engine
    from assay.workspace.root import Root

__all__ = ["engines_of"]


def engines_of(workspace: Root, threads: int = 1) -> Engines:
    """Return what loads models: one that runs code only where the ledger says that it may.

    A model is known by the digest of its bytes, so that no bundle can speak for itself.
    """
    from assay.adapters.model_engine import load_model
    from assay.evidence.digest import digest_bytes
    from assay.evidence.uncompiled import described
    from assay.lifecycle.leave import files_with_leave

    def load(model: bytes, inputs: Sequence[Input]) -> Engine:
        uncompiled = described(model)
        code = False
        if uncompiled is not None and uncompiled.runs_code:
            ports = workspace.ports
            known = files_with_leave(ports.ledger, ports.blobs, workspace.charter)
            code = digest_bytes(model) in known
        return load_model(model, inputs, threads, code=code)

    return load
