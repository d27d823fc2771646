"""Rolling back, pausing and falling back: what works whatever became of the charter on disk."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Literal

from assay.errors import CheckFailed, InputError, StoreError
from assay.workspace.building import Building
from assay.workspace.root import CHARTER, STATE

if TYPE_CHECKING:
    from assay.charter.charter import Charter
    from assay.deploy.settings import ReleasedAs, Whose
    from assay.evidence.folds import ReleaseState

__all__ = ["GoingBack"]


class GoingBack(Building):
    """The ways back of a release. They ask no gate and read little of the charter.

    They go by what was released. `warning` says, after one of them, where the charter on disk would
    have said something else: that it has faults, has another model's name, or names a baseline that
    the version does not know. It is empty where nothing stood against it.
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

        whose, _ = self._whose()
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

        whose, own = self._whose()
        return fall_back_to(
            self._opened.ledger,
            self._opened.desired,
            whose,
            self._baseline(whose, own, baseline),
            reason=reason,
            now=self._opened.clock.now(),
            by=by or getpass.getuser(),
            user=user or getpass.getuser(),
        )

    def _whose(self) -> tuple[Whose, str]:
        """Return what was released, and the baseline that the charter on disk has for it, if any.

        The charter itself where nothing is known of a release.
        """
        self.warning = ""
        charter = self._on_disk()
        whose = self._released_as(charter)
        if whose is None:
            charter = charter or self.charter  # which tells all of its faults
            self._demand_meant(charter.name)
            return charter, charter.value.baseline
        if charter is not None and charter.name == whose.name:
            return whose, charter.value.baseline
        why, mend = "does not load", "`assay check` says what to mend"
        if charter is not None:
            why = f"speaks of {charter.name!r} now"
            mend = "give it its name back, or release the model of its new name"
        self.warning = (
            f"{self.directory / CHARTER} {why}, so that this was done under the charter "
            f"that {whose.name} was released with; {mend}."
        )
        return whose, ""

    def _on_disk(self) -> Charter | None:
        """Return the charter on disk, read by its types alone; None where it has faults."""
        from assay.charter.typed import read_typed

        try:
            return self._as_it_holds(read_typed(self.directory / CHARTER))
        except (InputError, LookupError, OSError, ValueError):  # a time zone that is none, too
            return None

    def _released_as(self, charter: Charter | None) -> ReleasedAs | None:
        from assay.adapters.environment_folder import environment_folder
        from assay.lifecycle.released_as import model_told, released_as

        # Nothing is made where nothing was ever released.
        if not environment_folder(self.directory / STATE, self._place).is_dir():
            return None
        ledger, desired = self._opened.ledger, self._opened.desired
        name = (
            self._model
            or model_told(desired, self._place)
            or (None if charter is None else charter.name)
        )
        return released_as(ledger, desired, self._place, name)

    def _demand_meant(self, name: str) -> None:
        if self._model not in {None, name}:
            raise InputError(
                f"{self.directory / CHARTER} speaks of {name!r} now, and no release of "
                f"{self._model!r} is known here: nothing was done. Give the charter its name back."
            )

    def _baseline(self, whose: Whose, own: str, named: str | None) -> str:
        """Return the baseline that is to decide: `named`, the charter's `own`, or the released one.

        It is one that the version which serves was built with: gateways know no other. CheckFailed
        where that is not so of the one that was named.
        """
        from assay.deploy.settings import ReleasedAs

        released = str(whose.settings["baseline"]) if isinstance(whose, ReleasedAs) else ""
        known = self._baselines(whose, released, named)
        wanted = named or own or released
        if not known or wanted in known:
            return wanted
        if named:
            raise CheckFailed(f"{whose.name} has no baseline {named!r}; it has {', '.join(known)}.")
        instead = released if released in known else known[0]
        if own:
            self._warn(
                f"{self.directory / CHARTER} names the baseline {own!r}, which the version that "
                f"serves was not built with: {instead!r} decides, as it was released."
            )
        return instead

    def _baselines(self, whose: Whose, released: str, named: str | None) -> tuple[str, ...]:
        """Return the baselines that the version which serves was built with, its own first.

        Where its bundle cannot be read the one that it was `released` with is left: it must still
        be possible to stop.
        """
        from assay.lifecycle.released_as import released_baselines
        from assay.lifecycle.telling import release_state

        try:
            return released_baselines(self._blob, release_state(self._opened.ledger, whose))
        except StoreError as error:
            if not released or named not in {None, released}:
                raise
            self._warn(f"{error} {released!r} decides, as it was released.")
            return (released,)

    def _blob(self, digest: str) -> bytes:
        from assay.adapters.fsspec_blobs import blob_on_disk

        if self._ports is not None:
            return self._ports.blobs.get(digest)
        return blob_on_disk(self.directory / STATE / "blobs", digest)  # and loads no fsspec

    def _warn(self, told: str) -> None:
        self.warning = f"{self.warning} {told}".lstrip()
