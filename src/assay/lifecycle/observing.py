"""What was served brought to monitoring, from where it is logged and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

import msgspec

from assay.charter.charter import Charter
from assay.deploy.fetch import fetch_bundle
from assay.evidence.states import CONTROL_ARM
from assay.lifecycle.alerting import alert_states
from assay.lifecycle.approval import model_state
from assay.lifecycle.control_measured import control_measured
from assay.lifecycle.posting import plans_of, served_cases
from assay.lifecycle.served_elsewhere import plan_of
from assay.monitor.keeping import Look, look
from assay.monitor.measuring import Stores
from assay.monitor.run import MonitorResult, judged
from assay.monitor.watched import Watched, watch_bundle
from assay.ports.blobs import Blobs
from assay.ports.ports import Ports
from assay.ports.predictions import Predictions
from assay.stats.estimate import Estimate
from assay.value.control import ControlMeasured

__all__ = ["Observed", "judged_look", "observe", "take_look"]


@dataclass(frozen=True, eq=False)
class Observed:
    """What monitoring found, and how much of it was measured just now."""

    result: MonitorResult
    look: Look


class _Control(msgspec.Struct, frozen=True):
    of: str
    shown: ControlMeasured | None


_NOTE = "control"
_TOLD = "the outcomes that gateways were told"


def observe(charter: Charter, ports: Ports, source: Predictions, now: datetime) -> Observed:
    """Measure what is new and judge all that was served; nothing is posted."""
    seen = take_look(charter, ports, source, now)
    return Observed(judged_look(charter, ports, seen, now), seen)


def take_look(charter: Charter, ports: Ports, source: Predictions, now: datetime) -> Look:
    """Measure what is new in the log and the outcomes, and keep it."""
    stores = Stores(ports.windows, ports.profiles)
    bundles = _bundles(ports.blobs)
    seed = charter.build.seed
    return look(charter, source, ports.outcomes, stores, bundles, now=now, seed=seed)


def judged_look(charter: Charter, ports: Ports, seen: Look, now: datetime) -> MonitorResult:
    """Judge windows that were measured, against plans and what the ledger knows of alerts."""
    found = judged(
        charter,
        seen.windows,
        seen.joined,
        seen.followed,
        seen.failures,
        plans=_plans(charter, ports, seen),
        recorded=alert_states(ports.ledger, charter.name),
        now=now,
    )
    refused = ports.outcomes.refused()
    unread = {**seen.unread, **({_TOLD: refused} if refused else {})}
    return replace(found, by_control=_control(charter, ports, seen, now), unread=unread)


def _bundles(blobs: Blobs) -> Callable[[str], Watched | None]:
    @cache
    def watched(digest: str) -> Watched | None:
        return watch_bundle(fetch_bundle(blobs, digest)) if blobs.has(digest) else None

    return watched


def _plans(charter: Charter, ports: Ports, seen: Look) -> dict[str, Estimate]:
    """Return the uplift per decision that was promised of each bundle that served."""
    if charter.monitoring.source is None:
        return plans_of(model_state(ports.ledger, charter), ports.blobs)
    served = {key.bundle for _, parts in seen.windows for key in parts}
    found = {one: plan_of(fetch_bundle(ports.blobs, one)) for one in sorted(served)}
    return {one: plan for one, plan in found.items() if plan is not None}


def _control(charter: Charter, ports: Ports, seen: Look, now: datetime) -> ControlMeasured | None:
    """Return what the control share shows; from what was noted where nothing is new."""
    arms = {key.arm for _, parts in seen.windows for key in parts}
    if CONTROL_ARM not in arms or charter.monitoring.source is not None:
        return None
    noted = ports.profiles.note(_NOTE)
    if noted is not None:
        known = _read(noted)
        if known is not None and known.of == seen.stamp:
            return known.shown
    served = served_cases(charter, list(ports.captures.read()), ports.outcomes.read())
    shown = control_measured(charter, served.records, served.outcomes, now, seed=charter.build.seed)
    ports.profiles.write_note(_NOTE, msgspec.msgpack.encode(_Control(seen.stamp, shown)))
    return shown


def _read(content: bytes) -> _Control | None:
    try:
        return msgspec.msgpack.decode(content, type=_Control)
    except msgspec.MsgspecError:
        return None
