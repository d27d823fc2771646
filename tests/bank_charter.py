"""A small sound charter, for tests of what happens after a model is live."""

from __future__ import annotations

from typing import Any

CHARTER: dict[str, Any] = {
    "name": "bank",
    "title": "Whom to call",
    "problem": {"business": "Calls cost", "analytical": "Who says yes", "hypothesis": "Few calls"},
    "strategy": {"objective": "Grow deposits", "kpi": "Margin a month"},
    "people": {"product_manager": "Ana Costa", "risk_officer": "Rui Matos"},
    "data": {
        "source": "history.parquet",
        "outcome": "deposit",
        "positive": "yes",
        "order": "rows",
        "label_delay": "1 window",
    },
    "value": {
        "currency": "EUR",
        "actions": {"call": {"yes": 54, "no": -6}, "skip": 0},
        "baselines": {"nobody": "skip", "everybody": "call"},
        "baseline": "nobody",
        "decisions_per_month": 5000,
    },
    "acceptance": {"roc_auc": {"at_least": 0.55}},
    "risk": {
        "tier": "low",
        "register": [
            {
                "risk": "Clients complain",
                "likelihood": "low",
                "impact": "low",
                "mitigation": "Ask",
                "owner": "risk_officer",
            }
        ],
    },
}
