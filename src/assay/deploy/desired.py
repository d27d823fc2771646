"""Desired state: what gateways are to serve, as one small document.

Format 1, JSON: {format, revision, model, arms: [{name, version, bundle, weight}], salt, capture,
exploration_share, control_share, control_salt, entity}. A gateway follows the newest revision it
has seen and keeps serving it when nobody tells it anything. Raise `FORMAT` when a field's meaning
changes; gateways refuse a format they do not know and keep serving the last one they did.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from assay.charter.charter import Charter
from assay.errors import DataError
from assay.evidence.folds import ReleaseState
from assay.evidence.states import BASELINE_ARM

__all__ = ["FORMAT", "Arm", "Desired", "desired_state"]

FORMAT = 1


class Arm(msgspec.Struct, frozen=True):
    """One version that serves, and its share of traffic.

    On the arms `baseline` and `control` the version scores, but the charter's baseline decides; or
    the one named by `baseline`, where a release fell back to it.
    """

    name: Literal["champion", "challenger", "baseline", "control"]
    version: int
    bundle: str
    weight: float
    baseline: str = ""


class Desired(msgspec.Struct, frozen=True):
    """What a gateway is to serve: a champion or the baseline, and a challenger, of one model.

    >>> state = Desired(revision=3, model="bank", arms=(Arm("champion", 2, "b" * 64, 1.0),))
    >>> Desired.read(state.encode()) == state
    True
    """

    revision: int
    model: str
    arms: tuple[Arm, ...]
    salt: str = ""
    capture: Literal["sync", "async"] = "sync"
    exploration_share: float = 0.0
    control_share: float = 0.0
    control_salt: str = ""
    entity: str | None = None
    format: int = FORMAT

    @property
    def challenger_weight(self) -> float:
        """The challenger's share of traffic; 0 where there is none."""
        return sum(arm.weight for arm in self.arms if arm.name == "challenger")

    @property
    def control(self) -> Arm | None:
        """The arm of the control share, scored by the first arm's version; None without a share.

        The weights of `arms` share out the entities that are not in the control.
        """
        if not self.arms or not self.control_share:
            return None
        first = self.arms[0]
        return Arm("control", first.version, first.bundle, self.control_share)

    def encode(self) -> bytes:
        """Return the document as JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    @classmethod
    def read(cls, raw: bytes) -> Desired:
        """Read a document; raises DataError where it is none, or contradicts itself."""
        try:
            state = msgspec.json.decode(raw, type=cls)
        except ValueError as error:
            raise DataError(f"This is no desired state: {error}. Release again.") from error
        faults = list(_faults(state))
        if faults:
            raise DataError(f"This desired state cannot be served: {'; '.join(faults)}.")
        return state


def desired_state(charter: Charter, state: ReleaseState, revision: int) -> Desired:
    """Return what gateways are to serve when a release stands as the ledger says.

    `revision` is that of the release's subject in the ledger: it grows with each entry.
    Without champion and challenger nothing is served; a challenger without a champion has the
    baseline beside it, and after a fall back the baseline decides alone. The control's salt hangs
    on the model's name alone, so that an entity in it stays there over all releases.
    """
    arms = []
    weight = state.weight if state.challenger is not None else 0.0
    other = state.champion or state.challenger or state.fallen
    if other is not None:
        named = state.baseline if state.fallen is not None else ""
        arms.append(Arm(state.against, other.version, other.bundle, 1.0 - weight, named))
    if state.challenger is not None:
        challenger = state.challenger
        arms.append(Arm("challenger", challenger.version, challenger.bundle, weight))
    return Desired(
        revision=revision,
        model=charter.name,
        arms=tuple(arms),
        salt=state.salt,
        capture=charter.release.capture,
        exploration_share=charter.release.exploration_share,
        control_share=charter.release.control_share,
        control_salt=f"control/{charter.name}",
        entity=charter.data.entity,
    )


_ARMS: tuple[tuple[str, ...], ...] = (
    (),
    ("champion",),
    ("champion", "challenger"),
    (BASELINE_ARM, "challenger"),
    (BASELINE_ARM,),
    ("challenger",),
)


def _faults(state: Desired) -> list[str]:
    names = tuple(arm.name for arm in state.arms)
    faults = []
    if state.format != FORMAT:
        faults.append(f"its format is {state.format}, this gateway reads {FORMAT}")
    if names not in _ARMS or (names == (BASELINE_ARM,) and not state.arms[0].baseline):
        faults.append(
            f"its arms are {list(names)}: a champion, then at most one challenger, "
            "or the baseline, then a challenger"
        )
    if BASELINE_ARM in names and len({(arm.version, arm.bundle) for arm in state.arms}) > 1:
        faults.append("its baseline is not that of the challenger's version")
    if not all(0.0 <= arm.weight <= 1.0 for arm in state.arms):
        faults.append("a weight lies outside 0 to 1")
    if state.arms and abs(sum(arm.weight for arm in state.arms) - 1.0) > 1e-9:
        faults.append("the weights do not add up to 1")
    return faults + _faults_of_shares(state)


def _faults_of_shares(state: Desired) -> list[str]:
    faults = []
    if not 0.0 <= state.exploration_share <= 1.0:
        faults.append("the exploration share lies outside 0 to 1")
    if not 0.0 <= state.control_share < 1.0:
        faults.append("the control share lies outside 0 to 1")
    elif state.control_share and state.control_salt in ("", state.salt):
        faults.append("the control share has no salt of its own")
    return faults
