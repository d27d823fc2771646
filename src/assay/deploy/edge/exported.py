"""An exported model, loaded once every file was checked against the manifest's digests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from assay.deploy.edge.deciding import Amounts, Choice, Refused
from assay.deploy.edge.door_check import DoorCheck, Rule
from assay.deploy.edge.feeding import Feed
from assay.deploy.edge.forecasting import forecaster

__all__ = ["Exported", "Unusable"]

_LARGEST = float(np.finfo(np.float32).max)


class Unusable(Exception):
    """An exported directory that may not be served, with what is wrong in its text."""


class Exported:
    """Answers rows as the version that was exported does on a gateway.

    Raises Unusable where a file is missing, was changed, or is not in the manifest; `digest` is
    that of the manifest itself, where the caller knows it.
    """

    def __init__(self, directory: Path, digest: str | None = None) -> None:
        files = _checked(directory, digest)
        told: dict[str, Any] = {
            name: json.loads(files[f"{name}.json"])
            for name in ("edge", "signature", "policy", "calibration", "door")
        }
        self.about: Mapping[str, Any] = told["edge"]
        self.inputs: list[dict[str, str]] = told["signature"]["inputs"]
        self.labels: list[str] = told["signature"]["labels"]
        self.classifies: bool = told["signature"]["task"] == "classification"
        self.also: list[str] = told["policy"]["also"]
        self.key = files["names.key"]
        self._policy = (Choice if self.classifies else Amounts)(told["policy"])
        self._forecast = forecaster(told["calibration"])
        self._door = DoorCheck([Rule.from_document(one) for one in told["door"]])
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        self._session = ort.InferenceSession(
            files["model.onnx"], options, providers=["CPUExecutionProvider"]
        )
        self._feed = Feed(self._session, [one["name"] for one in self.inputs])
        kinds = ("tensor(float)", "tensor(double)")
        self._output = next(o.name for o in self._session.get_outputs() if o.type in kinds)

    def answer(self, columns: Mapping[str, Any]) -> dict[str, list[Any]]:
        """Return lists by name: prediction, probability, decision, expected_value, score, flags.

        Columns are float64 with NaN, or object arrays of str with "". Raises Refused where the
        door refuses a row, or one cannot be scored or valued.
        """
        seen = self._door.check(columns)
        if seen.rejected:
            row, reason = min(seen.rejected.items())
            raise Refused(f"Row {row} is refused: {reason}.")
        columns, n = seen.columns, len(next(iter(columns.values())))
        raw = self._score(columns)
        forecast = self._forecast(raw, self._policy.stakes(columns, n))
        decision, value = self._policy.decide(forecast, columns, seen.referred)
        found = {
            "score": raw.tolist(),
            "prediction": raw.tolist(),
            "probability": [None] * n,
            "decision": decision,
            "expected_value": value.tolist(),
            "flags": _by_row(seen.flags, n),
        }
        if self.classifies:
            found["prediction"] = [self.labels[code] for code in forecast.argmax(axis=1)]
            found["probability"] = (forecast if len(self.labels) > 2 else forecast[:, -1]).tolist()
        return found

    def capture(
        self,
        columns: Mapping[str, Any],
        found: Mapping[str, list[Any]],
        ids: Sequence[str],
        entities: Sequence[str] | None,
        at: str,
    ) -> dict[str, Any]:
        """Return the record of answered rows, as a gateway writes it, without what may not stay."""
        about, own = self.about, ("score", "probability", "decision", "expected_value")
        names = ("model", "environment", "version", "bundle", "arm", "revision")
        shared = {name: about[name] for name in names} | {"at": at, "weight": 0.0}
        shared |= {"control_share": 0.0, "explored": False, "propensity": 1.0}
        each = {"id": list(ids)} | {name: found[name] for name in own}
        if entities is None or not about["keep_entity"]:
            shared["entity"] = None
        else:
            each["entity"] = list(entities)
        if any(found["flags"]):
            each["flags"] = found["flags"]
        inputs = {name: _listed(columns[name]) for name in columns if name in about["kept"]}
        return {"n": len(ids), "all": shared, "each": each, "inputs": inputs}

    def _score(self, columns: Mapping[str, Any]) -> Any:
        feed = self._feed({one["name"]: _tensor(one, columns) for one in self.inputs})
        try:  # the runtime's own errors share no class
            (raw,) = self._session.run([self._output], feed)
        except Exception as error:
            raise Refused(f"The model cannot score these rows: {error}.") from error
        answer = np.asarray(raw, dtype=np.float64).reshape(len(raw), -1)
        scores = answer if answer.shape[1] > 2 else answer[:, -1]
        if not np.isfinite(scores).all():
            raise Refused(
                "The model has no finite score for a row: a number may be too large, or missing "
                "where the model needs one."
            )
        return scores


def _checked(directory: Path, digest: str | None) -> dict[str, bytes]:
    """Read every file, and compare it with the digest that the manifest names."""
    raw = _read(directory / "MANIFEST.json", digest)
    try:
        manifest = json.loads(raw)
        named, form = dict(manifest["files"]), manifest["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise Unusable(
            f"MANIFEST.json does not read: {error!r}. Export the model again."
        ) from error
    if form != 2:
        raise Unusable(f"This export has format {form!r}; its runner reads 2. Export it again.")
    for name in named:
        if Path(name).name != name:
            raise Unusable(f"The manifest names {name!r}, which is no file of this directory.")
    return {name: _read(directory / name, expected) for name, expected in named.items()}


def _read(path: Path, expected: str | None) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Unusable(f"{path.name} cannot be read: {error}. Export the model again.") from error
    own = hashlib.sha256(content).hexdigest()
    if expected is not None and own != expected:
        raise Unusable(
            f"{path.name} is not what was exported: its digest is {own}, not {expected}. "
            "Export the model again."
        )
    return content


def _tensor(column: Mapping[str, str], columns: Mapping[str, Any]) -> Any:
    values = columns[column["name"]]
    if column["kind"] == "category":
        return values.reshape(-1, 1)
    if (np.abs(values) > _LARGEST).any():
        raise Refused(f"Column {column['name']} holds a number beyond what the model takes.")
    return values.astype(np.float32).reshape(-1, 1)


def _by_row(flags: Mapping[str, Any], n: int) -> list[list[str]]:
    said: list[list[str]] = [[] for _ in range(n)]
    for flag, rows in flags.items():
        for row in np.flatnonzero(rows).tolist():
            said[row].append(flag)
    return said


def _listed(values: Any) -> list[Any]:
    listed: list[Any] = values.tolist()
    return listed if values.dtype == object else [None if v != v else v for v in listed]  # noqa: PLR0124
