"""What serves, as the ledger tells it, and telling the gateways."""

from __future__ import annotations

from assay.charter.environments import PRODUCTION
from assay.deploy.desired import desired_state, revision_told
from assay.deploy.settings import Whose
from assay.evidence.folds import ReleaseState, releases
from assay.lifecycle.leave import bundles_with_leave
from assay.ports.desired import DesiredStore
from assay.ports.ledger import Ledger

__all__ = ["publish", "publish_where_behind", "release_name", "release_state"]


def release_name(whose: Whose) -> str:
    """Return the name that releases in an environment have in the ledger."""
    inside = whose.environment
    return whose.name if inside == PRODUCTION else f"{whose.name}@{inside}"


def release_state(ledger: Ledger, whose: Whose) -> ReleaseState:
    """Return what serves in an environment, from the ledger."""
    name = release_name(whose)
    found = releases(ledger.events(f"release:{name}"))
    return found.get(name, ReleaseState(name))


def publish(ledger: Ledger, desired: DesiredStore, whose: Whose) -> ReleaseState:
    """Tell the gateways how the release stands, where they were not told yet, and return it."""
    state = release_state(ledger, whose)
    code = bundles_with_leave(ledger, whose, state)
    document = desired_state(whose, state, state.revision, code=code).encode()
    if desired.read() != document:
        desired.publish(document, state.revision)
    return state


def publish_where_behind(ledger: Ledger, desired: DesiredStore, whose: Whose) -> ReleaseState:
    """Tell the gateways what a run that was cut short did not, and return how the release stands.

    A charter that was changed since the last entry goes live with the next one that goes forward.
    """
    state, raw = release_state(ledger, whose), desired.read()
    told = -1 if raw is None else revision_told(raw)
    return publish(ledger, desired, whose) if told < state.revision and state.history else state
