"""Packaging: a made model becomes a bundle, the same bytes for the same model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from assay.build.columns import to_columns
from assay.build.plain import plain
from assay.build.provenance import Provenance
from assay.build.reference_tables import decided_anew, with_tables
from assay.build.reference_windows import reference_windows
from assay.build.seen import seen
from assay.build.tested import Made, Tested
from assay.evidence.bundle import Bundle
from assay.evidence.digest import canonical_bytes
from assay.stats.decision_names import named_decisions
from assay.stats.forecaster import forecaster_document
from assay.stats.profile import named_scores
from assay.stats.reference import make_reference

__all__ = ["package"]

_SECTIONS = ("data", "value", "build")
"""The sections of the charter that a bundle is made from."""


def package(tested: Tested, traced: Provenance, seed: int) -> Bundle:
    """Return the bundle: model, signature, policy, calibration and reference profiles.

    The reference profiles are those of the test rows, which the model did not learn from: in
    order of time where there is one, with what was decided and what came; beside them stands what
    inputs had in all known rows (`seen`). Files that a moved policy takes over stay as they are,
    but for what the reference says was decided.
    """
    made, charter = tested.made, tested.charter
    sections = charter.digests()
    return Bundle(
        model=charter.name,
        files={
            made.file: made.model,
            "signature.json": _signature(made),
            "policy.json": canonical_bytes(plain(made.valuation.document())),
            "calibration.json": canonical_bytes(plain(forecaster_document(made.forecaster))),
            **made.kept,
            "reference.json": canonical_bytes(plain(_reference(tested))),
        },
        origin=_origin({name: sections[name] for name in _SECTIONS}, traced, seed),
    )


def _reference(tested: Tested) -> dict[str, Any]:
    """Return the reference's document: a moved policy's has inputs and scores as before."""
    made = tested.made
    if "reference.json" in made.kept:
        return decided_anew(json.loads(made.kept["reference.json"]), tested)
    windows = reference_windows(tested.frame, tested.charter)
    given = {
        **tested.columns,
        **named_scores(tested.raw, made.signature.labels),
        **named_decisions(tested.cases.decisions, made.valuation.actions),
    }
    reference = make_reference(
        {name: column[windows.first :] for name, column in given.items()},
        starts=windows.starts,
        moments=windows.moments,
    )
    learned = to_columns(tested.learned_from, made.inputs)
    known = {"seen": seen(made.inputs, [learned, tested.columns])}
    return {**with_tables(reference, tested), **known}


def _signature(made: Made) -> bytes:
    return canonical_bytes(json.loads(msgspec.json.encode(made.signature)))


def _origin(sections: Mapping[str, str], traced: Provenance, seed: int) -> dict[str, Any]:
    return {"sections": dict(sections), **traced.inputs, "seed": seed}
