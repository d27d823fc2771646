"""How many predictions could not be written, until the log can say so itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from assay.adapters.capture_lines import record_line
from assay.ports.capture_batch import CaptureBatch
from assay.ports.captures import Record, is_answer

__all__ = ["Encoded", "LostCaptures"]


@dataclass(frozen=True)
class Encoded:
    """Records as lines, and how many predictions of each model they are."""

    lines: bytes
    answers: Counter[str]

    @classmethod
    def of(cls, records: Sequence[Record]) -> Self:
        """Encode records.

        >>> Encoded.of([{"id": "a/0", "model": "bank"}]).answers
        Counter({'bank': 1})
        """
        answers = Counter(str(one.get("model", "")) for one in records if is_answer(one))
        return cls(b"".join(map(record_line, records)), answers)


class LostCaptures:
    """Counts by model, for the failure records that are written when the disk is back.

    >>> lost = LostCaptures()
    >>> lost.count([CaptureBatch(2, {"model": "bank"}, {"id": ["a/0", "a/1"]})], "the disk is full")
    >>> (line,) = lost.lines()
    >>> b'"model":"bank","failed":true,"capture_lost":2,"why":"the disk is full"' in line
    True
    >>> lost.written(); lost.lines(), lost.total
    ([], 2)
    """

    def __init__(self) -> None:
        self.total = 0
        self._of: dict[str, dict[str, Any]] = {}
        self._said: dict[str, int] = {}

    def count(self, parts: Sequence[CaptureBatch | Encoded], why: str) -> None:
        """Count the predictions that are lost; copies in shadow answered nobody."""
        found: Counter[str] = Counter()
        for part in parts:
            if isinstance(part, Encoded):
                found += part.answers
            elif not part.shared.get("shadow"):
                found[str(part.shared.get("model", ""))] += part.n
        for model, n in found.items():
            self._add(model, n, why)

    def lines(self) -> list[bytes]:
        """Return a failure record for each model that lost some; it is of now, when it can be."""
        now = _now()
        self._said = {model: one["capture_lost"] for model, one in self._of.items()}
        return [record_line({"at": now, **one}) for one in self._of.values()]

    def written(self) -> None:
        """Forget what `lines` returned last: it is on disk."""
        for model, n in self._said.items():
            self._of[model]["capture_lost"] -= n
            if not self._of[model]["capture_lost"]:
                del self._of[model]

    def _add(self, model: str, n: int, why: str) -> None:
        known = self._of.setdefault(
            model, {"model": model, "failed": True, "capture_lost": 0, "why": why, "since": _now()}
        )
        known["capture_lost"] += n
        known["why"] = why
        self.total += n


def _now() -> str:
    return datetime.now(UTC).isoformat()
