"""What a build hands over: a bundle and the evidence about it, nothing yet written anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.build.evaluation import evaluate
from assay.build.judged_rows import judged_rows
from assay.build.package import package
from assay.build.parity import check_parity
from assay.build.plain import plain
from assay.build.provenance import Provenance
from assay.build.quality import Quality
from assay.build.search import Progress
from assay.build.tested import Tested
from assay.charter.charter import Charter
from assay.evidence.bundle import Bundle
from assay.evidence.evidence import Check, Evidence, EvidenceKind
from assay.guardrails.plugin import Measured
from assay.guardrails.registry import measure
from assay.value.assessment import Assessment

__all__ = ["Built", "Permitted", "judge"]


@dataclass(frozen=True)
class Permitted:
    """Something out of the ordinary that a person allowed: it goes into the ledger."""

    what: str
    why: str
    by: str


@dataclass(frozen=True)
class Built:
    """A bundle, the evidence about it, and what was found in short.

    `words` are what a reader must not miss, in plain sentences; `measured_on` says in words
    which rows judged the model. `kept` is bulk data that evidence names by digest.
    """

    bundle: Bundle
    evidence: tuple[Evidence, ...]
    assessment: Assessment
    measured_on: str
    words: tuple[str, ...]
    permitted: tuple[Permitted, ...] = ()
    kept: tuple[bytes, ...] = ()

    @property
    def checks(self) -> tuple[Check, ...]:
        """Every check of all evidence, in order."""
        return tuple(check for piece in self.evidence for check in piece.checks)


def judge(
    tested: Tested,
    quality: Quality,
    traced: Provenance,
    *,
    seed: int,
    progress: Progress,
    permitted: tuple[Permitted, ...] = (),
) -> Built:
    """Evaluate, guard and package a made model; every result is evidence."""
    charter = tested.charter
    progress(0.75, "measuring value on the test rows")
    evaluation = evaluate(tested, seed)
    progress(0.85, "packaging and checking parity")
    bundle = package(tested, traced, seed)
    parity = check_parity(tested, seed)
    progress(0.92, "measuring guardrails")
    rails = [measure(rail, tested.cases, seed) for rail in charter.guardrails]
    found, rows = _Finding(charter, traced, bundle.digest), judged_rows(tested)
    evaluated = {**evaluation.content, "judged_rows": rows.document()}
    evidence = [
        _Finding(charter, traced, traced.data).piece(
            "quality", ("data",), quality.checks, quality.content
        ),
        found.piece("evaluation", ("data", "value", "acceptance"), evaluation.checks, evaluated),
        found.piece("parity", ("data", "value"), parity.checks, parity.content),
        found.piece("provenance", ("data", "build"), (), {**traced.content(), "seed": seed}),
    ]
    if rails:
        checks = [check for check, _ in rails]
        evidence.insert(
            2, found.piece("guardrail", ("data", "value", "guardrails"), checks, _details(rails))
        )
    return Built(
        bundle=bundle,
        evidence=tuple(evidence),
        assessment=evaluation.assessment,
        measured_on=tested.part,
        words=evaluation.words,
        permitted=permitted,
        kept=(rows.table(),),
    )


@dataclass(frozen=True)
class _Finding:
    """What all evidence about one subject has in common."""

    charter: Charter
    traced: Provenance
    subject: str

    def piece(
        self,
        kind: EvidenceKind,
        sections: Sequence[str],
        checks: Sequence[Check],
        content: Mapping[str, Any],
    ) -> Evidence:
        digests = self.charter.digests()
        return Evidence(
            kind=kind,
            subject=self.subject,
            rests_on={name: digests[name] for name in sections},
            inputs=self.traced.inputs,
            checks=tuple(checks),
            content=plain(content),
        )


def _details(rails: Sequence[tuple[Check, Measured]]) -> dict[str, Any]:
    return {
        check.name: {"value": found.value, "note": found.note, **found.detail}
        for check, found in rails
    }
