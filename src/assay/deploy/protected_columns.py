"""What a capture may say of a person: columns that are kept, left out, or hashed under a key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Self

from assay.charter.serving import Capturing
from assay.ports.capture_batch import CaptureBatch

__all__ = ["Protection"]

_REMEMBERED = 65_536


class Protection:
    """What the charter's `serving.capture` does to a batch before any byte of it is made.

    A hash is BLAKE2b under the installation's key, 16 hexadecimal digits, of the column's name and
    the value: the same value of a column has the same hash wherever this installation writes it,
    whoever has no key cannot try out values, and a hash of one column says nothing of another. A
    value that is missing stays missing. `entity` is what the charter calls the entity's column.

    >>> rules = Capturing(protected={"age": "drop", "client": "hash"})
    >>> protection = Protection.of(rules, bytes(32), "client")
    >>> batch = CaptureBatch(1, {}, {"id": ["a/0"], "entity": ["7"]}, {"age": [40.0], "x": [1.0]})
    >>> safe = protection.applied(batch)
    >>> safe.inputs, safe.each["entity"]
    ({'x': [1.0]}, ['514ab6c853077297'])
    """

    def __init__(self, rules: Capturing, key: bytes, entity: str | None) -> None:
        self._withheld = rules.withheld
        self._all = rules.columns is None and not rules.protected
        self._key = key
        self._entity = None if entity is None else rules.protected.get(entity)
        self._entity_name = entity or ""
        self._hash = lru_cache(_REMEMBERED)(self._hashed_anew)

    @classmethod
    def of(cls, rules: Capturing, key: bytes, entity: str | None = None) -> Self:
        """Take the charter's rules, the installation's key, and the entity's column."""
        return cls(rules, key, entity)

    def applied(self, batch: CaptureBatch) -> CaptureBatch:
        """Return a batch without what may not be kept; the same one where all may be."""
        inputs = self._inputs(batch.inputs)
        if inputs is batch.inputs and self._entity is None:
            return batch
        return CaptureBatch(
            batch.n, self._with_entity(batch.shared), self._with_entities(batch.each), inputs
        )

    def hashed(self, column: str, value: Any) -> str | None:
        """Return what stands for a value; None for one that is missing.

        A whole number is the same written as text, with and without a fraction.
        """
        text = _text(value)
        return None if text is None else self._hash(column, text)

    def originals(self, column: str, values: Iterable[Any]) -> dict[str, Any]:
        """Return which of some known values, as the categories of a reference, each hash is of.

        >>> protection = Protection.of(Capturing(protected={"sex": "hash"}), bytes(32))
        >>> protection.originals("sex", ["f", "m"])[str(protection.hashed("sex", "m"))]
        'm'
        """
        found = ((self.hashed(column, value), value) for value in values)
        return {digest: value for digest, value in found if digest is not None}

    def _inputs(self, inputs: Mapping[str, Sequence[Any]]) -> Mapping[str, Sequence[Any]]:
        if self._all:
            return inputs
        safe: dict[str, Sequence[Any]] = {}
        for name, values in inputs.items():
            how = self._withheld(name)
            if how == "hash":
                safe[name] = [self.hashed(name, value) for value in values]
            elif how is None:
                safe[name] = values
        return safe

    def _with_entities(self, each: Mapping[str, Sequence[Any]]) -> Mapping[str, Sequence[Any]]:
        if self._entity is None or "entity" not in each:
            return each
        if self._entity == "drop":
            return {**each, "entity": [None] * len(each["entity"])}
        return {**each, "entity": [self.hashed(self._entity_name, one) for one in each["entity"]]}

    def _with_entity(self, shared: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._entity is None or "entity" not in shared:
            return shared
        how, value = self._entity, shared["entity"]
        safe = None if how == "drop" else self.hashed(self._entity_name, value)
        return {**shared, "entity": safe}

    def _hashed_anew(self, column: str, text: str) -> str:
        content = f"{column}\0{text}".encode("utf-8", "replace")
        return hashlib.blake2b(content, key=self._key, digest_size=8).hexdigest()


def _text(value: Any) -> str | None:
    """Return a value as it is hashed; None where it is missing."""
    if value is None or value == "" or value != value:  # noqa: PLR0124 - NaN
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
