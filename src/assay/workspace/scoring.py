"""Whole tables scored, as the released version answers them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.workspace.engines import engines_of
from assay.workspace.progress import Progress
from assay.workspace.root import STATE
from assay.workspace.sources import KEY, Sources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assay.adapters.arrow_tables import ArrowTable
    from assay.adapters.lake_scored import LakeScored
    from assay.adapters.scored_table import ArrowScoredTable, Scored
    from assay.deploy.desired import Desired
    from assay.deploy.serving import Serving

__all__ = ["Scoring"]


class Scoring(Sources):
    """A table in, a table with answers out."""

    def score(
        self,
        table: Path,
        output: Path,
        *,
        version: int | None = None,
        keep: Sequence[str] = (),
        capture: bool = True,
        progress: Progress = lambda _share, _word: None,
    ) -> Scored:
        """Answer every row of a table as a gateway would now, into a table that appears whole.

        Which arm answers a row hangs on its entity, as it does online; a `version` that is named
        answers all rows and is nobody's evidence. `keep` are columns of the table that go over.
        Stopped at any point, the same call goes on, with what was released when it began. Raises
        InputError where nothing serves or a table or option is wrong, StoreError where a disk
        fails, Untrusted where what is released carries no signature that holds.
        """
        from assay.adapters.arrow_tables import open_table
        from assay.adapters.scored_form import demand_form
        from assay.adapters.scored_table import ArrowScoredTable
        from assay.errors import InputError

        demand_form(output)
        rows = open_table(table)
        asked = {
            "table": rows.identity,
            "version": version,
            "keep": list(keep),
            "capture": capture,
            "environment": self.charter.environment,
        }
        scored = ArrowScoredTable.open(output, asked, lambda: self._begun(asked, version))
        try:
            return self._scored(rows, scored, keep, pinned=version is not None, progress=progress)
        except InputError:
            scored.discard()
            raise
        finally:
            scored.close()

    def _scored(
        self,
        rows: ArrowTable,
        scored: ArrowScoredTable,
        keep: Sequence[str],
        *,
        pinned: bool,
        progress: Progress,
    ) -> Scored:
        import msgspec

        from assay.deploy.desired import Desired
        from assay.deploy.serving import load_serving
        from assay.ports.engine import AsyncEngine

        desired = Desired.read(msgspec.json.encode(scored.begun["desired"]))
        engines = engines_of(self, threads=0)
        serving = load_serving(
            desired, self.ports.blobs, lambda model, one, _: engines(model, one.inputs)
        )
        try:
            return self._scored_by(serving, rows, scored, keep, pinned=pinned, progress=progress)
        finally:
            for loaded in serving.loaded:
                if isinstance(loaded.scorer.engine, AsyncEngine):
                    loaded.scorer.engine.close()

    def _scored_by(
        self,
        serving: Serving,
        rows: ArrowTable,
        scored: ArrowScoredTable,
        keep: Sequence[str],
        *,
        pinned: bool,
        progress: Progress,
    ) -> Scored:
        from assay.lifecycle.table_scoring import Answering
        from assay.workspace.bundle_scoring import answer_rows

        desired, begun = serving.desired, scored.begun
        now, arm = (lambda: self._now().isoformat()), 0 if pinned else None
        keep_ = self._keep(desired, begun) if begun["capture"] else None
        answering = Answering(serving, begun["run"], now, arm)
        return answer_rows(answering, rows, scored, keep, desired.entity, keep_, progress)

    def _begun(self, asked: Mapping[str, Any], version: int | None) -> Mapping[str, Any]:
        """Return what a run keeps to: what serves now, its name, and when it began."""
        import hashlib

        import msgspec

        desired = self._released() if version is None else self._alone_of(version)
        told = msgspec.json.decode(desired.encode())
        name = msgspec.json.encode([asked["table"], told])
        return {
            "run": f"score-{hashlib.sha256(name).hexdigest()[:16]}",
            "began": int(self._now().timestamp() * 1e9),
            "capture": asked["capture"],
            "desired": told,
        }

    def _released(self) -> Desired:
        from assay.adapters.environment_folder import environment_folder
        from assay.adapters.file_desired import FileDesired
        from assay.adapters.release_key import PUBLIC, PinnedTrust, folder_of_keys
        from assay.deploy.desired import Desired
        from assay.errors import InputError

        state = self.directory / STATE
        raw = FileDesired(
            environment_folder(state, self.charter.environment) / "desired.json"
        ).read()
        desired = None if raw is None else Desired.read(raw)
        if raw is None or desired is None or not desired.arms:
            raise InputError(
                f"No version of {self.charter.name} is released in {self.charter.environment}. "
                "Release one with `assay release`, or name one with --version."
            )
        PinnedTrust(folder_of_keys(state) / PUBLIC).demand(raw)
        return desired

    def _alone_of(self, version: int) -> Desired:
        """Return a version as if nothing else served, under the charter's rules of today."""
        from assay.deploy.desired import Arm, Desired
        from assay.lifecycle.approval import version_state

        charter = self.charter
        bundle = version_state(self.ports.ledger, charter, version).bundle
        return Desired(
            0,
            charter.name,
            (Arm("champion", version, bundle, 1.0),),
            entity=charter.data.entity,
            environment=charter.environment,
            serving=charter.serving.model_dump(mode="json"),
        )

    def _keep(self, desired: Desired, begun: Mapping[str, Any]) -> LakeScored:
        from assay.adapters.environment_folder import environment_folder
        from assay.adapters.installation_key import installation_key
        from assay.adapters.lake_scored import LakeScored
        from assay.deploy.protected_columns import Protection

        state, rules = self.directory / STATE, desired.rules.capture
        key = installation_key(state / KEY) if rules.protected else b""
        protection = Protection.of(rules, key, desired.entity)
        return LakeScored(
            environment_folder(state, desired.environment) / "captures",
            begun["run"],
            begun["began"],
            protection.applied,
        )
