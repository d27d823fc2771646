"""The bundle: the self-contained, digested artefact that a gateway loads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from assay.errors import ModelError
from assay.evidence.digest import canonical_bytes, digest_bytes

__all__ = ["BUNDLE_FORMAT", "MODEL_FILES", "Bundle", "Input", "Signature"]

BUNDLE_FORMAT = 1
"""Raise it when a file's meaning changes, and teach `Bundle.read` the step from the old one."""

MODEL_FILES = ("model.onnx", "model.skops", "model.pyfunc.zip")
"""The names of the file that holds a bundle's model: compiled, or packaged as it is."""


class Input(msgspec.Struct, frozen=True):
    """One input column: a number (float64, NaN where missing) or a category (text, "" where so)."""

    name: str
    kind: Literal["number", "category"]


class Signature(msgspec.Struct, frozen=True):
    """What the model takes and what it answers.

    `labels` are the outcomes in the order of the probabilities (negative first in the binary
    case; empty in regression), `actions` the actions in the order of the payoff table.
    """

    task: Literal["classification", "regression"]
    inputs: tuple[Input, ...]
    labels: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bundle:
    """The files of one model version, by name, and what they were made from.

    Files: the model (one of `MODEL_FILES`), `signature.json`, `policy.json` (policy and payoffs),
    `calibration.json`, `reference.json` (profiles of held-out windows).
    `origin` holds digests only (charter sections, data, code, environment) and the seed: no
    clock and no path, so that the same input and seed give the same digest.
    """

    model: str
    files: Mapping[str, bytes]
    origin: Mapping[str, Any]

    @property
    def model_file(self) -> str:
        """The name of the file that holds the model; ModelError where none or several do."""
        found = [name for name in MODEL_FILES if name in self.files]
        if len(found) != 1:
            raise ModelError(
                f"The bundle {self.digest} holds {' and '.join(found) or 'no model'}, and one of "
                f"{', '.join(MODEL_FILES)} is needed. Build the model again."
            )
        return found[0]

    @property
    def model_bytes(self) -> bytes:
        """The bytes of the file that holds the model."""
        return self.files[self.model_file]

    def manifest(self) -> bytes:
        """Return the bytes that name every file by its digest."""
        return canonical_bytes(
            {
                "format": BUNDLE_FORMAT,
                "model": self.model,
                "files": {name: digest_bytes(raw) for name, raw in sorted(self.files.items())},
                "origin": dict(self.origin),
            }
        )

    @property
    def digest(self) -> str:
        """The SHA-256 of the manifest: the name of the bundle."""
        return digest_bytes(self.manifest())
