"""The charter: one typed, versioned contract of a use case."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from typing import Any, Literal

from pydantic import Field, PrivateAttr

from assay.charter.data import Data
from assay.charter.environments import PRODUCTION, Environment
from assay.charter.limits import Guardrail, Limit
from assay.charter.monitoring import Monitoring
from assay.charter.people import People
from assay.charter.problem import Problem, Strategy
from assay.charter.release import Release
from assay.charter.response import Response
from assay.charter.risk import Risk
from assay.charter.section import Name, Section, Text
from assay.charter.serving import Serving
from assay.charter.value import ValueModel
from assay.errors import InputError, did_you_mean

__all__ = ["PLACEHOLDER", "SIGNED_SECTIONS", "Build", "Charter", "Family"]

SIGNED_SECTIONS = (
    "data",
    "value",
    "acceptance",
    "guardrails",
    "risk",
    "release",
    "serving",
    "environments",
    "build",
)
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
    serving: Serving = Serving()
    environments: dict[Name, Environment] = Field(
        default_factory=dict, description="Places with a policy of their own, by name."
    )
    monitoring: Monitoring = Monitoring()
    response: Response = Response()
    _agreed: Charter | None = PrivateAttr(default=None)
    _environment: str = PrivateAttr(default=PRODUCTION)

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
        if dict(then) == dict(agreed) and self.environment == PRODUCTION:
            return agreed
        then._agreed = agreed  # noqa: SLF001 - our own copy
        return then

    def within(self, environment: str) -> Charter:
        """Return the charter as it holds in an environment: its own way of releasing is put in.

        Its digests stay those of what was agreed. InputError where no such environment is named.
        """
        known = list(dict.fromkeys((*self.environments, PRODUCTION)))
        if environment not in known:
            near = did_you_mean(environment, known) or f"the charter knows {', '.join(known)}"
            raise InputError(
                f"{self.name} has no environment {environment!r}: {near}. Name one of them, or add "
                "it to `environments`."
            )
        if environment == self.environment and environment not in self.environments:
            return self
        own = self.environments.get(environment, Environment())
        fields = {name: getattr(own, name) for name in ("strategy", "steps", "capture")}
        given = {name: value for name, value in fields.items() if value is not None}
        there = self.model_copy(update={"release": self.agreed.release.model_copy(update=given)})
        there._agreed = self.agreed  # noqa: SLF001 - our own copy
        there._environment = environment  # noqa: SLF001 - our own copy
        return there

    @property
    def environment(self) -> str:
        """The environment that the charter is read for."""
        return self._environment

    @property
    def place(self) -> Environment:
        """The policy of the environment that the charter is read for."""
        return self.environments.get(self.environment, Environment())

    @property
    def agreed(self) -> Charter:
        """The charter as it is written, whatever day it is."""
        return self._agreed or self

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of each section as it was agreed, by name.

        That of `release` is the same whatever its `freeze` says: a freeze only ever holds back, so
        that it can be set and lifted without anybody's signature being void.
        """
        sections: dict[str, Any] = self.agreed.model_dump(mode="json", by_alias=True)
        sections["release"]["freeze"] = []
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
