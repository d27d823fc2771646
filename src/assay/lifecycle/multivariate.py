"""Newest windows beside reference rows, all columns at once: what single features do not show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from assay.charter.charter import Charter
from assay.deploy.fetch import fetch_bundle
from assay.errors import InputError
from assay.evidence.bundle import Bundle
from assay.monitor.cases import inputs_in
from assay.monitor.domain_classifier import DomainDrift, domain_drift
from assay.monitor.input_columns import columns_as_built
from assay.monitor.run import MeasuredWindow, deciding
from assay.monitor.watched import watch_bundle
from assay.ports.engine import Columns
from assay.ports.ports import Ports
from assay.ports.predictions import INPUT
from assay.ports.profiles import WindowKey

__all__ = ["Multivariate", "multivariate"]

ReferenceRows = Callable[[Bundle], pl.DataFrame]
"""Returns the inputs that a bundle's reference was made from; InputError where they are gone."""


@dataclass(frozen=True)
class Multivariate:
    """A version's newest complete window beside its reference; `note` says why it is not."""

    window: str
    version: int
    found: DomainDrift | None
    note: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        told = None if self.found is None else self.found.document()
        return {"window": self.window, "version": self.version, "found": told, "note": self.note}

    @property
    def text(self) -> str:
        """The comparison in words."""
        where = f"{self.window}, version {self.version}"
        if self.found is None:
            return f"{where}: all columns together were not compared: {self.note}"
        verdict = "moved" if self.found.moved else "did not move"
        told = [f"{name} ({area:.2f})" for name, area in self.found.telling]
        by = f"; told apart by {', '.join(told)}" if self.found.moved and told else ""
        area = self.found.auc
        return (
            f"{where}: all columns together {verdict}: a classifier tells the window from the "
            f"reference with an area of {area.mean:.3f} [{area.low:.3f}, {area.high:.3f}]{by}"
        )


def multivariate(
    charter: Charter, ports: Ports, windows: Sequence[MeasuredWindow], reference: ReferenceRows
) -> tuple[Multivariate, ...]:
    """Compare the newest complete window of each version with rows of its reference."""
    newest: dict[str, tuple[str, list[WindowKey]]] = {}
    for window, parts in windows:
        for bundle, keys in deciding(parts).items() if window.complete else ():
            newest[bundle] = (window.name, keys)
    return tuple(_compared(charter, ports, name, keys, reference) for name, keys in newest.values())


def _compared(
    charter: Charter, ports: Ports, name: str, keys: Sequence[WindowKey], reference: ReferenceRows
) -> Multivariate:
    key, bundle = keys[0], fetch_bundle(ports.blobs, keys[0].bundle)
    arms = [one.arm for one in keys]
    rows = ports.windows.read(key.window)
    rows = rows.filter((pl.col("bundle") == key.bundle) & pl.col("arm").is_in(arms))
    try:
        known = reference(bundle)
        found = domain_drift(
            _columns(bundle, known), _columns(bundle, rows), seed=charter.build.seed
        )
    except InputError as error:
        return Multivariate(name, key.version, None, str(error))
    return Multivariate(name, key.version, found)


def _columns(bundle: Bundle, rows: pl.DataFrame) -> Columns:
    """Return the inputs of rows, named plainly or as predictions name them."""
    watched = watch_bundle(bundle)
    named = any(name.startswith(INPUT) for name in rows.columns)
    given = inputs_in(rows) if named else {name: rows[name] for name in rows.columns}
    columns = columns_as_built(watched, given, rows.height)
    return {one.name: columns[one.name] for one in watched.inputs}
