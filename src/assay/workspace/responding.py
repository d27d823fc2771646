"""What is done about a breach: responses judged, proposed, signed and made."""

from __future__ import annotations

import getpass
import secrets
from typing import TYPE_CHECKING

from assay.workspace.building import Building
from assay.workspace.progress import Progress
from assay.workspace.sources import Sources

if TYPE_CHECKING:
    from assay.charter.response import ResponseKind
    from assay.evidence.response_fold import ResponsesState
    from assay.lifecycle.desk import Desk
    from assay.lifecycle.proposing import Judged
    from assay.lifecycle.responding import Responded

__all__ = ["Responding"]


class Responding(Building, Sources):
    """Responses to breaches, as far as the charter lets them act."""

    def remedies(self, *, shadow: bool = False, progress: Progress | None = None) -> Judged:
        """Return what each response is expected to bring a day, and write nothing.

        A retraining is judged by one made beside what stands, where `shadow` asks for that.
        """
        from assay.lifecycle.judging import judged_now

        return judged_now(self._desk(progress), shadow=shadow)

    def responses(self) -> ResponsesState:
        """Return every response that was proposed, and what became of it."""
        from assay.lifecycle.responding import responses_of

        return responses_of(self.ports, self.charter)

    def respond(
        self,
        *,
        asked: ResponseKind | None = None,
        shadow: bool | None = None,
        progress: Progress | None = None,
    ) -> Responded:
        """Judge each response, propose the best sure one, and act on what may be acted on.

        Two at once wait in line, as those who sign or refuse do: nothing is done twice.
        """
        from assay.lifecycle.responding import respond

        with self._alone("respond"):
            self._submit_charter()
            return respond(self._desk(progress), asked=asked, shadow=shadow)

    def accept(
        self,
        response: str,
        person: str,
        role: str,
        *,
        note: str = "",
        progress: Progress | None = None,
    ) -> Responded:
        """Sign a proposed response in a role, and act where nobody else must sign."""
        from assay.lifecycle.approval import role_named
        from assay.lifecycle.responding import accept

        with self._alone("respond"):
            self._submit_charter()
            return accept(self._desk(progress), response, person, role_named(role), note)

    def decline(self, response: str, person: str, *, reason: str) -> Responded:
        """Refuse a proposed response, for a reason that everybody will read."""
        from assay.lifecycle.responding import decline

        with self._alone("respond"):
            self._submit_charter()
            return decline(self._desk(None), response, person, reason)

    def _desk(self, progress: Progress | None) -> Desk:
        from assay.lifecycle.desk import Desk
        from assay.workspace.engines import engines_of

        desk = Desk(
            charter=self.charter,
            ports=self.ports,
            now=self._now(),
            engines=engines_of(self),
            table=lambda: self._table()[0],
            retrain=lambda again: self.build(newest=True, again=again, progress=progress).version,
            salt=secrets.token_hex(8),
            user=getpass.getuser(),
        )
        if progress is None:
            return desk
        from dataclasses import replace

        return replace(desk, progress=progress)
