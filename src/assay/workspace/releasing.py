"""On the way into production and back."""

from __future__ import annotations

import getpass
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import CheckFailed
from assay.workspace.going_back import GoingBack
from assay.workspace.hearing import awaited_beside
from assay.workspace.root import STATE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from assay.adapters.release_rows import Slim
    from assay.deploy.release_plan import ReleasePlan
    from assay.deploy.release_step import Ruling
    from assay.deploy.rollout import Decision
    from assay.evidence.candidate import Candidate
    from assay.evidence.folds import ReleaseState
    from assay.evidence.gate import Verdict, Waiver
    from assay.evidence.sign_off import SignOff
    from assay.lifecycle.controller import Reconciled, Waits
    from assay.lifecycle.fleet_waits import Awaited
    from assay.lifecycle.looks import Look
    from assay.lifecycle.releasing import Action
    from assay.lifecycle.running_release import RunningRelease


__all__ = ["Releasing"]


class Releasing(GoingBack):
    """Gate, sign-offs, and releases step by step."""

    def gate(self, version: int | None = None) -> tuple[Candidate, Verdict]:
        """Decide whether a version may go live, and record the decision."""
        from assay.lifecycle.approval import judge

        self._submit_charter()
        return judge(self.ports.ledger, self.ports.blobs, self.charter, version, self._now())

    def sign(
        self,
        person: str,
        role: str,
        *,
        version: int | None = None,
        note: str = "",
        user: str | None = None,
    ) -> tuple[Candidate, SignOff]:
        """Sign a version in a role; SignOffRefused says why where that may not be.

        `user` is who gave the name: who is logged in where it is not given.
        """
        from assay.lifecycle.approval import role_named, sign

        self._submit_charter()
        signature = (person, role_named(role), note)
        now, user = self._now(), user or getpass.getuser()
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
        user: str | None = None,
    ) -> tuple[Candidate, Waiver]:
        """Let one failed check pass for some days; `user` as in `sign`."""
        from assay.lifecycle.approval import role_named, waive

        self._submit_charter()
        waiver = (check, person, role_named(role), reason, days)
        ports, now, user = self.ports, self._now(), user or getpass.getuser()
        return waive(ports.ledger, ports.blobs, self.charter, version, waiver, now, user)

    def release(
        self,
        version: int | None = None,
        *,
        action: Action = "start",
        reason: str = "by hand",
        salt: str | None = None,
        by: str | None = None,
        user: str | None = None,
    ) -> ReleaseState:
        """Take one step of a release; GateClosed lists everything that is missing.

        Where the environment trains the recipe anew, a start makes that version first. `salt`
        decides who gets which arm; a fresh random one where it is not given. `by` and `user` are
        written down as who did it: who is logged in where they are not given.
        """
        if action == "roll_back" or action == "pause":  # noqa: PLR1714 - so that types follow
            return self.go_back(action, reason=reason, by=by, user=user)
        from assay.lifecycle.releasing import release

        return release(
            self.ports.ledger,
            self.ports.desired,
            self.charter,
            None if action == "resume" else self._judged(version, action),
            action=action,
            reason=reason,
            salt=salt or secrets.token_hex(8),
            now=self._now(),
            by=by or getpass.getuser(),
            user=user or getpass.getuser(),
        )

    def reconcile(self, *, waits: Waits | None = None) -> Reconciled:
        """Bring the running release one step on where one is due; harmless however often it runs.

        `waits` says which gateways a flip waits for; those that a server beside this directory
        hears where it is not given (see `awaited`).
        """
        return self._reconciled(waits)[0]

    def decide(self, *, waits: Waits | None = None) -> Decision | None:
        """Decide the running release on what is known so far, and act on it; None too early."""
        return self.decided(waits=waits)[1]

    def decided(self, *, waits: Waits | None = None) -> tuple[Reconciled, Decision | None]:
        """Return what was done with the running release, and the decision that it rests on."""
        if self.release_state().challenger is None:
            raise CheckFailed(
                f"No release of {self.charter.name} is running: release a version first."
            )
        return self._reconciled(waits)

    def awaited(self, state: ReleaseState) -> Awaited:
        """Return which gateways a flip waits for, of those that a server of this directory heard.

        None where no release waits to be flipped, or no server keeps its tables here: gateways that
        follow a file load what they are told before they answer with it, each by itself.
        """
        from assay.lifecycle.fleet_waits import Awaited

        if not (state.running and state.strategy == "blue_green"):
            return Awaited((), self._now())
        return awaited_beside(self.directory / STATE, state, self._now())

    def release_plan(self, version: int | None = None) -> ReleasePlan:
        """Return how long a canary is expected to take: the running one, or one of a version."""
        from assay.lifecycle.planned_release import planned_release

        state, versions = self.release_state(), self.versions()
        return planned_release(
            self.charter, state, versions, self.ports.blobs, version, self._now()
        )

    def release_state(self) -> ReleaseState:
        """Return what serves, as the ledger tells it."""
        from assay.lifecycle.telling import release_state

        return release_state(self.ports.ledger, self.charter)

    def serving_state(self) -> Path:
        """Return the directory that a gateway serves from; CheckFailed where nothing is released.

        The desired state is written anew from the ledger, which is the truth about it.
        """
        from assay.lifecycle.telling import publish

        state = publish(self.ports.ledger, self.ports.desired, self.charter)
        if state.champion is None and state.challenger is None and state.fallen is None:
            raise CheckFailed(
                f"No version of {self.charter.name} is released, so that there is nothing to "
                "serve. Run `assay release` first."
            )
        return self.directory / STATE

    def _reconciled(self, waits: Waits | None) -> tuple[Reconciled, Decision | None]:
        """Reconcile; return with it the decision that it rests on, where there was one."""
        from assay.lifecycle.canary import decide_agreed, looks_of
        from assay.lifecycle.controller import reconcile
        from assay.lifecycle.ruling import ruling_of

        made: list[tuple[Decision, Sequence[Look], ReleaseState]] = []
        now = self._now()

        def decide(state: ReleaseState) -> Ruling | None:
            known = self._running(state, now)
            plan, looks = looks_of(known)
            decision = decide_agreed(known, plan, looks)
            if decision is None:
                return None
            made.append((decision, looks, state))
            return ruling_of(decision)

        def keep() -> dict[str, str]:
            from assay.lifecycle.decision_evidence import decision_document, keep_decision
            from assay.report.decision_picture import decision_picture

            document = decision_document(*made[0], now)
            return keep_decision(document, decision_picture, self.ports.blobs)

        known = waits or (lambda state: str(self.awaited(state)))
        found = reconcile(self.ports, self.charter, now, decide, waits=known, keep=keep)
        return found, made[0][0] if made else None

    def _running(self, state: ReleaseState, now: datetime) -> RunningRelease:
        """Return what a running release is decided on."""
        from assay.lifecycle.posting import served_cases
        from assay.lifecycle.running_release import RunningRelease

        answers, shadows, failures = self._captured(state)
        served = served_cases(self.charter, answers, self.ports.outcomes.read())
        known = (self.charter, state, self.versions(), self.ports.blobs)
        return RunningRelease(*known, served, now, shadows, failures)

    def _captured(self, state: ReleaseState) -> Slim:
        """Return answers, copies in shadow and failures, as far as a release is decided on them.

        Of captures in a folder of our own, what was read of them is kept beside what monitoring
        keeps: a look decodes what is new.
        """
        from assay.adapters.environment_folder import environment_folder
        from assay.adapters.lake_captures import LakeCaptures
        from assay.adapters.release_captures import ReleaseCaptures
        from assay.lifecycle.running_release import inputs_read
        from assay.ports.captures import failures_in

        captures = self.ports.captures
        if not isinstance(captures, LakeCaptures):
            return list(captures.read()), list(captures.shadows()), list(failures_in(captures))
        own = environment_folder(self.directory / STATE, self.charter.environment)
        kept = own / "monitor" / "release.sqlite"
        return ReleaseCaptures(own / "captures", kept).read(inputs_read(self.charter, state))

    def _judged(self, version: int | None, action: Action) -> tuple[Candidate, Verdict]:
        running = self.release_state().challenger
        if version is None and action != "start" and running is not None:
            version = running.version
        elif action == "start":
            version = self._entering(version)
        return self.gate(version)

    def _entering(self, version: int | None) -> int | None:
        """Return the version that enters; one trained for this environment where it asks for it."""
        from assay.adapters.onnx_engine import OnnxEngine
        from assay.lifecycle.approval import version_state
        from assay.lifecycle.desk import Desk
        from assay.lifecycle.trained_here import entering_version, trained_here

        ledger, charter = self.ports.ledger, self.charter
        version = entering_version(ledger, charter, version)
        if charter.place.promotion == "bundle":
            return version
        self._submit_charter()
        table = self.directory / (charter.place.source or charter.data.source)
        desk = Desk(
            charter=charter,
            ports=self.ports,
            now=self._now(),
            engines=OnnxEngine,
            table=lambda: self._table(table)[0],
            retrain=lambda again: self.build(source=table, again=again).version,
            salt="",
        )
        return trained_here(desk, version_state(ledger, charter, version).version)
