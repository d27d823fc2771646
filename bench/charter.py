"""The charter of the model that is released under load and between kills, as a document."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["charter_document"]


def charter_document(name: str, place: str, release: Mapping[str, object]) -> dict[str, object]:
    """Return a model's charter: in the environment `place` its releases need no signature."""
    return {
        "name": name,
        "title": "Whom to call",
        "problem": {"business": "b", "analytical": "a", "hypothesis": "h"},
        "strategy": {"objective": "o", "kpi": "k"},
        "people": "solo",
        "data": {"source": "bank.csv", "outcome": "y", "positive": "yes"},
        "value": {
            "currency": "EUR",
            "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
            "baselines": {"nobody": "skip"},
            "baseline": "nobody",
            "decisions_per_month": 1000,
        },
        "risk": {"tier": "low"},
        "release": dict(release),
        "environments": {place: {"gate": False}},
    }
