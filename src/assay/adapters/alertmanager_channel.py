"""Alerts pushed to Prometheus' Alertmanager (API v2)."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import httpx

from assay.adapters.http_receiver import post
from assay.ports.alert_channel import Message
from assay.ports.clock import Clock

__all__ = ["AlertmanagerChannel", "alertmanager_alerts"]

_HOLDS = timedelta(days=7)
"""How long an open alert stays there after Assay last said it: longer than any round of sending."""


class AlertmanagerChannel:
    """Posts to `/api/v2/alerts` under one address, with the client's own headers."""

    forgets = True
    """It keeps alerts in memory and expects them again while they last."""

    def __init__(self, client: httpx.Client, address: str, clock: Clock) -> None:
        self._client = client
        self._address = address.rstrip("/") + "/api/v2/alerts"
        self._clock = clock

    def send(self, message: Message) -> None:
        """Post the alert as it stands after the message; the same post twice is one alert there."""
        body = json.dumps(alertmanager_alerts(message, self._clock.now() + _HOLDS)).encode()
        post(self._client, self._address, body, {"content-type": "application/json"})


def alertmanager_alerts(message: Message, until: datetime) -> list[dict[str, Any]]:
    """Return an alert as Alertmanager knows it, open until a moment or to the message's own.

    Alertmanager tells alerts apart by their labels, and severity is one: what escalated ends as
    a `warning` and begins as `critical`, and closing ends both.
    """
    ends = message.at if message.what == "closed" else until
    escalated = message.escalated_at
    if escalated is None:
        return [_alert(message, "warning", message.raised_at, ends)]
    return [
        _alert(message, "warning", message.raised_at, escalated),
        _alert(message, "critical", escalated, ends),
    ]


def _alert(message: Message, severity: str, starts: datetime, ends: datetime) -> dict[str, Any]:
    a_day = message.value_per_day
    return {
        "labels": {
            "alertname": "assay",
            "model": message.model,
            "kind": message.kind,
            "metric": message.metric,
            "version": "" if message.version is None else str(message.version),
            "alert": message.alert,
            "severity": severity,
        },
        "annotations": {
            "summary": message.title,
            "description": message.text,
            "value_per_day": "not known" if a_day is None else repr(a_day),
        },
        "startsAt": starts.isoformat(),
        "endsAt": ends.isoformat(),
    }
