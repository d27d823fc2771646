"""Which rows of a table hang together: those of one entity, or of one stretch of time."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.charter.charter import Charter
from assay.stats.clusters import Clusters, row_blocks

__all__ = ["clusters_of", "entity_codes"]

_LEAST_BLOCKS = 25
_CALENDAR = (("month", "1mo"), ("week", "1w"), ("day", "1d"))


def clusters_of(frame: pl.DataFrame, charter: Charter) -> Clusters | None:
    """Return what intervals over a table's rows resample: None where rows stand alone.

    Rows of one entity are alike. Without an entity (or all of one: a single history), rows in
    order follow each other, and what is decided wrongly in one hour is in the next: whole stretches
    are resampled then, by the longest of month, week and day of which the table has 25, else by
    consecutive blocks of about sqrt(n) rows. (Beyond 30 batches little is gained by more:
    Schmeiser, Batch size effects in the analysis of simulation output, Operations Research 30,
    1982.) `frame` stands in order.
    """
    data = charter.data
    if data.entity is not None:
        owned = Clusters.of(entity_codes(frame, data.entity), "entity")
        if owned.count > 1 or not data.ordered:
            return owned
    if not data.ordered:
        return None
    if data.time is not None and frame[data.time].dtype in (pl.Date, pl.Datetime):
        for word, length in _CALENDAR:
            stretches = frame[data.time].dt.truncate(length)
            if stretches.n_unique() >= _LEAST_BLOCKS:
                return Clusters.of(stretches.to_physical().to_numpy(), word)
    return row_blocks(frame.height)


def entity_codes(frame: pl.DataFrame, entity: str) -> NDArray[np.int64]:
    """Return a whole number for each row's entity; a row without one is an entity of its own.

    >>> entity_codes(pl.DataFrame({"client": ["a", None, "a", ""]}), "client").tolist()
    [2, 0, 2, 1]
    """
    known = frame[entity].cast(pl.String).fill_null("").to_numpy().astype(str)
    names, codes = np.unique(known, return_inverse=True)
    alone = known == ""
    codes = codes + int(alone.sum()) - (len(names) and names[0] == "")
    codes[alone] = np.arange(int(alone.sum()))
    return codes.astype(np.int64)
