"""A breach that nobody could hear of, or that the wrong hand would answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from assay.charter.charter import Charter
from assay.charter.finding import Finding

__all__ = ["RULES"]

_SAFE = {"roll_back", "fall_back", "escalate"}
"""Responses that go back to what was approved before, or to people."""


def _alone_by_tier(charter: Charter) -> Iterator[Finding]:
    daring = sorted(set(charter.response.alone) - _SAFE)
    if charter.risk.tier == "high" and daring:
        yield Finding(
            ("response", "alone"),
            f"the tier is high, and {', '.join(daring)} would go live without a signature",
            f"leave only {', '.join(sorted(_SAFE))}, or lower the tier",
        )


def _signed_or_alone(charter: Charter) -> Iterator[Finding]:
    for kind in sorted(set(charter.response.alone) & set(charter.response.sign_off)):
        yield Finding(
            ("response", "sign_off", kind),
            "it is to act alone as well",
            "take it out of `alone`, or leave out who signs",
        )


def _channels_once(charter: Charter) -> Iterator[Finding]:
    names = Counter(one.name for one in charter.monitoring.alerts.channels)
    for name, count in names.items():
        if count > 1:
            yield Finding(
                ("monitoring", "alerts", "channels"),
                f"{count} channels are called {name!r}, and what was sent is kept by name",
                "give each a name of its own",
            )


RULES = (_alone_by_tier, _signed_or_alone, _channels_once)
