"""Promotion by training the same recipe anew in the next environment."""

from __future__ import annotations

import json

from assay.build.revision import made_for
from assay.build.run import Again
from assay.charter.charter import Charter
from assay.errors import CheckFailed
from assay.evidence.event import EventType
from assay.evidence.evidence import Evidence
from assay.lifecycle.approval import evidence_of, model_state, write
from assay.lifecycle.desk import Desk
from assay.lifecycle.equivalence import equivalence
from assay.lifecycle.judging import known_recipe
from assay.lifecycle.loss_budget import loss_budget
from assay.lifecycle.moving import read_version
from assay.lifecycle.telling import release_state
from assay.lifecycle.way_in import compared_in, demand_stood
from assay.ports.ledger import Ledger

__all__ = ["entering_version", "trained_here"]


def entering_version(ledger: Ledger, charter: Charter, version: int | None) -> int | None:
    """Return the version that enters an environment; None for the newest one.

    Where none is named it is the champion of the environment that comes before, if there is one.
    """
    before = charter.place.after
    if version is not None or before is None:
        return version
    champion = release_state(ledger, charter.within(before)).champion
    return None if champion is None else champion.version


def trained_here(desk: Desk, version: int) -> int:
    """Return the version that was trained by another one's recipe on the environment's table.

    It is made, registered and compared with its original where that was not done yet; what was done
    already is found by its evidence, so that a run that was cut short goes on. A version that was
    trained here is returned as it is. Raises CheckFailed where the original has not come the way
    that the environment asks for, or its recipe is not known.
    """
    charter, ledger = desk.charter, desk.ports.ledger
    shown = compared_in(ledger, charter, version)
    if shown is not None and shown.compared is not None:
        if not _holds_still(desk, shown.digest):
            _compare(desk, shown.compared, version)
        return version
    place = charter.place
    if place.after is not None:
        before = release_state(ledger, charter.within(place.after))
        demand_stood(charter, before, version, desk.now)
    mark = f"{charter.name}/{version}@{charter.environment}"
    number = _made(desk, mark)
    if number is None:
        recipe, why = known_recipe(charter, read_version(charter, desk.ports, version))
        if why:
            raise CheckFailed(
                f"Version {version} cannot be trained anew for {charter.environment}: {why}."
            )
        number = desk.retrain(Again(recipe, mark))
    shown = compared_in(ledger, charter, number)
    if shown is None or not _holds_still(desk, shown.digest):
        _compare(desk, version, number)
    return number


def _holds_still(desk: Desk, digest: str) -> bool:
    """Whether evidence is there and rests on the charter as it is now."""
    if not desk.ports.blobs.has(digest):
        return False
    shown = Evidence.from_document(json.loads(desk.ports.blobs.get(digest)))
    now = desk.charter.digests()
    return all(now.get(name) == there for name, there in shown.rests_on.items())


def _made(desk: Desk, mark: str) -> int | None:
    for version in reversed(model_state(desk.ports.ledger, desk.charter).registered):
        shown = [one for one in evidence_of(desk.ports.blobs, version) if one.kind == "evaluation"]
        if shown and made_for(shown[-1].content.get("search")) == mark:
            return version.version
    return None


def _compare(desk: Desk, original: int, made: int) -> None:
    charter, ports = desk.charter, desk.ports
    tolerance = charter.place.equivalence
    if tolerance is None:
        state = release_state(ports.ledger, charter)
        tolerance = loss_budget(charter, state, desk.now).tolerance
    versions = [read_version(charter, ports, number) for number in (original, made)]
    shown = equivalence(charter, desk.table(), versions[0], versions[1], desk.engines, tolerance)
    ports.blobs.put(shown.bytes)
    content = {
        "evidence": shown.digest,
        "kind": shown.kind,
        "passed": all(check.passed for check in shown.checks),
        "compared": original,
        "environment": charter.environment,
    }
    subject = f"model:{charter.name}/{made}"
    write(ports.ledger, subject, EventType.EVIDENCE_RECORDED, content, desk.now)
