"""Many models looked at together: one error rate for all that moved, one list of what it costs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from assay.charter.charter import Charter
from assay.monitor.alerts import Alert
from assay.monitor.discovery import discovered
from assay.monitor.drift import Drift
from assay.monitor.keeping import Look
from assay.monitor.ranking import ranked
from assay.monitor.reading import read_reading, swept_reading
from assay.monitor.run import MonitorResult, deciding
from assay.ports.ledger import Ledger
from assay.ports.ports import Ports
from assay.ports.profiles import WindowKey

__all__ = [
    "Looked",
    "Swept",
    "judged_together",
    "keep_verdicts",
    "posted_so_far",
    "ranked_alerts",
]


@dataclass(frozen=True, eq=False)
class Looked:
    """One model in a sweep: its charter and ports, and what was measured of it.

    `posted` says how far its ledger was then (see `posted_so_far`); `verdicts` are (as judged
    alone, as judged together) of the drift that a sweep judged.
    """

    charter: Charter
    ports: Ports
    look: Look
    posted: tuple[int, ...] = ()
    verdicts: Mapping[WindowKey, tuple[Drift, Drift]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Swept:
    """What came of one model in a sweep: what was found and posted, or why nothing was.

    `windows` counts those measured just now; `currency` is the charter's.
    """

    directory: str
    model: str = ""
    windows: int = 0
    result: MonitorResult | None = None
    raised: int = 0
    closed: int = 0
    posted: int = 0
    error: str = ""
    currency: str = ""
    exit_code: int = 0


def judged_together(looks: Iterable[Looked]) -> list[Looked]:
    """Judge the drift of all windows measured just now together; nothing is written.

    At most the least `monitoring.false_discovery_rate` of these models is false of all features
    that count as moved, over all models (see `discovery`); each model keeps its own
    `monitoring.least_effect`. Windows judged in an earlier sweep or run stay as they were judged.
    `keep_verdicts` writes down what came of it.
    """
    models = list(looks)
    asked = {
        (place, key): drift
        for place, one in enumerate(models)
        for key, drift in _unswept(one.look).items()
    }
    if not asked:
        return models
    rate = min(one.charter.monitoring.false_discovery_rate for one in models)
    effects = {one.charter.monitoring.least_effect for one in models}
    names = {f"{place} {key}": (place, key) for place, key in asked}
    drifts = {name: asked[where] for name, where in names.items()}
    found: dict[tuple[int, WindowKey], Drift] = {}
    for effect in sorted(effects):
        judged = discovered(drifts, rate=rate, least_effect=effect)
        found |= {
            names[name]: drift
            for name, drift in judged.items()
            if models[names[name][0]].charter.monitoring.least_effect == effect
        }
    return [
        _with(one, {key: drift for (at, key), drift in found.items() if at == place})
        for place, one in enumerate(models)
    ]


def _unswept(look: Look) -> dict[WindowKey, Drift]:
    """Return the drift of complete windows that no sweep has judged yet."""
    return {
        key: parts[key].drift
        for window, parts in look.windows
        if window.complete
        for keys in deciding(parts).values()
        for key in keys
        if key in look.unswept and parts[key].drift.judged
    }


def _with(one: Looked, drifts: Mapping[WindowKey, Drift]) -> Looked:
    """Return the look with drift as judged together."""
    alone = _unswept(one.look)
    windows = tuple(
        (
            window,
            {
                key: replace(measured, drift=drifts.get(key, measured.drift))
                for key, measured in parts.items()
            },
        )
        for window, parts in one.look.windows
    )
    look = replace(one.look, windows=windows, unswept=one.look.unswept - drifts.keys())
    return replace(one, look=look, verdicts={key: (alone[key], drifts[key]) for key in drifts})


def posted_so_far(ledger: Ledger, model: str) -> tuple[int, ...]:
    """Return what changes with whatever is posted of a model's alerts and value."""
    return tuple(ledger.revision(f"{kind}:{model}") for kind in ("alert", "value"))


def keep_verdicts(one: Looked) -> bool:
    """Write down verdicts on drift, each into its window's reading as that is by now.

    To be called with the lock of the model's monitoring. False where the look holds no more: rows
    of a window came in meanwhile, or another sweep judged it; such a window stays as it is kept.
    """
    profiles = one.ports.profiles
    readings = profiles.readings() if one.verdicts else {}
    kept = {}
    for key, (alone, together) in one.verdicts.items():
        reading, profile = read_reading(readings.get(key, b"")), profiles.profile(key)
        if reading and profile and not reading.swept and _same(reading.measured.drift, alone):
            kept[key] = (profile, swept_reading(readings[key], together))
    if kept:
        profiles.put(kept)
    return len(kept) == len(one.verdicts)


def _same(one: Drift, other: Drift) -> bool:
    """Whether two drifts say the same, numbers that are none among them."""
    return json.dumps(one.document()) == json.dumps(other.document())


def ranked_alerts(swept: Iterable[Swept]) -> dict[str, tuple[tuple[str, Alert], ...]]:
    """Return the open alerts of all models by their currency, each with its model.

    Within a currency what costs most a day comes first; amounts of different currencies are never
    compared. Currencies come in alphabetical order, those without an alert are left out.
    """
    found: dict[str, list[tuple[str, Alert]]] = {}
    for one in swept:
        for alert in one.result.alerts if one.result is not None else ():
            if alert.open:
                found.setdefault(one.currency, []).append((one.model, alert))
    return {
        currency: ranked(alerts, lambda pair: pair[1].finding.value_per_day)
        for currency, alerts in sorted(found.items())
    }
