"""How a release stands: what serves, what is tried beside it, and what was there before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from assay.charter.environments import PRODUCTION

__all__ = ["Live", "ReleaseState", "ReleaseStep", "StepKind"]

StepKind = Literal[
    "started",
    "stepped",
    "promoted",
    "rolled_back",
    "fell_back",
    "came_back",
    "paused",
    "resumed",
]


@dataclass(frozen=True)
class Live:
    """A version that serves, and the bundle that gateways load for it."""

    version: int
    bundle: str


@dataclass(frozen=True)
class ReleaseStep:
    """One step of a release; `weight` is the challenger's share of traffic after it.

    `stage` is how many parts of the fleet it has reached after it. `revision` is the release's
    after it, which gateways capture with what they answer. `spent` is what a promotion may cost a
    year at most, in currency: the part of the loss budget that it took. `evidence` names the blobs
    that show what the step was decided on. `champion` is the version that is champion after it.
    """

    what: StepKind
    version: int
    weight: float
    reason: str
    at: datetime
    strategy: str = ""
    revision: int = 0
    spent: float = 0.0
    stage: int = 0
    champion: int | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReleaseState:
    """What serves under a name: at most a champion, and a challenger that is on its way.

    How the challenger is tried is the `strategy`'s: a canary has its share (`weight`) of traffic,
    a shadow scores copies, a blue-green one is loaded and waits, a staged one is champion in the
    parts of the fleet whose labels are in `stages`. Where a canary has no champion beside it, the
    rest of traffic gets the baseline's decision. After a fall back nothing is champion: `fallen` is
    the version that scores beside it, and `baseline` names the baseline that decides, until another
    version is released.

    `name` is the model's, with `@environment` behind it outside production. `revision` is that of
    the release's subject in the ledger; it grows with every step. `salt` is the running or last
    release's, and decides who gets which arm. `line` are the champions in order, those that were
    rolled back taken out. While `paused` nothing goes forward. `settings` are those of the charter
    that the last entry which brought a release forward was written under (`deploy/settings.py`).
    """

    name: str
    revision: int = 0
    champion: Live | None = None
    challenger: Live | None = None
    weight: float = 0.0
    salt: str = ""
    strategy: str = ""
    history: tuple[ReleaseStep, ...] = ()
    bundles: Mapping[int, str] = field(default_factory=dict)
    fallen: Live | None = None
    baseline: str = ""
    paused: bool = False
    stages: tuple[Mapping[str, str], ...] = ()
    line: tuple[int, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """The model's name.

        >>> ReleaseState("bank@test").model, ReleaseState("bank@test").environment
        ('bank', 'test')
        """
        return self.name.partition("@")[0]

    @property
    def environment(self) -> str:
        """The environment that it serves in."""
        return self.name.partition("@")[2] or PRODUCTION

    @property
    def running(self) -> bool:
        """Whether a challenger is being tried."""
        return self.challenger is not None

    @property
    def against(self) -> Literal["champion", "baseline"]:
        """The arm that a challenger is tried against: the baseline where no champion serves."""
        return "baseline" if self.champion is None else "champion"

    @property
    def previous(self) -> Live | None:
        """The champion before the newest one; None where there was none."""
        if len(self.line) < 2 or self.line[-2] not in self.bundles:
            return None
        return Live(self.line[-2], self.bundles[self.line[-2]])

    @property
    def pause(self) -> ReleaseStep | None:
        """The step that paused it, where it is paused."""
        paused = [step for step in self.history if step.what == "paused"]
        return paused[-1] if self.paused and paused else None

    def stood(self, version: int, now: datetime) -> timedelta:
        """Return for how long a version was champion without a break, the longest time of all.

        Only what came after it was taken back last counts.
        """
        longest, since = timedelta(0), None
        for step in self.history:
            if _takes_back(step, version):
                longest, since = timedelta(0), None
            elif since is not None and step.champion != version:
                longest, since = max(longest, step.at - since), None
            elif since is None and step.champion == version:
                since = step.at
        return longest if since is None else max(longest, now - since)

    def taken_back(self, version: int) -> ReleaseStep | None:
        """Return the step that took a version back, where it was not champion since."""
        found = None
        for step in self.history:
            if step.champion == version:
                found = None
            elif _takes_back(step, version):
                found = step
        return found

    @property
    def began(self) -> datetime | None:
        """When the running release came to the step or stage that it is on.

        Going on after a pause begins it anew; None where nothing runs.
        """
        forward = {"started", "stepped", "resumed"}
        times = [step.at for step in self.history if step.what in forward]
        return times[-1] if self.running and times else None


def _takes_back(step: ReleaseStep, version: int) -> bool:
    return step.what in {"rolled_back", "fell_back"} and step.version == version
