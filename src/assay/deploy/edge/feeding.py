"""What the model's inputs are given: each its column, or blocks of columns as its metadata say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["Feed"]


class Feed:
    """From the columns `names`, float32 or text of shape (n, 1), to the inputs of a session."""

    def __init__(self, session: Any, names: Sequence[str]) -> None:
        slots = [slot.name for slot in session.get_inputs()]
        told = session.get_modelmeta().custom_metadata_map.get("assay.blocks")
        blocks = {} if told is None else json.loads(told)
        # Converters rewrite dots and blanks: where names differ, places count.
        places = slots if told is None and set(slots) != set(names) else names
        pairs = zip(names, places, strict=True)
        self._single = [(name, slot) for name, slot in pairs if slot in slots]
        self._number_slot = blocks.get("number_slot")
        self._lookup_slot = blocks.get("lookup_slot")
        given = blocks.get("inputs", ())
        self._numbers = [one["name"] for one in given if one["kind"] == "number"]
        self._lookups = [(one["column"], *_table(one)) for one in blocks.get("lookups", ())]

    def __call__(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return the inputs by name."""
        feed = {slot: columns[name] for name, slot in self._single}
        if self._number_slot is not None:
            feed[self._number_slot] = np.hstack([columns[name] for name in self._numbers])
        if self._lookup_slot is not None:
            feed[self._lookup_slot] = np.hstack(
                [
                    table[[codes.get(text, -1) for text in columns[name][:, 0].tolist()]]
                    for name, codes, table in self._lookups
                ]
            )
        return feed


def _table(lookup: Mapping[str, Any]) -> tuple[dict[str, int], Any]:
    """Return the row of each category, and the rows of numbers; the last is for any other text."""
    codes = {name: code for code, name in enumerate(lookup["categories"])}
    if "values" not in lookup:
        return codes, np.eye(len(codes) + 1, len(codes), dtype=np.float32)
    values = [*lookup["values"], lookup.get("otherwise", 0.0)]
    return codes, np.array(values, dtype=np.float32).reshape(-1, 1)
