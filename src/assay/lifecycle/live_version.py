"""A registered version brought to served cases: its scores, forecasts and decisions on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.build.packaged import Packaged
from assay.build.parity import Engines
from assay.errors import InputError
from assay.evidence.bundle import Bundle
from assay.monitor.input_columns import captured_columns
from assay.monitor.watched import Watched, watch_bundle
from assay.ports.engine import Columns, Engine, Floats
from assay.value.valuation import Valuation

__all__ = ["LiveVersion", "recoded"]


@dataclass(frozen=True, eq=False)
class LiveVersion:
    """A version by its number, with its files read and its model loaded."""

    number: int
    watched: Watched
    engine: Engine

    @classmethod
    def load(cls, number: int, bundle: Bundle, engines: Engines) -> LiveVersion:
        """Read a bundle and load its model."""
        watched = watch_bundle(bundle)
        return cls(number, watched, engines(bundle.model_bytes, watched.inputs))

    @classmethod
    def of(cls, packaged: Packaged, engines: Engines) -> LiveVersion:
        """Return a version that was read already."""
        return cls.load(packaged.version, packaged.bundle, engines)

    def columns(self, inputs: Sequence[Mapping[str, Any]], valued: Valuation) -> Columns:
        """Return captured inputs as columns: what the model takes, and what `valued` reads."""
        read = captured_columns(self.watched, inputs)
        missing = [name for name in valued.columns if name not in read]
        if missing:
            raise InputError(
                f"The value model reads {', '.join(sorted(missing))}, which cases served by "
                f"version {self.number} did not come with: no response can be judged on them."
            )
        return read

    def raw(self, columns: Columns) -> Floats:
        """Return raw scores, (n,) or (n, K)."""
        return self.engine.score(columns)

    def forecast(self, raw: Floats, columns: Columns) -> Floats:
        """Return forecasts (n, K) of raw scores."""
        return self.watched.forecast(raw, columns)

    def decide(self, columns: Columns, valued: Valuation) -> NDArray[Any]:
        """Return what the version decides, in the codes of the charter's valuation of today."""
        decided = self.watched.valuation.decide(self.forecast(self.raw(columns), columns), columns)
        return recoded(self.watched.valuation, valued, decided, self.number)


def recoded(old: Valuation, new: Valuation, decisions: NDArray[Any], version: int) -> NDArray[Any]:
    """Return decisions of one valuation in the codes of another; InputError where one is gone."""
    if new.task == "regression" or old.actions == new.actions:
        return decisions
    gone = sorted({old.actions[code] for code in np.unique(decisions)} - set(new.actions))
    if gone:
        raise InputError(
            f"Version {version} takes {', '.join(gone)}, which the charter no longer values: no "
            "response can be compared with it. Value the action, or build a version without it."
        )
    places = [new.actions.index(name) if name in new.actions else -1 for name in old.actions]
    codes: NDArray[Any] = np.array(places, dtype=np.int64)[decisions]
    return codes
