"""What a server tells a gateway: the desired states of its models, whole or what changed.

Format 1, JSON: {format, revision, full, models: {name: desired state}, removed: [name]}. `full`
says that `models` are all there are; else they are those that changed since the revision that the
gateway had, and `removed` those that are gone.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from assay.deploy.desired import Desired
from assay.errors import DataError

__all__ = ["FORMAT", "FleetState"]

FORMAT = 1


class FleetState(msgspec.Struct, frozen=True):
    """The desired states of one gateway's models, at a revision of the fleet.

    >>> first = FleetState(3, full=True, models={"bank": Desired(1, "bank", ())})
    >>> later = FleetState(4, removed=("bank",))
    >>> sorted(first.models), sorted(first.followed_by(later).models)
    (['bank'], [])
    """

    revision: int
    full: bool = False
    models: Mapping[str, Desired] = msgspec.field(default_factory=dict)
    removed: tuple[str, ...] = ()
    format: int = FORMAT

    def followed_by(self, later: FleetState) -> FleetState:
        """Return the whole state after an answer that came later."""
        if later.full:
            return later
        models = {name: one for name, one in self.models.items() if name not in later.removed}
        return FleetState(later.revision, full=True, models={**models, **later.models})

    def encode(self) -> bytes:
        """Return the document as JSON."""
        return msgspec.json.encode(self)

    @classmethod
    def read(cls, raw: bytes) -> FleetState:
        """Read a document; raises DataError where it is none."""
        try:
            state = msgspec.json.decode(raw, type=cls)
        except ValueError as error:
            raise DataError(f"This is no state of a fleet: {error}.") from error
        if state.format != FORMAT:
            raise DataError(
                f"This state of a fleet has format {state.format}; this gateway reads {FORMAT}."
            )
        return state
