"""A window's predictions told apart by who decided, and each part measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.charter.charter import Charter
from assay.errors import DataError
from assay.monitor.cases import framed_cases, inputs_in
from assay.monitor.input_changes import input_changes, named_by
from assay.monitor.measured import Measured, measure
from assay.monitor.volume import daily_volume
from assay.monitor.watched import Watched
from assay.monitor.windows import Window
from assay.ports.profiles import WindowKey
from assay.stats.profile import Profile
from assay.value.in_force import paid_by
from assay.value.valuation import valuation

__all__ = ["Bundles", "measured_groups"]

Bundles = Callable[[str], Watched | None]
"""Returns what monitoring needs of a bundle, by its digest; None where nobody has it."""


def measured_groups(
    charter: Charter,
    window: Window,
    rows: pl.DataFrame,
    ripe: NDArray[np.bool_],
    bundles: Bundles,
    *,
    seed: int = 0,
    before: Callable[[WindowKey], Profile | None] = lambda _: None,
) -> Iterator[tuple[WindowKey, Measured]]:
    """Measure each (arm, version, bundle) of one window, in order of the arms' names.

    `rows` (n,) are all of the window's, in order of time, with their raw `outcome`; `ripe` (n,)
    says of which the label delay is over. `before` may give the profile of the same cases with
    fewer labels. Raises DataError where a prediction names a bundle that nobody has.
    """
    marked = rows.with_columns(pl.Series("@ripe", ripe))
    parts = marked.partition_by("arm", "version", "bundle", as_dict=True, maintain_order=True)
    for (arm, version, bundle), part in sorted(parts.items()):
        key = WindowKey(window.index, str(arm), int(version), str(bundle))
        watched = bundles(key.bundle)
        if watched is None:
            raise DataError(_unknown_bundle(part["id"][0], key))
        watched = _paid_as_agreed(charter, watched, part)
        cases = framed_cases(watched, part, part["@ripe"].to_numpy())
        times = part["at"].to_numpy()
        yield (
            key,
            measure(
                charter,
                watched,
                cases,
                seed=seed,
                before=before(key),
                per_day=daily_volume(charter, window, cases.n).per_day,
                middle=times[len(times) // 2],
                changed=input_changes(watched, inputs_in(part), named_by(charter)),
            ),
        )


def _paid_as_agreed(charter: Charter, watched: Watched, rows: pl.DataFrame) -> Watched:
    """Return the version with the payoffs agreed for the day on which a window's cases begin."""
    if not charter.agreed.value.changes:
        return watched
    first = rows["at"][0].replace(tzinfo=UTC)
    day = first.astimezone(charter.monitoring.zone).date()
    paying = valuation(charter.agreed.value.at(day), charter.data)
    return replace(watched, valuation=paid_by(watched.valuation, paying))


def _unknown_bundle(id_: str, key: WindowKey) -> str:
    return (
        f"The prediction {id_} was served by the bundle {key.bundle[:12]} (version {key.version}), "
        "which is not among the bundles given. Monitor with every bundle that served."
    )
