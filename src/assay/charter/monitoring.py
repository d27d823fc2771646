"""How the model is watched: windows, limits, where predictions are logged, who is told."""

from __future__ import annotations

from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from assay.charter.data import Span, SpanText
from assay.charter.limits import Limit
from assay.charter.prediction_log import PredictionLog
from assay.charter.section import Section, Text

__all__ = ["Alerting", "Boundary", "Channel", "Monitoring", "Season"]

Season = Literal["none", "hour_of_day", "day_of_week", "month_of_year"]


class Boundary(Section):
    """Agreed limits on uplift, in the charter's currency.

    A window breaches when the upper bound of its uplift lies below `floor_per_month`, or when its
    loss against the baseline is surely above `max_loss_per_day`.
    """

    floor_per_month: float = 0.0
    goal_per_month: float | None = None
    max_loss_per_day: float | None = Field(default=None, gt=0)


class Channel(Section):
    """One receiver of alerts.

    Addresses and secrets are read from the environment, so that they stand in no charter.
    """

    name: Text
    kind: Literal["apprise", "webhook", "alertmanager"] = Field(
        description="`apprise`: chat, mail and pagers; `webhook`: signed CloudEvents; "
        "`alertmanager`: Prometheus' own."
    )
    address_from: Text = Field(description="The environment variable that holds its address.")
    secret_from: Text | None = Field(
        default=None,
        description="The environment variable that holds the key which signs webhooks.",
    )
    least_per_day: float = Field(
        default=0.0,
        ge=0,
        description="Currency a day below which an alert is not sent here; one without an "
        "estimate always is.",
    )


class Alerting(Section):
    """When an alert is said again, to whom it goes, and when it counts as unheard."""

    channels: tuple[Channel, ...] = ()
    escalate_after: int = Field(
        default=3,
        gt=0,
        description="Windows that an alert may stay open without anybody acknowledging it.",
    )


class Monitoring(Section):
    """Windows, boundaries on value, and when a change is worth a word."""

    window: SpanText = Span(count=1000, unit="row")
    time_zone: str = "UTC"
    season: Season = Field(
        default="none",
        description="What windows are compared with: reference windows of the same hour, weekday "
        "or month; `none`: with all of them.",
    )
    boundary: Boundary = Boundary()
    limits: dict[Text, Limit] = Field(
        default_factory=dict,
        description="Limits on what is measured live: `latency_p99_ms`, `error_rate`, "
        "`referral_rate`, or a metric such as `roc_auc`.",
    )
    segments: tuple[Text, ...] = Field(
        default=(),
        description="Columns by whose values value and metrics are told apart; the sensitive "
        "ones where not given.",
    )
    false_discovery_rate: float = Field(default=0.05, gt=0, lt=0.5)
    least_effect: float = Field(
        default=0.05, ge=0, description="Smallest shift worth an alert, in standard deviations."
    )
    least_per_day: float = Field(
        default=0.0,
        ge=0,
        description="Currency a day that a drift of inputs, score or decisions must cost or bring "
        "to be worth an alert, however sure it is; one whose effect nobody knows always is.",
    )
    windows_between_false_alarms: int = Field(
        default=1000,
        ge=20,
        description="Windows between two false alarms, on average at least, of each thing that is "
        "followed over windows: creeping drift, concept drift, limits on value and performance.",
    )
    stale_tolerance: float = Field(
        default=0.0,
        ge=0,
        description="Currency per decision by which estimates before labels may be off before "
        "they count as stale, beyond the error that they state.",
    )
    source: PredictionLog | None = Field(
        default=None,
        description="The log of a model that is served elsewhere; Assay's own captures where not "
        "given.",
    )
    every: SpanText = Field(
        default=Span(count=1, unit="hour"),
        description="How often `assay up` monitors by itself: hours or days.",
    )
    alerts: Alerting = Alerting()

    @model_validator(mode="after")
    def _by_the_clock(self) -> Monitoring:
        if self.every.unit not in {"hour", "day"} or self.every.count < 1:
            raise ValueError("`every` goes by the clock: write hours or days, such as `1 hour`")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that days and windows are cut in."""
        return ZoneInfo(self.time_zone)
