"""Taking in a finished model: parse, audit, construct, in that order."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import joblib
import skops.io

from assay.build.built import Permitted
from assay.build.first_line import first_line
from assay.build.mlflow_folder import columns_read, in_mlflow_folder, unreadable, zipped
from assay.charter.charter import Charter
from assay.charter.people import Role
from assay.errors import MissingLibrary, ModelError
from assay.evidence.digest import digest_bytes
from assay.evidence.uncompiled import AUDITED

__all__ = ["Taken", "permission_wanted", "take_in"]

_SCHEMES = ("models:", "runs:", "mlflow-artifacts:", "s3:", "gs:", "http:", "https:", "dbfs:")

_MLFLOW = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
}
"""Settings of MLflow where a person gave none; its own would wait minutes for a dead server."""


@dataclass(frozen=True)
class Taken:
    """A model that was read: one of the three, the digest of its file, permissions.

    It is ONNX bytes, an estimator, or the zip of an MLflow folder of which only the Python function
    can be called; then `reads` are the columns that it says it takes, None where it says nothing.
    """

    name: str
    digest: str
    onnx: bytes | None = None
    estimator: Any = None
    pyfunc: bytes | None = None
    reads: tuple[str, ...] | None = None
    permitted: tuple[Permitted, ...] = ()

    @property
    def allowed_by(self) -> str | None:
        """The person in whose name code that nobody could audit was run."""
        return self.permitted[0].by if self.permitted else None


def take_in(model: str, charter: Charter, allow_pickle: str | None = None) -> Taken:
    """Read a model from a file (`.onnx`, `.skops`, a pickle) or an MLflow folder or URI.

    An MLflow model of another flavor than ONNX and scikit-learn is taken by its Python function.
    It and a pickle run any code that their author put into them, so they are read only where a
    person named in the charter (`allow_pickle`) says so, and that goes into the ledger. Raises
    ModelError with the way out where the model cannot be taken in.
    """
    path = _located(model)
    if path.is_dir():
        return _pyfunc(path, charter, allow_pickle)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ModelError(
            f"{path} ends in {path.suffix or 'no suffix'}; models are read from "
            f"{', '.join(_READERS)}. Export the model to ONNX or skops."
        )
    return reader(path, _content(path), charter, allow_pickle)


def permission_wanted(model: str, allow_pickle: str | None, charter: Charter) -> Permitted | None:
    """Return what `take_in` will do by a person's permission, without running anything.

    It is for the ledger, before the pickle runs. None where the model is no pickle or nobody
    allows one. Raises ModelError where there is no model, or the person is not in the charter.
    """
    path = _located(model)
    pickled = path.is_dir() or _READERS.get(path.suffix.lower()) is _pickle
    if allow_pickle is None or not pickled:
        return None
    _named(allow_pickle, charter)
    content = zipped(path) if path.is_dir() else _content(path)
    return _permission(path, digest_bytes(content), allow_pickle)


def _permission(path: Path, digest: str, person: str) -> Permitted:
    what = "run the MLflow model" if path.is_dir() else "read the pickle"
    return Permitted(
        what=f"{what} {path.name} with SHA-256 {digest}",
        why="it was submitted as a finished model",
        by=person,
    )


def _located(model: str) -> Path:
    """Return the model's file, or its folder where only its Python function can be called.

    MLflow brings it where it is named by a URI.
    """
    path = _fetched(model) if model.startswith(_SCHEMES) else Path(model)
    if path.is_dir():
        path = in_mlflow_folder(path)
    if not path.exists():
        raise ModelError(
            f"There is no model at {model}. Give an .onnx or .skops file, an MLflow model folder, "
            "or an MLflow URI such as models:/name/1."
        )
    return path


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if not content:
        raise ModelError(f"The model file {path} is empty: 0 bytes. Export the model again.")
    return content


def _onnx(path: Path, content: bytes, charter: Charter, allow_pickle: str | None) -> Taken:
    del charter, allow_pickle
    return Taken(path.name, digest_bytes(content), onnx=content)


def _skops(path: Path, content: bytes, charter: Charter, allow_pickle: str | None) -> Taken:
    del charter, allow_pickle
    try:
        strange = sorted(set(skops.io.get_untrusted_types(data=content)) - AUDITED)
    except Exception as error:
        raise unreadable(path, "skops file", error) from error
    if strange:
        raise ModelError(
            f"{path.name} holds types that skops does not know to be safe: "
            f"{', '.join(strange[:5])}{', …' if len(strange) > 5 else ''}. Export the model to "
            "ONNX instead, which holds no code."
        )
    try:
        estimator = skops.io.loads(content, trusted=sorted(AUDITED))
    except Exception as error:
        raise unreadable(path, "skops file", error) from error
    _predicts(estimator, path, "skops file")
    return Taken(path.name, digest_bytes(content), estimator=estimator)


def _pickle(path: Path, content: bytes, charter: Charter, allow_pickle: str | None) -> Taken:
    digest = digest_bytes(content)
    if allow_pickle is None:
        raise ModelError(
            f"{path.name} is a pickle, which can run any code when it is read. Export the model to "
            "ONNX or skops; or, if you trust its author, name who allows it with --allow-pickle, "
            "which goes into the ledger."
        )
    _named(allow_pickle, charter)
    try:
        estimator = (
            joblib.load(io.BytesIO(content))
            if path.suffix.lower() == ".joblib"
            else pickle.loads(content)  # noqa: S301 - a named person allowed it, and it is recorded
        )
    except Exception as error:
        raise unreadable(path, "pickle", error) from error
    _predicts(estimator, path, "pickle")
    permitted = _permission(path, digest, allow_pickle)
    return Taken(path.name, digest, estimator=estimator, permitted=(permitted,))


def _pyfunc(folder: Path, charter: Charter, allow_pickle: str | None) -> Taken:
    """Take an MLflow folder as it is; its code does not run here."""
    content = zipped(folder)
    if allow_pickle is None:
        raise ModelError(
            f"{folder.name} is an MLflow model of which only the Python function can be called, "
            "and that can run any code. Log it with the flavor onnx or sklearn; or, if you trust "
            "its author, name who allows it with --allow-pickle, which goes into the ledger."
        )
    _named(allow_pickle, charter)
    digest = digest_bytes(content)
    permitted = _permission(folder, digest, allow_pickle)
    return Taken(
        folder.name, digest, pyfunc=content, reads=columns_read(folder), permitted=(permitted,)
    )


def _predicts(given: object, path: Path, what: str) -> None:
    if not callable(getattr(given, "predict", None)):
        raise ModelError(
            f"{path.name}: this {what} holds a {type(given).__name__}, no estimator: it has no "
            "`predict`. Save the fitted estimator itself."
        )


_READERS: Mapping[str, Callable[[Path, bytes, Charter, str | None], Taken]] = {
    ".onnx": _onnx,
    ".skops": _skops,
    ".pkl": _pickle,
    ".pickle": _pickle,
    ".joblib": _pickle,
}


def _named(person: str, charter: Charter) -> None:
    people = {name for role in Role for name in charter.people.holders(role)}
    if not charter.people.solo and person not in people:
        raise ModelError(
            f"{person} is not named in the charter's people, and only they can allow a pickle: "
            f"{', '.join(sorted(people)) or 'nobody is named'}."
        )


def _fetched(uri: str) -> Path:
    """Bring an MLflow model's files here; MLflow is imported only now, and reports nothing."""
    _require_server(uri)
    for name, setting in _MLFLOW.items():
        os.environ.setdefault(name, setting)
    try:
        artifacts = import_module("mlflow.artifacts")
    except ModuleNotFoundError as error:
        raise MissingLibrary("mlflow-skinny", "tracking") from error
    try:
        return Path(artifacts.download_artifacts(artifact_uri=uri))
    except Exception as error:
        raise ModelError(
            f"MLflow cannot bring the model {uri}: {first_line(error)}. Check the URI and "
            "MLFLOW_TRACKING_URI."
        ) from error


def _require_server(uri: str) -> None:
    """Raise ModelError for a URI that MLflow would answer from an empty database made here."""
    if uri.startswith(("http:", "https:")):
        raise ModelError(
            f"{uri} is an address on the web, and models are not downloaded from there. Download "
            "the file first and give its path."
        )
    servers = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
    if uri.startswith(("models:", "runs:")) and not any(os.environ.get(name) for name in servers):
        raise ModelError(
            f"{uri} names a model of an MLflow server, and neither {' nor '.join(servers)} says "
            "which. Set MLFLOW_TRACKING_URI to the server's address, or give a model file or an "
            "MLflow model folder."
        )
