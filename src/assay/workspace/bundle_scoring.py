"""A table scored by a bundle alone: no workspace, no release, nothing kept but the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.workspace.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from assay.adapters.arrow_tables import ArrowTable
    from assay.adapters.scored_table import ArrowScoredTable, Scored
    from assay.deploy.bundle_file import Packed
    from assay.deploy.serving import Serving
    from assay.lifecycle.table_scoring import Answering
    from assay.ports.scored_tables import Keep

__all__ = ["answer_rows", "score_by_bundle"]


def score_by_bundle(
    packed: Packed,
    table: Path,
    output: Path,
    *,
    keep: Sequence[str] = (),
    progress: Progress = lambda _share, _word: None,
) -> Scored:
    """Answer every row of a table by one bundle, as `Workspace.score` does by a release.

    The bundle answers all rows, by the rules that left with it; nobody is dealt out to arms, so
    that no row needs an entity, and nothing is captured. Stopped at any point, the same call goes
    on. Errors as of `Workspace.score`; ModelError where the bundle does not read, or would run
    code that nobody could audit.
    """
    import hashlib

    from assay.adapters.arrow_tables import open_table
    from assay.adapters.scored_form import demand_form
    from assay.adapters.scored_table import ArrowScoredTable
    from assay.errors import InputError

    demand_form(output)
    rows = open_table(table)
    asked = {"table": rows.identity, "bundle": packed.bundle.digest, "keep": list(keep)}
    name = f"{rows.identity}\n{packed.bundle.digest}".encode()
    run = f"score-{hashlib.sha256(name).hexdigest()[:16]}"
    serving = _serving(packed)
    scored = ArrowScoredTable.open(output, asked, lambda: {"run": run})
    try:
        return _scored(serving, rows, scored, keep, progress)
    except InputError:
        scored.discard()
        raise
    finally:
        scored.close()
        _close(serving)


def answer_rows(
    answering: Answering,
    rows: ArrowTable,
    scored: ArrowScoredTable,
    columns: Sequence[str],
    entity: str | None,
    keep: Keep | None,
    progress: Progress,
) -> Scored:
    """Answer the rows that a scored table lacks, and finish it; `columns` go over from the rows."""
    from assay.adapters.scored_rows import ArrowRows, schema_of
    from assay.lifecycle.table_scoring import score_table

    serving = answering.serving
    signature = serving.arms[0].scorer.signature
    source = ArrowRows(rows, serving.reads, entity, columns)
    schema = schema_of(
        rows, columns, signature.task, len(signature.labels), acts=bool(signature.actions)
    )
    score_table(source, scored.of(schema), answering, keep, progress)
    return scored.of(schema).finish()


def _scored(
    serving: Serving,
    rows: ArrowTable,
    scored: ArrowScoredTable,
    keep: Sequence[str],
    progress: Progress,
) -> Scored:
    from datetime import UTC, datetime

    from assay.lifecycle.table_scoring import Answering

    answering = Answering(
        serving, scored.begun["run"], lambda: datetime.now(UTC).isoformat(), pinned=0
    )
    return answer_rows(answering, rows, scored, keep, None, None, progress)


def _serving(packed: Packed) -> Serving:
    from assay.adapters.memory_blobs import MemoryBlobs
    from assay.adapters.model_engine import load_model
    from assay.deploy.desired import Arm, Desired
    from assay.deploy.serving import load_serving

    bundle, blobs = packed.bundle, MemoryBlobs()
    for content in bundle.files.values():
        blobs.put(content)
    arm = Arm("champion", packed.version, blobs.put(bundle.manifest()), 1.0)
    code = (arm.bundle,) if packed.code else ()
    desired = Desired(packed.revision, bundle.model, (arm,), serving=packed.rules, code=code)
    return load_serving(
        desired, blobs, lambda model, one, code: load_model(model, one.inputs, 0, code=code)
    )


def _close(serving: Serving) -> None:
    from assay.ports.engine import AsyncEngine

    for loaded in serving.loaded:
        if isinstance(loaded.scorer.engine, AsyncEngine):
            loaded.scorer.engine.close()
