"""What a gateway serves at one moment: a desired state with its bundles loaded."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from assay.charter.serving import Serving as Rules
from assay.deploy.desired import Arm, Desired
from assay.deploy.door import Door
from assay.deploy.fetch import fetch_bundle
from assay.deploy.reasons import Typical, typical_row
from assay.deploy.router import in_control, split, to_challenger
from assay.deploy.scoring import Scorer, read_signature
from assay.errors import ModelError
from assay.evidence.bundle import Bundle, Signature
from assay.evidence.digest import canonical_bytes
from assay.evidence.states import BASELINE_ARM, CONTROL_ARM
from assay.ports.blobs import Blobs
from assay.ports.engine import Columns, Engine

__all__ = ["Checked", "Doorkeeper", "Kind", "LoadEngine", "LoadedArm", "Serving", "load_serving"]

Kind = Literal["number", "category"]

LoadEngine = Callable[[bytes, Signature, bool], Engine]
"""Makes an engine from a model's bytes, whose digest has been checked; the last says whether the
model may run code that nobody could audit."""


class Checked(Protocol):
    """What a door says about n rows."""

    @property
    def columns(self) -> Columns:
        """The columns to score, values that were clipped replaced."""
        ...

    @property
    def flags(self) -> Mapping[str, NDArray[np.bool_]]:
        """What is to be told of rows, (n,) each; empty where nothing is."""
        ...

    @property
    def referred(self) -> NDArray[np.bool_] | None:
        """The rows that a person decides, (n,); None where there are none."""
        ...

    @property
    def rejected(self) -> Mapping[int, str]:
        """The rows that are refused, each with the reason."""
        ...


class Doorkeeper(Protocol):
    """Looks at rows before they are scored."""

    def check(self, columns: Columns) -> Checked:
        """Return what is to be done about rows that the reference never had."""
        ...


@dataclass(frozen=True)
class LoadedArm:
    """One version that serves, loaded, with the door of its bundle where it has one.

    `reference` is what the bundle knows of the rows that taught its model.
    """

    arm: Arm
    scorer: Scorer
    door: Doorkeeper | None = None
    reference: Mapping[str, Any] | None = None

    @cached_property
    def typical(self) -> Typical:
        """A typical value of each column that the reference knows."""
        return {} if self.reference is None else typical_row(self.reference, self.scorer.signature)

    @property
    def by_baseline(self) -> bool:
        """Whether the baseline decides on this arm, and not the version's policy."""
        return self.arm.name in (BASELINE_ARM, CONTROL_ARM)


@dataclass(frozen=True, eq=False)
class Serving:
    """A desired state, loaded; never changed, so that a request sees one state from end to end.

    `arms` has the champion first (or the baseline), then the challenger where there is one;
    `control` is the arm of the control share; `shadow` scores copies and answers nobody.
    """

    desired: Desired
    arms: tuple[LoadedArm, ...]
    control: LoadedArm | None = None
    shadow: LoadedArm | None = None

    @cached_property
    def rules(self) -> Rules:
        """How requests are answered: the charter's section `serving`."""
        return self.desired.rules

    @cached_property
    def reads(self) -> Mapping[str, Kind | None]:
        """Every column that an arm reads, and its kind; None where it may be of either."""
        kinds: dict[str, Kind | None] = {}
        for loaded in self.loaded:
            scorer = loaded.scorer
            kinds |= {name: kinds.get(name) for name in scorer.reads}
            kinds |= {column.name: column.kind for column in scorer.signature.inputs}
        return kinds

    @property
    def loaded(self) -> tuple[LoadedArm, ...]:
        """Every arm, the shadow last."""
        return self.answering if self.shadow is None else (*self.answering, self.shadow)

    @cached_property
    def answering(self) -> tuple[LoadedArm, ...]:
        """The arms that entities are dealt out to, the control last."""
        return self.arms if self.control is None else (*self.arms, self.control)

    @cached_property
    def case_by_case(self) -> bool:
        """Whether every arm decides each row by itself, so that rows may come together or apart."""
        return all(loaded.scorer.case_by_case for loaded in self.loaded)

    def nothing_strange(self, columns: Columns) -> bool:
        """Whether no arm's door has anything to say of these rows, whichever of them it gets.

        One look for all arms; where it says no, each arm's own door has to look.
        """
        return self._narrowest is not None and self._narrowest.well(columns)

    @cached_property
    def _narrowest(self) -> Door | None:
        """A door that lets through what every arm's does; None where there is no telling."""
        doors = [loaded.door for loaded in self.loaded if loaded.door is not None]
        known = [door for door in doors if isinstance(door, Door)]
        return Door.narrowest(known) if len(known) == len(doors) else None

    def rule_of(self, loaded: LoadedArm) -> int:
        """Return a number that is the same for arms that decide alike."""
        return self._rules.get(id(loaded), -1)

    @cached_property
    def _rules(self) -> Mapping[int, int]:
        """The rule of each arm by its identity; a policy that is not case by case is its own."""
        numbers: dict[object, int] = {}
        found = {}
        for loaded in self.loaded:
            scorer, baseline = loaded.scorer, loaded.arm.baseline
            policy: object = id(scorer)
            if scorer.case_by_case:
                policy = canonical_bytes(scorer.valuation.document())
            rule = (policy, scorer.signature.labels, loaded.by_baseline, baseline)
            found[id(loaded)] = numbers.setdefault(rule, len(numbers))
        return found

    def index_for(self, key: str) -> int:
        """Return which of the `answering` arms answers for an entity: first of all the control."""
        desired = self.desired
        if self.control and in_control(desired.control_salt, key, desired.control_share):
            return len(self.arms)
        last = self.arms[-1]
        return len(self.arms) - 1 if self._chosen(key, last.arm.weight) else 0

    def dealt(self, keys: Sequence[str]) -> list[tuple[int, Sequence[int]]]:
        """Return the rows of each of the `answering` arms that has any, as `index_for` deals."""
        desired, last = self.desired, len(self.arms) - 1
        held: Sequence[int] = ()
        chosen: Sequence[int] = ()
        rest: Sequence[int] = range(len(keys))
        if self.control is not None:
            held, rest = split(desired.control_salt, keys, rest, desired.control_share)
        if last:
            chosen, rest = split(desired.salt, keys, rest, self.arms[last].arm.weight)
        found = ((0, rest), (last, chosen), (last + 1, held))
        return [(index, rows) for index, rows in found if rows]

    def index_of(self, version: str) -> int | None:
        """Return the arm on which a version itself decides; None where it gets no traffic."""
        return self._deciding.get(version) if version in self.versions else None

    @property
    def deciding(self) -> list[str]:
        """The versions that get traffic and decide; none where the baseline decides for all."""
        return [version for version in self.versions if version in self._deciding]

    @cached_property
    def _deciding(self) -> Mapping[str, int]:
        """The first arm on which each version decides itself."""
        own = [(str(one.arm.version), i) for i, one in enumerate(self.arms) if not one.by_baseline]
        return dict(reversed(own))

    @property
    def versions(self) -> list[str]:
        """The versions that get traffic, each once, though two arms may use it."""
        served = (str(loaded.arm.version) for loaded in self.arms if loaded.arm.weight > 0)
        return list(dict.fromkeys(served))

    def _chosen(self, key: str, weight: float) -> bool:
        return len(self.arms) > 1 and to_challenger(self.desired.salt, key, weight)


def load_serving(
    desired: Desired, blobs: Blobs, load_engine: LoadEngine, before: Serving | None = None
) -> Serving:
    """Load every arm of a desired state; bundles that served `before` are kept as they are.

    Raises StoreError where a bundle is missing or changed and ModelError where it cannot be
    served; then nothing of the new state is served.
    """
    kept = before.loaded if before is not None and before.desired.model == desired.model else ()
    known = {one.arm.bundle: (one.scorer, one.reference) for one in kept}
    rules = desired.rules.door
    wanted = [*desired.arms, *([desired.shadow] if desired.shadow else [])]
    for arm in wanted:
        if arm.bundle not in known:
            known[arm.bundle] = _load(arm.bundle, desired, blobs, load_engine)

    def loaded(arm: Arm) -> LoadedArm:
        scorer, reference = known[arm.bundle]
        return LoadedArm(arm, scorer, Door.of(reference, scorer.signature, rules), reference)

    control, shadow = desired.control, desired.shadow
    serving = Serving(
        desired,
        tuple(loaded(arm) for arm in desired.arms),
        None if control is None else loaded(control),
        None if shadow is None else loaded(shadow),
    )
    _demand_one_question(serving)
    return serving


def _demand_one_question(serving: Serving) -> None:
    """Refuse arms between which an entity cannot be dealt out; ModelError."""
    signatures = [loaded.scorer.signature for loaded in serving.loaded]
    if len({(signature.task, len(signature.labels)) for signature in signatures}) > 1:
        raise ModelError(
            "Champion and challenger answer different questions (classification and regression, or "
            "outcomes of another number); release the new task under a charter of its own."
        )
    for signature in signatures:
        for column in signature.inputs:
            if serving.reads[column.name] != column.kind:
                raise ModelError(
                    f"Champion and challenger read the input {column.name} as a number and as a "
                    "category: no request can serve both. Give the new column a name of its own."
                )


def _load(
    digest: str, desired: Desired, blobs: Blobs, load_engine: LoadEngine
) -> tuple[Scorer, Mapping[str, Any] | None]:
    bundle = fetch_bundle(blobs, digest)
    if bundle.model != desired.model:
        raise ModelError(
            f"The bundle {digest} is one of {bundle.model}, not of {desired.model}. Release again."
        )
    signature = read_signature(bundle)
    engine = load_engine(bundle.model_bytes, signature, digest in desired.code)
    return Scorer.from_bundle(bundle, engine), _reference(bundle)


def _reference(bundle: Bundle) -> Mapping[str, Any] | None:
    """Return what a bundle knows of its reference rows; ModelError where it does not read."""
    raw = bundle.files.get("reference.json")
    if raw is None:
        return None
    try:
        known: Mapping[str, Any] = json.loads(raw)
        return {"seen": known["seen"]} if "seen" in known else known
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"The bundle {bundle.digest[:12]} of {bundle.model} has a reference that does not "
            f"read: {error}. Build the model again with this version of Assay."
        ) from error
