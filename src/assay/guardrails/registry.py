"""Every guardrail there is, found by looking, and the verdict on a charter's guardrail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from types import MappingProxyType, ModuleType

from assay import guardrails
from assay.charter import limits
from assay.errors import ModelError
from assay.evidence.evidence import Check
from assay.guardrails.plugin import Cases, Guardrail, Measured

__all__ = ["ENTRY_POINTS", "known_metrics", "measure", "plugins"]

ENTRY_POINTS = "assay.guardrails"
"""The group of entry points by which other packages bring guardrails."""


@cache
def plugins() -> Mapping[str, Guardrail]:
    """Return every guardrail by its metric: those of this package, then those of others.

    Raises ModelError where two of them claim one metric.

    >>> plugins()["value_kept_under_noise"].by_group
    False
    """
    found: dict[str, Guardrail] = {}
    for plugin in (*_own(), *_foreign()):
        if plugin.metric in found:
            raise ModelError(
                f"Two guardrails claim the metric {plugin.metric}: {found[plugin.metric]!r} and "
                f"{plugin!r}. Uninstall one of the packages that bring them."
            )
        found[plugin.metric] = plugin
    return MappingProxyType(dict(sorted(found.items())))


def known_metrics() -> tuple[str, ...]:
    """Return the metrics that a charter's guardrails can name.

    >>> "demographic_parity_ratio" in known_metrics()
    True
    """
    return tuple(plugins())


def measure(guardrail: limits.Guardrail, cases: Cases, seed: int) -> tuple[Check, Measured]:
    """Return the check that evidence holds, and what was measured in full.

    A guardrail that cannot be measured does not hold: its note says why.
    """
    plugin = plugins().get(guardrail.metric)
    if plugin is None:
        reason = f"No such guardrail; there are {', '.join(known_metrics())}."
        measured = Measured(None, reason)
    else:
        measured = plugin.measure(cases, guardrail.column, seed)
    value = measured.value
    check = Check(
        name=guardrail.label,
        passed=value is not None and guardrail.holds(value),
        measured=value,
        limit=str(guardrail),
        severity=guardrail.severity,
        note=measured.note,
    )
    return check, measured


def _own() -> Iterator[Guardrail]:
    for module in sorted(iter_modules(guardrails.__path__), key=lambda found: found.name):
        yield from _in_module(import_module(f"{guardrails.__name__}.{module.name}"))


def _in_module(module: ModuleType) -> Iterator[Guardrail]:
    for value in vars(module).values():
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, Guardrail) and not isinstance(one, type):
                yield one


def _foreign() -> Iterator[Guardrail]:
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        plugin = point.load()
        if not isinstance(plugin, Guardrail) or isinstance(plugin, type):
            raise ModelError(
                f"The entry point {point.name} of {ENTRY_POINTS} ({point.value}) names no "
                "guardrail. Name an instance with `metric`, `by_group` and `measure`."
            )
        yield plugin
