"""Limits on measured numbers: what a model must reach, and what must hold."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from assay.charter.section import Section, Text

__all__ = ["Guardrail", "Limit"]


class Limit(Section):
    """At least this, at most that, or both.

    >>> Limit(at_least=0.8).holds(0.9), Limit(at_most=0.1).holds(0.2)
    (True, False)
    """

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Limit:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give `at_least` or `at_most`")
        return self

    def holds(self, measured: float) -> bool:
        """Whether a measured number keeps the limit; a number that is not finite never does."""
        low = float("-inf") if self.at_least is None else self.at_least
        high = float("inf") if self.at_most is None else self.at_most
        return low <= measured <= high and abs(measured) != float("inf")

    def __str__(self) -> str:
        parts = [
            f"{word} {bound:g}"
            for word, bound in (("at least", self.at_least), ("at most", self.at_most))
            if bound is not None
        ]
        return " and ".join(parts)


class Guardrail(Limit):
    """A named limit on behaviour; `block` closes the gate, `warn` only shows."""

    metric: Text
    column: Text | None = Field(default=None, description="The sensitive column, for fairness.")
    severity: Literal["block", "warn"] = "block"

    @property
    def label(self) -> str:
        """The metric with its column, as pages show it."""
        return self.metric if self.column is None else f"{self.metric} by {self.column}"
