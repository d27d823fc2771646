"""`assay.load`: a bundle in any Python process, which answers as a gateway does."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
from numpy.typing import NDArray

from assay.adapters.environment_folder import environment_folder
from assay.adapters.file_desired import FileDesired
from assay.adapters.fsspec_blobs import FsspecBlobs
from assay.adapters.memory_blobs import MemoryBlobs
from assay.adapters.model_engine import load_model
from assay.adapters.release_key import PUBLIC, PinnedTrust, folder_of_keys
from assay.charter.environments import PRODUCTION
from assay.deploy.answering import Answered, Asked, answer
from assay.deploy.bundle_file import Packed, unpack
from assay.deploy.desired import Arm, Desired
from assay.deploy.fetch import fetch_bundle
from assay.deploy.reasons import Reason, reasons
from assay.deploy.row_columns import columns_of
from assay.deploy.scoring import Scorer
from assay.deploy.serving import Serving, load_serving
from assay.errors import DataError, InputError
from assay.ports.blobs import Blobs

__all__ = ["Loaded", "load", "packed_from"]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_STATE = ".assay"


def load(
    what: str | Path = ".",
    *,
    workspace: str | Path = ".",
    environment: str = PRODUCTION,
    allow_code: str | None = None,
) -> Loaded:
    """Load a bundle: from a workspace's directory its champion, from a file, or by its digest.

    A file is what `assay export --to bundle` wrote; a bundle that is named by its digest lies in
    `workspace`, and what an `environment` serves is taken from there too. Every digest is checked
    before anything is read, and so is who signed what an environment serves.

    A model that can run any code (an MLflow function, types that nobody audited) is loaded where
    what is signed says that it may, or where `allow_code` names the person who trusts this very
    bundle; what the bundle says of itself counts for nothing. Raises Untrusted where a signature
    does not hold, InputError where nothing serves or the name is empty, ModelError or StoreError
    where a bundle is missing, was changed, does not read or would run code without leave.

        bank = assay.load("examples/bank")
        bank.decide([{"age": 41, "job": "nurse"}])
    """
    packed = packed_from(what, workspace=workspace, environment=environment)
    if allow_code is None:
        return Loaded(packed)
    if not allow_code.strip():
        raise InputError(
            "`allow_code` is empty: give the name of the person who trusts the bundle's author, or "
            "leave it out."
        )
    return Loaded(replace(packed, code=True))


def packed_from(
    what: str | Path, *, workspace: str | Path = ".", environment: str = PRODUCTION
) -> Packed:
    """Return a bundle and how it is served; arguments and errors as of `load`."""
    path = Path(what)
    if _DIGEST.fullmatch(str(what)):
        state = Path(workspace) / _STATE
        desired = _desired(state, environment)
        arms = () if desired is None else desired.arms
        named = next((arm for arm in arms if arm.bundle == what), None)
        return _packed(str(what), state, desired, named)
    if path.is_file():
        return unpack(path.read_bytes())
    state = path / _STATE
    if (path / "runner.py").is_file() and (path / "model.onnx").is_file():
        raise InputError(
            f"{path} is an edge export: it needs no assay. Answer with its own runner "
            f"(`python {path / 'runner.py'}`), or load what `assay export --to bundle` writes."
        )
    if not state.is_dir():
        raise InputError(
            f"{path} is neither a workspace that was built (it has no {_STATE}/), nor a bundle's "
            "file, nor a digest of 64 characters. Name one of them."
        )
    desired = _desired(state, environment)
    arm = desired.arms[0] if desired is not None and desired.arms else None
    if arm is None or arm.name not in ("champion", "challenger"):
        raise InputError(
            f"No version is the champion of {environment} in {path}. Release one with "
            "`assay release`, name a bundle by its digest, or give `assay export` a --version."
        )
    return _packed(arm.bundle, state, desired, arm)


class Loaded:
    """One version, loaded: its answers are those of a gateway that serves it alone.

    Rows are a dict of columns, a list of dicts, a pandas or polars frame, or a NumPy array (see
    `assay.deploy.row_columns`). Nothing is captured. DataError where a row cannot be answered, or
    the door refuses it.
    """

    def __init__(self, packed: Packed) -> None:
        self._packed = packed
        self._serving = _served(packed)

    def __repr__(self) -> str:
        version = f" version {self.version}" if self.version else ""
        return f"<{self.model}{version}, bundle {self.digest[:12]}>"

    @property
    def model(self) -> str:
        """The model's name."""
        return self._packed.bundle.model

    @property
    def version(self) -> int | None:
        """The version, None where it is not known."""
        return self._packed.version or None

    @property
    def digest(self) -> str:
        """The bundle's digest."""
        return self._packed.bundle.digest

    @property
    def scorer(self) -> Scorer:
        """The engine, calibration and policy."""
        return self._serving.arms[0].scorer

    @property
    def labels(self) -> tuple[str, ...]:
        """The outcomes, in the order of `predict_proba`; empty in regression."""
        return self.scorer.signature.labels

    def predict(self, rows: Any) -> list[Any]:
        """Return the likeliest outcome of each row, or the amount foretold."""
        return list(self._answered(rows).prediction)

    def predict_proba(self, rows: Any) -> NDArray[np.float64]:
        """Return the calibrated probability of each outcome, (n, K) in the order of `labels`."""
        if not self.labels:
            raise DataError(f"{self.model} foretells amounts, which have no probability.")
        found = np.array(self._answered(rows).probability, dtype=np.float64)
        return found if found.ndim > 1 else np.column_stack([1.0 - found, found])

    def decide(self, rows: Any) -> list[Any]:
        """Return what to do about each row: an action, or an amount."""
        return list(self._answered(rows).decision)

    def answer(self, rows: Any) -> list[dict[str, Any]]:
        """Return all of it, row by row.

        A dict has prediction, probability, decision, expected_value, score and flags (what the
        door said).
        """
        found = self._answered(rows)
        names = ("prediction", "probability", "decision", "expected_value", "score")
        lists = {name: getattr(found, name) for name in names}
        flags = found.flags or [()] * len(found.prediction)
        return [
            {**{name: values[row] for name, values in lists.items()}, "flags": tuple(said)}
            for row, said in enumerate(flags)
        ]

    def explain(self, rows: Any, most: int | None = None) -> list[list[Reason]]:
        """Return the largest contributions to each row's answer (see `assay.deploy.reasons`).

        `most` of them, as many as `serving.reasons` says where it is not given.
        """
        arm = self._serving.arms[0]
        if not arm.typical:
            raise InputError(
                f"The bundle {self.digest[:12]} holds no reference, so that nobody knows what is "
                "typical. Build the model again."
            )
        columns = columns_of(rows, self._serving.reads)
        if arm.door is not None:
            columns = arm.door.check(columns).columns
        wanted = self._packed.serving.reasons if most is None else most
        return reasons(arm.scorer, columns, arm.typical, wanted)

    def _answered(self, rows: Any) -> Answered:
        columns = columns_of(rows, self._serving.reads)
        n = len(next(iter(columns.values()), ()))
        if n == 0:
            raise DataError("There are no rows to answer; give one at least.")
        asked = Asked(columns, [str(row) for row in range(n)])
        found = answer(self._serving, asked, datetime.now(UTC).isoformat())
        if found.rejected:
            row, reason = next(iter(found.rejected.items()))
            raise DataError(f"Row {row} is refused: {reason}.")
        return found


def _served(packed: Packed) -> Serving:
    bundle, blobs = packed.bundle, MemoryBlobs()
    for content in bundle.files.values():
        blobs.put(content)
    arm = Arm("champion", packed.version, blobs.put(bundle.manifest()), 1.0)
    desired = Desired(
        packed.revision,
        bundle.model,
        (arm,),
        serving=packed.rules,
        code=(arm.bundle,) if packed.code else (),
    )
    return load_serving(
        desired,
        blobs,
        lambda model, signature, code: load_model(model, signature.inputs, code=code),
    )


def _blobs(state: Path) -> Blobs:
    return FsspecBlobs(fsspec.filesystem("file"), str((state / "blobs").resolve()))


def _desired(state: Path, environment: str) -> Desired | None:
    raw = FileDesired(environment_folder(state, environment) / "desired.json").read()
    if raw is None:
        return None
    desired = Desired.read(raw)
    PinnedTrust(folder_of_keys(state) / PUBLIC).demand(desired.encode())
    return desired


def _packed(digest: str, state: Path, desired: Desired | None, arm: Arm | None) -> Packed:
    bundle = fetch_bundle(_blobs(state), digest)
    if desired is None or desired.model != bundle.model:
        return Packed(bundle)
    return Packed(
        bundle,
        version=0 if arm is None else arm.version,
        rules=desired.serving,
        entity=desired.entity,
        environment=desired.environment,
        revision=desired.revision,
        champion=arm is not None and arm.name == "champion",
        code=digest in desired.code,
    )
