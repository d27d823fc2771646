"""On the way into production and back."""

from __future__ import annotations

import getpass
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import CheckFailed
from assay.workspace.root import STATE, Root

if TYPE_CHECKING:
    from assay.deploy.release_plan import ReleasePlan
    from assay.deploy.rollout import Decision
    from assay.evidence.candidate import Candidate
    from assay.evidence.folds import ReleaseState
    from assay.evidence.gate import Verdict, Waiver
    from assay.evidence.sign_off import SignOff
    from assay.lifecycle.releasing import Action

__all__ = ["Releasing"]


class Releasing(Root):
    """Gate, sign-offs, and releases step by step."""

    def gate(self, version: int | None = None) -> tuple[Candidate, Verdict]:
        """Decide whether a version may go live, and record the decision."""
        from assay.lifecycle.approval import judge

        self._submit_charter()
        return judge(self.ports.ledger, self.ports.blobs, self.charter, version, self._now())

    def sign(
        self, person: str, role: str, *, version: int | None = None, note: str = ""
    ) -> tuple[Candidate, SignOff]:
        """Sign a version in a role; SignOffRefused says why where that may not be."""
        from assay.lifecycle.approval import role_named, sign

        self._submit_charter()
        signature = (person, role_named(role), note)
        now, user = self._now(), getpass.getuser()
        return sign(self.ports.ledger, self.charter, version, signature, now, user)

    def waive(
        self,
        check: str,
        person: str,
        role: str,
        *,
        reason: str,
        days: int = 30,
        version: int | None = None,
    ) -> tuple[Candidate, Waiver]:
        """Let one failed check pass for some days."""
        from assay.lifecycle.approval import role_named, waive

        self._submit_charter()
        waiver = (check, person, role_named(role), reason, days)
        ports, now, user = self.ports, self._now(), getpass.getuser()
        return waive(ports.ledger, ports.blobs, self.charter, version, waiver, now, user)

    def release(
        self,
        version: int | None = None,
        *,
        action: Action = "start",
        reason: str = "by hand",
        salt: str | None = None,
    ) -> ReleaseState:
        """Take one step of a release; GateClosed lists everything that is missing.

        `salt` decides who gets which arm; a fresh random one where it is not given.
        """
        from assay.lifecycle.releasing import release

        return release(
            self.ports.ledger,
            self.ports.desired,
            self.charter,
            None if action == "roll_back" else self._judged(version, action),
            action=action,
            reason=reason,
            salt=salt or secrets.token_hex(8),
            now=self._now(),
        )

    def decide(self) -> Decision | None:
        """Decide the running canary on what is known so far, and act on it; None too early."""
        from assay.lifecycle.canary import decide_running

        state, versions, blobs = self.release_state(), self.versions(), self.ports.blobs
        served, now = self._served(), self._now()
        decision = decide_running(self.charter, state, versions, blobs, served, now)
        if decision is not None and decision.verdict != "hold" and state.challenger is not None:
            self.release(state.challenger.version, action=decision.verdict, reason=decision.reason)
        return decision

    def release_plan(self, version: int | None = None) -> ReleasePlan:
        """Return how long a canary is expected to take: the running one, or one of a version."""
        from assay.lifecycle.planned_release import planned_release

        state, versions = self.release_state(), self.versions()
        return planned_release(
            self.charter, state, versions, self.ports.blobs, version, self._now()
        )

    def release_state(self) -> ReleaseState:
        """Return what serves, as the ledger tells it."""
        from assay.lifecycle.releasing import release_state

        return release_state(self.ports.ledger, self.charter)

    def serving_state(self) -> Path:
        """Return the directory that a gateway serves from; CheckFailed where nothing is released.

        The desired state is written anew from the ledger, which is the truth about it.
        """
        from assay.lifecycle.releasing import publish

        state = publish(self.ports.ledger, self.ports.desired, self.charter)
        if state.champion is None and state.challenger is None and state.fallen is None:
            raise CheckFailed(
                f"No version of {self.charter.name} is released, so that there is nothing to "
                "serve. Run `assay release` first."
            )
        return self.directory / STATE

    def _judged(self, version: int | None, action: Action) -> tuple[Candidate, Verdict]:
        running = self.release_state().challenger
        if version is None and action != "start" and running is not None:
            version = running.version
        return self.gate(version)
