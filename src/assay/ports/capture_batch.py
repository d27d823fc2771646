"""What is kept of the rows that one arm answered at once: columns, not a record for each row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["CaptureBatch"]


@dataclass(frozen=True)
class CaptureBatch:
    """The predictions of `n` rows.

    `shared` is what all of them have alike (at, model, environment, version, bundle, arm, revision,
    weight, control_share; `shadow`: true where a copy was scored that answered nobody). `each` are
    lists of n: id, entity, score, probability, decision, expected_value, latency_ms, and
    explored and propensity where they are not alike; `flags`, names of what the door said, where
    it said something. `inputs` are lists of n by column, None where a value was missing.

    >>> batch = CaptureBatch(1, {"arm": "champion"}, {"id": ["a/0"]}, {"age": [40.0]})
    >>> list(batch.records())
    [{'arm': 'champion', 'id': 'a/0', 'inputs': {'age': 40.0}}]
    """

    n: int
    shared: Mapping[str, Any]
    each: Mapping[str, Sequence[Any]]
    inputs: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def also(self, name: str, values: Sequence[Any]) -> CaptureBatch:
        """Return the batch with one thing more that is known of each row."""
        return CaptureBatch(self.n, self.shared, {**self.each, name: values}, self.inputs)

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield one record for each row, as `ports/captures.py` describes them."""
        for row in range(self.n):
            record = dict(self.shared)
            record.update((name, values[row]) for name, values in self.each.items())
            record["inputs"] = {name: values[row] for name, values in self.inputs.items()}
            yield record

    def document(self) -> dict[str, Any]:
        """Return the batch as a JSON document."""
        return {"n": self.n, "all": self.shared, "each": self.each, "inputs": self.inputs}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> CaptureBatch:
        """Read a batch back.

        >>> batch = CaptureBatch(1, {}, {"id": ["a/0"]})
        >>> CaptureBatch.from_document(batch.document()) == batch
        True
        """
        return cls(document["n"], document["all"], document["each"], document["inputs"])
