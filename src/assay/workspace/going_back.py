"""Rolling back, pausing and falling back: what works whatever became of the charter on disk."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Literal

from assay.errors import CheckFailed, InputError
from assay.workspace.building import Building
from assay.workspace.root import CHARTER, STATE

if TYPE_CHECKING:
    from assay.deploy.settings import ReleasedAs, Whose
    from assay.evidence.folds import ReleaseState

__all__ = ["GoingBack"]


class GoingBack(Building):
    """The ways back of a release. They ask no gate and read little of the charter.

    `warning` says, after one of them, that the charter on disk has faults and that the one which
    was released was used in its place; it is empty where that was not needed.
    """

    warning = ""

    def go_back(
        self,
        way: Literal["roll_back", "pause"],
        *,
        reason: str = "by hand",
        by: str | None = None,
        user: str | None = None,
    ) -> ReleaseState:
        """Roll the release back, or pause it; `by` and `user` as in `release`."""
        from assay.lifecycle.ways_back import go_back

        whose = self._whose()
        return go_back(
            self._opened.ledger,
            self._opened.desired,
            whose,
            way,
            reason=reason,
            now=self._opened.clock.now(),
            by=by or getpass.getuser(),
            user=user or getpass.getuser(),
        )

    def fall_back(
        self,
        baseline: str | None = None,
        *,
        reason: str = "by hand",
        by: str | None = None,
        user: str | None = None,
    ) -> ReleaseState:
        """Let a baseline decide at once, the charter's where none is named: the kill switch.

        `by` and `user` as in `release`.
        """
        from assay.lifecycle.ways_back import fall_back_to

        whose = self._whose()
        return fall_back_to(
            self._opened.ledger,
            self._opened.desired,
            whose,
            self._baseline(whose, baseline),
            reason=reason,
            now=self._opened.clock.now(),
            by=by or getpass.getuser(),
            user=user or getpass.getuser(),
        )

    def _whose(self) -> Whose:
        """Return the charter, or what was released where it has faults or lost the environment."""
        from assay.charter.typed import read_typed

        self.warning = ""
        try:
            return self._as_it_holds(read_typed(self.directory / CHARTER))
        except InputError:
            whose = self._released_as()
        if whose is None:
            return self.charter  # and so tell all of its faults
        self.warning = (
            f"{self.directory / CHARTER} does not load, so that this was done under the charter "
            f"that {whose.name} was released with; `assay check` says what to mend."
        )
        return whose

    def _released_as(self) -> ReleasedAs | None:
        from assay.adapters.environment_folder import environment_folder
        from assay.lifecycle.released_as import released_as

        # Nothing is made where nothing was ever released.
        if not environment_folder(self.directory / STATE, self._place).is_dir():
            return None
        return released_as(self._opened.ledger, self._opened.desired, self._place)

    def _baseline(self, whose: Whose, named: str | None) -> str:
        """Return the baseline that is to decide; CheckFailed where there is none of that name."""
        from assay.deploy.settings import ReleasedAs

        if isinstance(whose, ReleasedAs):
            from assay.lifecycle.released_as import released_baselines
            from assay.lifecycle.telling import release_state

            state = release_state(self._opened.ledger, whose)
            own = str(whose.settings["baseline"])
            known = released_baselines(self._opened.blobs, state) if named or not own else (own,)
        else:
            own, known = whose.value.baseline, tuple(whose.value.baselines)
        name = named or own
        if name not in known:
            what = f"no baseline {name!r}" if name else "no baseline that it fell back to before"
            raise CheckFailed(f"{whose.name} has {what}; it has {', '.join(known)}.")
        return name
