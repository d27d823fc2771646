"""What the interface takes and tells, as types."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    StringConstraints,
)

from assay.charter.environments import PRODUCTION

__all__ = [
    "Acted",
    "AgentSeen",
    "AlertTold",
    "BlobKept",
    "CapturesTaken",
    "CharterGiven",
    "CharterTold",
    "EnvironmentTold",
    "EvidenceTold",
    "FleetTold",
    "GateTold",
    "Health",
    "LiveTold",
    "ModelId",
    "ModelTold",
    "OutcomeGiven",
    "OutcomesGiven",
    "OutcomesTold",
    "Place",
    "Problem",
    "ReleaseAsked",
    "ReleaseTold",
    "SignOffAsked",
    "SignOffTold",
    "StepTold",
    "TokenAsked",
    "TokenMade",
    "TokenTold",
    "VersionNumber",
    "VersionTold",
    "WaiverAsked",
    "WaiverTold",
    "Words",
    "plain",
]


def _printable(text: str) -> str:
    if any(not (one.isprintable() or one in "\n\t") for one in text):
        raise ValueError("it holds characters that cannot be shown")
    return text


Words = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=2000), AfterValidator(_printable)
]
Named = Annotated[Words, Field(min_length=1, max_length=200)]
ModelId = Annotated[str, Path(description="The model's name.", max_length=200)]
VersionNumber = Annotated[int, Path(description="The version's number.", ge=1, le=1_000_000_000)]
Place = Annotated[str, Query(description="The environment.", max_length=200)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """What was wrong, and what to do."""

    error: str


class Health(BaseModel):
    """Whether the server works, and whether it is the one that acts."""

    status: Literal["ok"]
    version: str
    leads: bool
    revision: int = Field(description="The fleet's revision in production.")


class LiveTold(BaseModel):
    """A version that serves or is tried."""

    version: int
    bundle: str


class StepTold(BaseModel):
    """One step of a release."""

    what: str
    version: int
    weight: float
    reason: str
    at: datetime
    revision: int
    evidence: Mapping[str, str]


class ReleaseTold(BaseModel):
    """How the release stands in an environment."""

    model: str
    environment: str
    revision: int
    champion: LiveTold | None
    challenger: LiveTold | None
    weight: float
    strategy: str
    paused: bool
    baseline: str
    history: list[StepTold]


class ModelTold(BaseModel):
    """Where a use case stands."""

    name: str
    title: str
    newest: int | None
    gate_open: bool | None
    champion: int | None
    challenger: int | None
    alerts: int
    next: str


class CharterGiven(_Asked):
    """A charter that takes the place of the one that holds."""

    yaml: str = Field(max_length=1_000_000)


class CharterTold(BaseModel):
    """The charter that holds, and the versions that were submitted."""

    name: str
    digest: str
    yaml: str
    versions: list[dict[str, Any]]


class SignOffTold(BaseModel):
    """A person's yes to a version."""

    person: str
    role: str
    subject_digest: str
    at: datetime
    note: str
    holds: bool = Field(description="Whether it is on the version as it is under the charter now.")


class WaiverTold(BaseModel):
    """A failed check that somebody let pass for a time."""

    check: str
    person: str
    role: str
    reason: str
    expires: datetime


class VersionTold(BaseModel):
    """One registered version."""

    model: str
    version: int
    bundle: str
    digest: str = Field(description="What people sign: the version under the charter as it is now.")
    registered_at: datetime | None
    evidence: list[str]
    sign_offs: list[SignOffTold]
    waivers: list[WaiverTold]


class EvidenceTold(BaseModel):
    """A piece of evidence."""

    digest: str
    kind: str
    passed: bool
    at: datetime
    document: dict[str, Any] | None = Field(description="None where its blob is lost.")


class GateTold(BaseModel):
    """What the gate says."""

    subject: str
    subject_digest: str
    open: bool
    reasons: list[str]
    waived: list[str]
    notes: list[str]


class SignOffAsked(_Asked):
    """A sign-off by the token's person, in a role that the charter gives them."""

    role: Named
    note: Words = ""


class WaiverAsked(_Asked):
    """A waiver by the token's person."""

    check: Named
    role: Named
    reason: Named
    days: int = Field(default=30, ge=1, le=365)


class ReleaseAsked(_Asked):
    """One step of a release."""

    action: Literal["start", "step", "promote", "roll_back", "pause", "resume", "fall_back"]
    version: int | None = Field(default=None, ge=1, le=1_000_000_000)
    reason: Words = ""
    baseline: Words | None = Field(
        default=None, description="With `fall_back`: the baseline; the charter's where not given."
    )
    environment: Annotated[str, Field(max_length=200)] = PRODUCTION


class Acted(BaseModel):
    """What a decision or a turn of the controller came to."""

    done: str = Field(description="`promote`, `roll_back`, `step`, ..., or `hold`.")
    reason: str
    release: ReleaseTold


class EnvironmentTold(BaseModel):
    """One environment's policy, and what serves in it."""

    name: str
    policy: dict[str, Any]
    release: ReleaseTold


class AlertTold(BaseModel):
    """An alert as it stands."""

    id: str
    kind: str
    text: str
    open: bool
    acknowledged_by: str | None
    raised_at: datetime
    document: dict[str, Any]


class OutcomeGiven(_Asked):
    """What really happened."""

    id: Named
    outcome: Words | bool | Annotated[int, Field(ge=-(2**53), le=2**53)] | FiniteFloat


class OutcomesGiven(_Asked):
    """What really happened, for some predictions."""

    outcomes: list[OutcomeGiven] = Field(min_length=1, max_length=100_000)


class OutcomesTold(BaseModel):
    """How many outcomes were taken; `new` is false where all of them were known."""

    rows: int
    new: bool
    strangers: int = Field(description="Those whose id nothing was served under.")


class CapturesTaken(BaseModel):
    """Whether a file of captures was new."""

    name: str
    new: bool


class BlobKept(BaseModel):
    """The name that bytes have from now on."""

    digest: str


class AgentSeen(BaseModel):
    """What an agent told last."""

    agent: str
    environment: str
    labels: dict[str, str]
    revision: int
    behind: bool
    silent: bool = Field(description="No word for two minutes: no flip waits for it.")
    health: str
    note: str
    at: datetime


class FleetTold(BaseModel):
    """Who follows, and who is behind."""

    revisions: dict[str, int]
    waiting: int = Field(description="Agents that wait at this server now.")
    agents: int
    behind: int
    failed: int
    listed: list[AgentSeen]


class TokenAsked(_Asked):
    """A token that is to be made."""

    name: Named
    scopes: list[Literal["read", "build", "sign", "release", "serve", "agent", "admin"]] = Field(
        min_length=1
    )
    person: Words = ""


class TokenTold(BaseModel):
    """What is known of a token."""

    name: str
    scopes: list[str]
    person: str
    made_at: datetime


class TokenMade(TokenTold):
    """A new token; its secret is shown this once."""

    secret: str


def plain(value: Any) -> Any:
    """Return a record as JSON knows it: infinite and missing numbers become null.

    >>> plain({"share": float("inf"), "rows": (1, 2)})
    {'share': None, 'rows': [1, 2]}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(name)): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return _text(value)


def _text(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, str | int | bool):
        return value
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return value.as_posix() if isinstance(value, FilePath) else str(value)
