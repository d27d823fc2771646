"""What is said of alerts, to whom, and what people do about them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from assay.workspace.root import Root

if TYPE_CHECKING:
    from httpx import Client

    from assay.charter.monitoring import Channel
    from assay.evidence.alert_state import AlertState
    from assay.lifecycle.delivery import ChannelReport, Delivery
    from assay.ports.alert_channel import AlertChannel

__all__ = ["Alerting"]

_SECONDS = 10.0
"""How long a receiver may take to answer."""


class Alerting(Root):
    """Alerts: listed, acknowledged, muted, delivered and counted."""

    def alerts(self) -> tuple[AlertState, ...]:
        """Return every alert, the open ones first, ranked by their estimated loss a day."""
        from assay.lifecycle.alerting import alert_states, by_cost

        return by_cost(alert_states(self.ports.ledger, self.charter.name))

    def acknowledge(self, alert: str, by: str) -> AlertState:
        """Put a name to having heard of an open alert (named by its id, or how that begins)."""
        from assay.lifecycle.alerting import acknowledge

        return acknowledge(self.ports.ledger, self.charter.name, alert, by, self._now())

    def mute(self, alert: str, by: str, *, length: str, because: str) -> AlertState:
        """Hold back the messages about an open alert for hours or days, such as `7 days`."""
        from assay.lifecycle.alerting import length_of_time, mute

        terms = (because, length_of_time(length))
        return mute(self.ports.ledger, self.charter.name, alert, by, terms, self._now())

    def unmute(self, alert: str, by: str) -> AlertState:
        """Let the messages about an open alert go out again."""
        from assay.lifecycle.alerting import unmute

        return unmute(self.ports.ledger, self.charter.name, alert, by, self._now())

    def send_alerts(self, *, again: bool = False) -> Delivery:
        """Deliver what is due on every channel of the charter; safe to repeat at any time."""
        from assay.lifecycle.delivery import deliver
        from assay.lifecycle.messages import threads

        told = threads(self.ports.ledger.events(f"alert:{self.charter.name}"))
        with self._channels() as channels:
            return deliver(told, channels, self.ports.outbox, self._now(), again=again)

    def undelivered(self) -> tuple[ChannelReport, ...]:
        """Return how each channel stands; nothing is sent."""
        from assay.lifecycle.delivery import outstanding
        from assay.lifecycle.messages import threads

        told = threads(self.ports.ledger.events(f"alert:{self.charter.name}"))
        agreed = self.charter.monitoring.alerts.channels
        return outstanding(told, agreed, self.ports.outbox, self._now()) if agreed else ()

    def alert_metrics(self, out: Path | str | None = None) -> bytes:
        """Return alerts and value in Prometheus' text form, and write them to a file if named."""
        from assay.adapters.whole_file import write_whole
        from assay.lifecycle.metrics import metrics_text, newest_postings

        postings = newest_postings(self.ports.ledger, self.charter.name)
        channels = self.undelivered()
        text = metrics_text(self.charter, self.alerts(), postings, channels, self._now())
        if out is not None:
            write_whole(Path(out), text)
        return text

    @contextmanager
    def _channels(self) -> Iterator[list[tuple[Channel, AlertChannel]]]:
        import httpx

        agreed = self.charter.monitoring.alerts.channels
        with httpx.Client(timeout=_SECONDS, headers={"user-agent": "assay"}) as client:
            yield [(one, self._channel(one, client)) for one in agreed]

    def _channel(self, agreed: Channel, client: Client) -> AlertChannel:
        """Open one channel; what cannot be opened keeps its messages until it can."""
        from assay.adapters.alertmanager_channel import AlertmanagerChannel
        from assay.adapters.apprise_channel import open_apprise
        from assay.adapters.memory_channel import ShutChannel
        from assay.adapters.webhook_channel import WebhookChannel
        from assay.errors import AssayError

        for variable in filter(None, (agreed.address_from, agreed.secret_from)):
            if not os.environ.get(variable):
                return ShutChannel(
                    f"The environment variable {variable}, which the charter names for the "
                    f"channel {agreed.name!r}, is not set. Set it, then run "
                    "`assay alerts send --again`."
                )
        address = os.environ[agreed.address_from]
        if agreed.kind == "apprise":
            try:
                return open_apprise(address)
            except AssayError as error:
                return ShutChannel(str(error))
        if agreed.kind == "alertmanager":
            return AlertmanagerChannel(client, address, self.ports.clock)
        secret = os.environ[agreed.secret_from] if agreed.secret_from else None
        return WebhookChannel(client, address, self.ports.clock, secret)
