"""Many models looked at together: one error rate for all that moved, one list of what it costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from assay.charter.charter import Charter
from assay.monitor.alerts import Alert
from assay.monitor.discovery import discovered
from assay.monitor.drift import Drift
from assay.monitor.keeping import Look
from assay.monitor.ranking import ranked
from assay.monitor.reading import swept_reading
from assay.monitor.run import MonitorResult, deciding
from assay.ports.ports import Ports
from assay.ports.profiles import WindowKey

__all__ = ["Looked", "Swept", "judged_together", "ranked_alerts"]


@dataclass(frozen=True, eq=False)
class Looked:
    """One model in a sweep: its charter and ports, and what was measured of it."""

    charter: Charter
    ports: Ports
    look: Look


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
    """Judge the drift of all windows measured just now together, and keep the verdicts.

    At most the least `monitoring.false_discovery_rate` of these models is false of all features
    that count as moved, over all models (see `discovery`); each model keeps its own
    `monitoring.least_effect`. Windows judged in an earlier sweep or run stay as they were judged.
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
        replace(one, look=_with(one, {k: d for (at, k), d in found.items() if at == place}))
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


def _with(one: Looked, drifts: Mapping[WindowKey, Drift]) -> Look:
    """Return the look with drift as judged together, and keep it so."""
    profiles = one.ports.profiles
    readings = profiles.readings() if drifts else {}
    kept = {
        key: (content, swept_reading(readings[key], drift))
        for key, drift in drifts.items()
        if key in readings and (content := profiles.profile(key)) is not None
    }
    if kept:
        profiles.put(kept)
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
    return replace(one.look, windows=windows, unswept=one.look.unswept - drifts.keys())


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
