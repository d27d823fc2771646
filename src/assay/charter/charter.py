"""The charter: one typed, versioned contract of a use case."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from typing import Any, Literal

from pydantic import Field, PrivateAttr

from assay.charter.data import Data
from assay.charter.limits import Guardrail, Limit
from assay.charter.monitoring import Monitoring
from assay.charter.people import People
from assay.charter.problem import Problem, Strategy
from assay.charter.release import Release
from assay.charter.response import Response
from assay.charter.risk import Risk
from assay.charter.section import Name, Section, Text
from assay.charter.value import ValueModel

__all__ = ["PLACEHOLDER", "SIGNED_SECTIONS", "Build", "Charter", "Family"]

SIGNED_SECTIONS = ("data", "value", "acceptance", "guardrails", "risk", "release", "build")
"""The sections that a sign-off on a model version rests on: changing another voids nothing."""


PLACEHOLDER = "TODO"
"""What a text begins with that somebody still has to write."""

Family = Literal["linear", "lightgbm", "hist_gradient_boosting"]
"""A kind of model that the search knows how to make."""


class Build(Section):
    """How a model is found: by search, or by the user's own `train` function."""

    train: str | None = Field(
        default=None,
        pattern=r"^[\w.]+:\w+$",
        description="`module:function` beside the charter; gets frames, returns an estimator.",
    )
    families: tuple[Family, ...] = (
        "linear",
        "lightgbm",
        "hist_gradient_boosting",
    )
    trials: int = Field(default=12, gt=0, description="Models tried by the search.")
    folds: int = Field(default=4, ge=2, le=20)
    test_share: float = Field(default=0.25, gt=0, lt=0.9)
    seed: int = 7


class Charter(Section):
    """What was promised: problem, value, boundaries, guardrails, people, data and policies."""

    name: Name
    title: Text
    problem: Problem
    strategy: Strategy
    people: People
    data: Data
    value: ValueModel
    acceptance: dict[Text, Limit] = Field(default_factory=dict)
    guardrails: tuple[Guardrail, ...] = ()
    risk: Risk
    build: Build = Build()
    release: Release = Release()
    monitoring: Monitoring = Monitoring()
    response: Response = Response()
    _agreed: Charter | None = PrivateAttr(default=None)

    @property
    def task(self) -> Literal["classification", "regression"]:
        """What kind of model the value model needs."""
        return self.value.task

    def on(self, day: date) -> Charter:
        """Return the charter as it holds on a day: agreed changes of payoffs and costs are made.

        Its digests stay those of what was agreed, changes included: what rests on it is not void
        because a day came that everybody signed for. A later call starts from what was agreed too.
        """
        agreed = self.agreed
        value = agreed.value.at(day)
        if value == self.value:
            return self
        then = self.model_copy(update={"value": value})
        if dict(then) == dict(agreed):
            return agreed
        then._agreed = agreed  # noqa: SLF001 - our own copy
        return then

    @property
    def agreed(self) -> Charter:
        """The charter as it is written, whatever day it is."""
        return self._agreed or self

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of each section as it was agreed, by name."""
        sections: dict[str, Any] = self.agreed.model_dump(mode="json", by_alias=True)
        return {name: _digest(section) for name, section in sections.items()}

    @property
    def placeholders(self) -> tuple[str, ...]:
        """Where the charter still says TODO, as paths: nobody can promise that."""
        return tuple(_todo(self.model_dump(mode="json", by_alias=True), ""))

    @property
    def digest(self) -> str:
        """The SHA-256 of the whole charter as it was agreed."""
        return _digest(self.agreed.model_dump(mode="json", by_alias=True))


def _todo(document: Any, path: str) -> Iterator[str]:
    if isinstance(document, str) and document.startswith(PLACEHOLDER):
        yield path
    parts = document.items() if isinstance(document, dict) else ()
    for name, part in parts or enumerate(document if isinstance(document, list) else ()):
        yield from _todo(part, f"{path}.{name}" if path else str(name))


def _digest(document: Any) -> str:
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
