"""What is known of a charter that was released, where the one on disk has faults."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from assay.deploy.desired import Desired
from assay.deploy.settings import ReleasedAs
from assay.errors import DataError
from assay.evidence.folds import ReleaseState, releases
from assay.lifecycle.telling import release_state
from assay.ports.desired import DesiredStore
from assay.ports.ledger import Ledger

__all__ = ["model_told", "released_as", "released_baselines"]

_SETTINGS = (
    "capture",
    "exploration_share",
    "control_share",
    "shadow_share",
    "entity",
    "serving",
)


def released_as(
    ledger: Ledger, desired: DesiredStore, environment: str, model: str | None = None
) -> ReleasedAs | None:
    """Return whose release serves in an environment, as it was released; None where none is known.

    `model` is its name where that is known: None then where gateways were told of another one.
    Else they were told the name under our own signature; where they were told nothing yet, the
    ledger knows, as long as it has releases of one model there alone. Settings are those of the
    entry that brought the release forward, and of what gateways were told where it is an older one.
    """
    told = _told(desired, environment)
    names = _released_in(ledger, environment) if told is None and model is None else set()
    names |= {name for name in (model, told and told.model) if name}
    if len(names) != 1:
        return None
    before = {} if told is None else {name: getattr(told, name) for name in _SETTINGS}
    whose = ReleasedAs(names.pop(), environment, {})
    state = release_state(ledger, whose)
    settings = {**before, "baseline": _decides(told), **state.settings}
    known = state.history and settings.keys() >= set(_SETTINGS)
    return ReleasedAs(whose.name, environment, settings) if known else None


def model_told(desired: DesiredStore, environment: str) -> str | None:
    """Return the model that gateways of an environment were told of; None where of none yet."""
    told = _told(desired, environment)
    return None if told is None else told.model


def released_baselines(blob: Callable[[str], bytes], state: ReleaseState) -> tuple[str, ...]:
    """Return the names of the baselines that a version which serves knows, from its bundle.

    The one that it was built with as its own comes first. Empty where nothing serves. `blob` reads
    by digest, and raises StoreError where it cannot.
    """
    live = state.champion or state.fallen or state.challenger
    if live is None:
        return ()
    manifest: Mapping[str, Any] = json.loads(blob(live.bundle))
    policy: Mapping[str, Any] = json.loads(blob(manifest["files"]["policy.json"]))
    return tuple(dict.fromkeys((policy["baseline"], *policy["baselines"])))


def _told(desired: DesiredStore, environment: str) -> Desired | None:
    raw = desired.read()
    try:
        told = None if raw is None else Desired.read(raw)
    except DataError:
        return None
    return told if told is not None and told.environment == environment else None


def _decides(told: Desired | None) -> str:
    """Return the baseline that gateways were told by its name, if any."""
    named = [] if told is None else [arm.baseline for arm in told.arms if arm.baseline]
    return named[0] if named else ""


def _released_in(ledger: Ledger, environment: str) -> set[str]:
    found = releases(ledger.events()).values()
    return {state.model for state in found if state.environment == environment}
