"""Desired state: what gateways are to serve, as one small document.

Format 2, JSON: {format, revision, model, environment, arms: [{name, version, bundle, weight}],
shadow, shadow_share, warm, code, salt, capture, exploration_share, control_share, control_salt,
entity, serving, signature}. Format 1, which is still read, has no environment, shadow, warm, code,
serving and signature. A gateway follows the newest revision it has seen and keeps serving it when
nobody tells it anything. Raise `FORMAT` when a field's meaning changes; gateways refuse a format
they do not know and keep serving the last one they did.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

import msgspec

from assay.charter.environments import PRODUCTION
from assay.charter.serving import Serving as Rules
from assay.deploy.settings import Whose, settings_told
from assay.errors import DataError
from assay.evidence.folds import Live, ReleaseState
from assay.evidence.states import BASELINE_ARM

__all__ = ["FORMAT", "Arm", "Desired", "desired_state", "revision_told"]

FORMAT = 2

_READ = (1, FORMAT)


class Arm(msgspec.Struct, frozen=True):
    """One version that serves, and its share of traffic.

    On the arms `baseline` and `control` the version scores, but the charter's baseline decides; or
    the one named by `baseline`, where a release fell back to it.
    """

    name: Literal["champion", "challenger", "baseline", "control", "shadow"]
    version: int
    bundle: str
    weight: float
    baseline: str = ""


class Desired(msgspec.Struct, frozen=True):
    """What a gateway is to serve: a champion or the baseline, and a challenger, of one model.

    `shadow` scores a copy of the requests of a share of entities and answers none. `warm` are
    bundles that are kept loaded beside those of the arms, so that a flip or a way back waits for
    nothing. `code` are those bundles among them that may run code which nobody could audit, as a
    person allowed on the ledger. `serving` is the charter's section of that name as JSON;
    `signature` is that of the document without it (`evidence/signature.py`).

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
    environment: str = PRODUCTION
    shadow: Arm | None = None
    shadow_share: float = 1.0
    warm: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    serving: Mapping[str, Any] = msgspec.field(default_factory=dict)
    signature: str = ""
    format: int = FORMAT

    @property
    def rules(self) -> Rules:
        """How requests are answered: the charter's section `serving`."""
        return Rules.model_validate(self.serving)

    @property
    def bundles(self) -> tuple[str, ...]:
        """Every bundle that a gateway is to have loaded, each once."""
        shadow = () if self.shadow is None else (self.shadow.bundle,)
        return tuple(dict.fromkeys((*(arm.bundle for arm in self.arms), *shadow, *self.warm)))

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


def desired_state(
    whose: Whose,
    state: ReleaseState,
    revision: int,
    labels: Mapping[str, str] | None = None,
    code: Collection[str] = (),
) -> Desired:
    """Return what gateways of some labels are to serve when a release stands as the ledger says.

    `revision` is that of the release's subject in the ledger: it grows with each entry. Without
    champion and challenger nothing is served. A canary without a champion has the baseline beside
    it, and so has a shadow; after a fall back the baseline decides alone. What waits to be flipped,
    and the champion before, are kept warm. A staged release's version is champion where the
    `labels` match a stage that was reached, and waits elsewhere. The control's salt hangs on the
    model's name alone, so that an entity in it stays there over all releases. `code` are bundles
    that may run code (`lifecycle/leave.py`); those that serve or stand by are named. Settings are
    those of the last entry that brought the release forward, through the gate; the charter's where
    an entry of before does not have them.
    """
    told = settings_told(whose, state.settings)
    arms, shadow, warm = _placed(told.pop("baseline"), state, labels or {})
    loaded = {arm.bundle for arm in (*arms, *((shadow,) if shadow else ()))}
    found = Desired(
        revision=revision,
        model=whose.name,
        arms=arms,
        salt=state.salt,
        control_salt=f"control/{whose.name}",
        environment=whose.environment,
        shadow=shadow,
        warm=tuple(one.bundle for one in warm if one is not None and one.bundle not in loaded),
        **told,
    )
    named = tuple(bundle for bundle in found.bundles if bundle in code)
    return msgspec.structs.replace(found, code=named)


class _Told(msgspec.Struct):
    revision: int


def revision_told(raw: bytes) -> int:
    """Return the revision that a document is of; -1 where it does not read.

    >>> revision_told(b'{"revision": 7, "model": "bank"}'), revision_told(b"torn")
    (7, -1)
    """
    try:
        return msgspec.json.decode(raw, type=_Told).revision
    except msgspec.DecodeError:
        return -1


_Placed = tuple[tuple[Arm, ...], Arm | None, tuple[Live | None, ...]]
"""The arms, the shadow, and what is kept warm beside them."""


def _placed(baseline: str, state: ReleaseState, labels: Mapping[str, str]) -> _Placed:
    tried = state.challenger
    if tried is None:
        return _standing(state), None, (state.previous,)
    if state.strategy == "shadow":
        shadow = Arm("shadow", tried.version, tried.bundle, 0.0)
        return _standing(state) or _baseline(baseline, tried), shadow, ()
    if state.strategy == "blue_green":
        return _standing(state), None, (tried,)
    if state.strategy == "staged":
        if any(_matches(stage, labels) for stage in state.stages):
            return _champion(tried), None, (state.champion or state.fallen,)
        return _standing(state), None, (tried,)
    other, named = state.champion or tried, state.baseline if state.fallen is not None else ""
    rest = Arm(state.against, other.version, other.bundle, 1.0 - state.weight, named)
    return (rest, Arm("challenger", tried.version, tried.bundle, state.weight)), None, ()


def _standing(state: ReleaseState) -> tuple[Arm, ...]:
    """Return what serves but for what is tried: champion, baseline after a fall back, or none."""
    if state.champion is not None:
        return _champion(state.champion)
    if state.fallen is not None:
        return (Arm("baseline", state.fallen.version, state.fallen.bundle, 1.0, state.baseline),)
    return ()


def _champion(live: Live) -> tuple[Arm, ...]:
    return (Arm("champion", live.version, live.bundle, 1.0),)


def _baseline(named: str, scores: Live) -> tuple[Arm, ...]:
    return (Arm("baseline", scores.version, scores.bundle, 1.0, named),)


def _matches(stage: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return all(labels.get(name) == value for name, value in stage.items())


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
    if state.format not in _READ:
        faults.append(f"its format is {state.format}, this gateway reads {_READ[0]} and {FORMAT}")
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
    if state.shadow is not None and (state.shadow.name != "shadow" or state.shadow.weight):
        faults.append("its shadow is an arm of another name, or answers requests")
    return faults + _faults_of_shares(state) + _faults_of_rules(state)


def _faults_of_rules(state: Desired) -> list[str]:
    try:
        _ = state.rules
    except ValueError as error:
        return [f"its rules of serving do not read: {error}"]
    return []


def _faults_of_shares(state: Desired) -> list[str]:
    faults = []
    if not 0.0 < state.shadow_share <= 1.0:
        faults.append("the share of the shadow lies outside 0 to 1")
    if not 0.0 <= state.exploration_share <= 1.0:
        faults.append("the exploration share lies outside 0 to 1")
    if not 0.0 <= state.control_share < 1.0:
        faults.append("the control share lies outside 0 to 1")
    elif state.control_share and state.control_salt in ("", state.salt):
        faults.append("the control share has no salt of its own")
    return faults
