"""What a gateway serves at one moment: a desired state with its bundles loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from assay.deploy.desired import Arm, Desired
from assay.deploy.fetch import fetch_bundle
from assay.deploy.scoring import Scorer, read_signature
from assay.errors import ModelError
from assay.evidence.bundle import Signature
from assay.evidence.states import BASELINE_ARM, CONTROL_ARM
from assay.gateway.router import in_control, to_challenger
from assay.ports.blobs import Blobs
from assay.ports.engine import Engine

__all__ = ["LoadEngine", "LoadedArm", "Serving", "load_serving"]

LoadEngine = Callable[[bytes, Signature], Engine]
"""Makes an engine from a model's bytes, whose digest has been checked."""


@dataclass(frozen=True)
class LoadedArm:
    """One version that serves, loaded."""

    arm: Arm
    scorer: Scorer

    @property
    def by_baseline(self) -> bool:
        """Whether the baseline decides on this arm, and not the version's policy."""
        return self.arm.name in (BASELINE_ARM, CONTROL_ARM)


@dataclass(frozen=True)
class Serving:
    """A desired state, loaded; never changed, so that a request sees one state from end to end.

    `arms` has the champion first (or the baseline), then the challenger where there is one;
    `control` is the arm of the control share.
    """

    desired: Desired
    arms: tuple[LoadedArm, ...]
    control: LoadedArm | None = None

    @property
    def answering(self) -> tuple[LoadedArm, ...]:
        """The arms that entities are dealt out to, the control last."""
        return self.arms if self.control is None else (*self.arms, self.control)

    def index_for(self, key: str) -> int:
        """Return which of the `answering` arms answers for an entity: first of all the control."""
        desired = self.desired
        if self.control and in_control(desired.control_salt, key, desired.control_share):
            return len(self.arms)
        last = self.arms[-1]
        return len(self.arms) - 1 if self._chosen(key, last.arm.weight) else 0

    def index_of(self, version: str) -> int | None:
        """Return the arm on which a version itself decides; None where it gets no traffic."""
        if version not in self.versions:
            return None
        return next(
            index
            for index, loaded in enumerate(self.arms)
            if str(loaded.arm.version) == version and not loaded.by_baseline
        )

    @property
    def versions(self) -> list[str]:
        """The versions that get traffic, each once, though two arms may use it."""
        served = (str(loaded.arm.version) for loaded in self.arms if loaded.arm.weight > 0)
        return list(dict.fromkeys(served))

    def _chosen(self, key: str, weight: float) -> bool:
        return len(self.arms) > 1 and to_challenger(self.desired.salt, key, weight)


def _question(signature: Signature) -> tuple[str, int]:
    return signature.task, len(signature.labels)


def load_serving(
    desired: Desired, blobs: Blobs, load_engine: LoadEngine, before: Serving | None = None
) -> Serving:
    """Load every arm of a desired state; bundles that served `before` are kept as they are.

    Raises StoreError where a bundle is missing or changed and ModelError where it cannot be
    served; then nothing of the new state is served.
    """
    kept = before.arms if before is not None and before.desired.model == desired.model else ()
    scorers = {loaded.arm.bundle: loaded.scorer for loaded in kept}
    for arm in desired.arms:
        if arm.bundle not in scorers:
            scorers[arm.bundle] = _load(arm.bundle, desired, blobs, load_engine)
    arms = tuple(LoadedArm(arm, scorers[arm.bundle]) for arm in desired.arms)
    if len({_question(loaded.scorer.signature) for loaded in arms}) > 1:
        raise ModelError(
            "Champion and challenger answer different questions (classification and regression, or "
            "outcomes of another number); release the new task under a charter of its own."
        )
    control = desired.control
    kept_back = None if control is None else LoadedArm(control, scorers[control.bundle])
    return Serving(desired, arms, kept_back)


def _load(digest: str, desired: Desired, blobs: Blobs, load_engine: LoadEngine) -> Scorer:
    bundle = fetch_bundle(blobs, digest)
    if bundle.model != desired.model:
        raise ModelError(
            f"The bundle {digest} is one of {bundle.model}, not of {desired.model}. Release again."
        )
    if "model.onnx" not in bundle.files:
        raise ModelError(f"The bundle {digest} holds no model.onnx. Build the model again.")
    return Scorer.from_bundle(
        bundle, load_engine(bundle.files["model.onnx"], read_signature(bundle))
    )
