"""An estimator packaged as it is, by skops, for want of a compiled form."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
import skops.io

from assay.build.first_line import first_line
from assay.build.parity import Engines
from assay.build.raw_scores import Places
from assay.errors import DataError, ModelError
from assay.evidence.bundle import Input
from assay.evidence.uncompiled import AUDITED, Uncompiled, with_description
from assay.ports.engine import Columns, Engine, Floats

__all__ = ["AsItIs", "compiled_else", "reason"]

_NEAR = 1e-6


@dataclass(frozen=True)
class AsItIs:
    """A fitted estimator, the columns it takes and reads, and who allowed code of its own.

    `places` says where its probabilities hold the outcomes; `trained` returns its raw scores, and
    `sample` are rows on which the packaged model is compared with it.
    """

    estimator: Any
    inputs: tuple[Input, ...]
    features: tuple[str, ...]
    task: Literal["classification", "regression"]
    places: Places
    trained: Callable[[Columns], Floats]
    sample: Columns
    permitted: str | None = None

    def packaged(self, why: str, engines: Engines) -> tuple[bytes, Engine]:
        """Return the model's bytes and its engine: the same estimator gives the same bytes.

        Rows are fed in parts where that answers as the estimator does, else as a frame, which is
        slower. `why` tells why it is not compiled. Raises ModelError where the estimator
        holds types that nobody audited, or cannot be run.
        """
        content, trusted = _dumped(self.estimator, self.permitted)
        uncompiled = Uncompiled(
            kind="skops",
            task=self.task,
            features=self.features,
            places=tuple(self.places),
            trusted=trusted,
            permitted=self.permitted,
            why=why,
        )
        return self._fed(content, uncompiled, engines)

    def _fed(
        self, content: bytes, uncompiled: Uncompiled, engines: Engines
    ) -> tuple[bytes, Engine]:
        in_parts = with_description(content, msgspec.structs.replace(uncompiled, feed="parts"))
        try:
            engine = engines(in_parts, self.inputs)
            near = _NEAR * (1.0 + np.abs(expected := self.trained(self.sample)))
            if (np.abs(engine.score(self.sample) - expected) <= near).all():
                return in_parts, engine
        except (DataError, ModelError):
            pass  # a frame it is
        as_frame = with_description(content, uncompiled)
        return as_frame, engines(as_frame, self.inputs)


def reason(error: ModelError) -> str:
    """Return why a model could not be compiled: the first sentence of what was said of it.

    >>> reason(ModelError("Thing cannot be converted: no way. Use another."))
    'Thing cannot be converted: no way'
    """
    return re.split(r"\.\s", str(error), maxsplit=1)[0].rstrip(".")


def _dumped(estimator: Any, permitted: str | None) -> tuple[bytes, tuple[str, ...]]:
    """Return a skops file of an estimator, and the types beyond skops' own list that it holds."""
    try:
        content = _steady(skops.io.dumps(estimator))
        trusted = tuple(sorted(skops.io.get_untrusted_types(data=content)))
    except Exception as error:
        raise ModelError(
            f"{type(estimator).__name__} cannot be written by skops: {first_line(error)}. Use "
            "estimators of scikit-learn, or functions that a module defines."
        ) from error
    strange = sorted(set(trusted) - AUDITED)
    if strange and permitted is None:
        raise ModelError(
            f"{type(estimator).__name__} holds types that nobody audited: "
            f"{', '.join(strange[:5])}{', …' if len(strange) > 5 else ''}. Use estimators that "
            "skops knows, or submit a pickle of it with --allow-pickle and the name of who trusts "
            "it."
        )
    return content, trusted


def _steady(content: bytes) -> bytes:
    """Return a skops file whose bytes hang on what it holds alone.

    skops names objects and files by where they lay in memory; here they are numbered as they come.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as given:
        members = {name: given.read(name) for name in given.namelist()}
    schema = members.pop("schema.json").decode("utf-8")
    places: dict[str, str] = {}

    def numbered(found: re.Match[str]) -> str:
        place = places.setdefault(found[2], str(len(places) + 1))
        return f"{found[1]}{place}{found[3]}"

    schema = re.sub(r'("__id__": )(\d+)()', numbered, schema)
    schema = re.sub(r'("file": ")(\d+)(\.\w+")', numbered, schema)
    named = {re.sub(r"()(\d+)()", numbered, name, count=1): raw for name, raw in members.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as written:
        for name, raw in {**named, "schema.json": schema.encode()}.items():
            written.writestr(zipfile.ZipInfo(name), raw)
    return out.getvalue()


def compiled_else(
    compiled: Callable[[], bytes], whole: AsItIs, inputs: Sequence[Input], engines: Engines
) -> tuple[bytes, Engine]:
    """Return the compiled model's bytes and engine; where there is none, those of it as it is.

    Raises ModelError with both reasons where it can be neither.
    """
    try:
        content = compiled()
        return content, engines(content, inputs)
    except ModelError as error:
        try:
            return whole.packaged(reason(error), engines)
        except ModelError as also:
            raise ModelError(f"{error} Nor can it be packaged as it is: {also}") from error
