"""What was measured of a window as bytes that can be kept, and back."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import msgspec
import numpy as np

from assay.charter.limits import Guardrail
from assay.monitor.drift import Drift
from assay.monitor.live_guardrails import LiveGuardrail
from assay.monitor.measured import Measured
from assay.monitor.performance_findings import Performance
from assay.monitor.schema_drift import SchemaChange
from assay.monitor.segments import SegmentValue
from assay.monitor.selective import Selective
from assay.monitor.service import ServiceTally
from assay.monitor.track_record import Gap
from assay.monitor.value import Expected, Realised
from assay.stats.estimate import Estimate
from assay.stats.profile import Profile

__all__ = [
    "READING_FORMAT",
    "Kept",
    "kept_reading",
    "read_profile",
    "read_reading",
    "swept_reading",
]

READING_FORMAT = 4
"""Raise it when what is measured, or how, changes: older readings are then made anew."""


@dataclass(frozen=True)
class _Reading:
    """The fields of `Measured` without its profile, and what they were made from."""

    made_from: str
    seen: str
    swept: bool
    n: int
    drift: Drift
    expected: Expected
    realised: Realised | None
    gaps: Mapping[str, Gap]
    entities: tuple[str, ...] | None
    reading: str
    segments: tuple[SegmentValue, ...]
    performance: Performance | None
    schema: tuple[SchemaChange, ...]
    guardrails: tuple[LiveGuardrail, ...]
    service: ServiceTally
    mix: Estimate | None = None
    by_chance: Selective | None = None


@dataclass(frozen=True, eq=False)
class Kept:
    """What was measured, what it was made from in words, and a digest of its profile.

    `swept` says that its drift was judged together with that of other models.
    """

    made_from: str
    seen: str
    swept: bool
    measured: Measured


def _plain(value: Any) -> Any:
    """Return numbers and arrays of numpy as the plain ones that documents hold."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Guardrail):
        return value.model_dump(mode="json", by_alias=True)
    raise NotImplementedError(f"a {type(value).__name__} cannot be kept")


def _read_section(kind: type, value: Any) -> Any:
    """Read a section of the charter back."""
    if kind is Guardrail:
        return Guardrail.model_validate(value)
    raise NotImplementedError(f"a {kind.__name__} is not kept")


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_plain)


def kept_reading(measured: Measured, made_from: str, *, swept: bool = False) -> tuple[bytes, bytes]:
    """Return a window's profile and its reading as bytes. Raises ValueError without a profile."""
    if measured.profile is None:
        raise ValueError("only what was measured just now can be kept")
    held = {one.name: getattr(measured, one.name) for one in fields(measured)}
    del held["profile"]
    if measured.entities is not None:
        held["entities"] = tuple(measured.entities.tolist())
    profile = zlib.compress(_ENCODER.encode(measured.profile.document()), 1)
    said = {"made_from": f"{READING_FORMAT}/{made_from}", "seen": f"{zlib.crc32(profile):08x}"}
    return profile, _ENCODER.encode({**held, **said, "swept": swept})


def swept_reading(content: bytes, drift: Drift) -> bytes:
    """Return a reading with its drift as it was judged beside other models."""
    return _ENCODER.encode({**msgspec.msgpack.decode(content), "drift": drift, "swept": True})


def read_reading(content: bytes) -> Kept | None:
    """Read back what was measured, without its profile; None where another format wrote it."""
    try:
        raw = msgspec.msgpack.decode(content)
        written, _, made_from = str(raw["made_from"]).partition("/")
        if written != str(READING_FORMAT):
            return None
        reading = msgspec.convert(raw, _Reading, dec_hook=_read_section)
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError):
        return None
    held: dict[str, Any] = {one.name: getattr(reading, one.name) for one in fields(reading)}
    del held["made_from"], held["seen"], held["swept"]
    if reading.entities is not None:
        held["entities"] = np.array(reading.entities)
    return Kept(made_from, reading.seen, reading.swept, Measured(profile=None, **held))


def read_profile(content: bytes | None) -> Profile | None:
    """Read a profile back; None where there is none, or one of another format."""
    if content is None:
        return None
    try:
        return Profile.from_document(msgspec.msgpack.decode(zlib.decompress(content)))
    except (ValueError, KeyError, TypeError, zlib.error):
        return None
