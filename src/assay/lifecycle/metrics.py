"""Alerts and value as Prometheus reads them: one text file, for its textfile collector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, get_args

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from assay.charter.charter import Charter
from assay.evidence.alert_state import AlertState
from assay.evidence.event import EventType
from assay.lifecycle.delivery import ChannelReport
from assay.monitor.finding import FindingKind
from assay.ports.ledger import Ledger

__all__ = ["metrics_text", "newest_postings"]


def metrics_text(
    charter: Charter,
    states: Sequence[AlertState],
    postings: Iterable[Mapping[str, Any]],
    channels: Iterable[ChannelReport],
    now: datetime,
) -> bytes:
    """Return open alerts, what they cost a day, each arm's newest value, and undelivered messages.

    An alert whose cost nobody knows has no sample of it, and neither has a value: to Prometheus a
    missing sample is not known, where 0 would say that nothing is lost. Estimates of alerts
    overlap, so they are not to be added up.
    """
    registry = CollectorRegistry()
    model, currency = charter.name, charter.value.currency
    _alerts(registry, model, currency, [one for one in states if one.open], now)
    _value(registry, model, currency, postings)
    waiting = Gauge(
        "assay_alert_messages",
        "Messages about alerts that no receiver has acknowledged yet.",
        ["model", "channel", "state"],
        registry=registry,
    )
    for one in channels:
        for state, count in (("waiting", one.waiting), ("refused", one.refused)):
            waiting.labels(model, one.channel, state).set(count)
    return generate_latest(registry)


def newest_postings(ledger: Ledger, model: str) -> list[dict[str, Any]]:
    """Return the last window posted of each arm and version, as the ledger has it."""
    newest: dict[tuple[str, int], dict[str, Any]] = {}
    order: dict[str, int] = {}
    for event in ledger.events(f"value:{model}"):
        data = event.data
        # What a control share shows is posted beside the windows, and is of no arm and version.
        if event.type != EventType.VALUE_POSTED or "control" in data:
            continue
        # A window that is posted again, since labels came, does not become the newest one.
        place = order.setdefault(str(data["window"]), len(order))
        key = (str(data["arm"]), int(data["version"]))
        if key not in newest or place >= order[str(newest[key]["window"])]:
            newest[key] = data
    return list(newest.values())


def _alerts(
    registry: CollectorRegistry,
    model: str,
    currency: str,
    states: Sequence[AlertState],
    now: datetime,
) -> None:
    count = Gauge(
        "assay_alerts_open", "Open alerts, by kind.", ["model", "kind"], registry=registry
    )
    for kind in get_args(FindingKind):
        count.labels(model, kind).set(sum(one.kind == kind for one in states))
    for name, words, chosen in (
        ("acknowledged", "somebody has acknowledged", [one.acknowledged for one in states]),
        ("escalated", "have escalated", [one.escalated for one in states]),
        ("muted", "are muted", [one.muted(now) for one in states]),
    ):
        gauge = Gauge(
            f"assay_alerts_{name}", f"Open alerts that {words}.", ["model"], registry=registry
        )
        gauge.labels(model).set(sum(chosen))
    cost = Gauge(
        "assay_alert_loss_per_day",
        "Estimated loss of an open alert, in the currency per day.",
        ["model", "alert", "kind", "metric", "currency", "bound"],
        registry=registry,
    )
    for one in states:
        a_day = one.value_per_day
        kind, metric, _ = one.cause
        for bound in ("mean", "low", "high") if a_day else ():
            sample = cost.labels(model, one.id, kind, metric, currency, bound)
            sample.set(getattr(a_day, bound))


def _value(
    registry: CollectorRegistry, model: str, currency: str, postings: Iterable[Mapping[str, Any]]
) -> None:
    uplift = Gauge(
        "assay_uplift_per_decision",
        "Uplift of the newest window, in the currency per decision.",
        ["model", "arm", "version", "basis", "currency", "bound"],
        registry=registry,
    )
    for one in postings:
        for basis, told in (("realised", one.get("uplift")), ("expected", one.get("expected"))):
            for bound in ("mean", "low", "high"):
                amount = told.get(bound) if told else None
                if amount is not None:
                    named = (model, str(one["arm"]), str(one["version"]), basis, currency, bound)
                    uplift.labels(*named).set(float(amount))
