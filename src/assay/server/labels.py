"""Labels of a gateway as text, and which of them matter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from assay.errors import InputError

__all__ = ["read_labels", "relevant", "written"]

_PAIR = re.compile(r"([\w.\-/]{1,63})=([\w.\-/ ]{0,127})")
_MOST = 32


def read_labels(text: str) -> dict[str, str]:
    """Read `region=north,tier=edge`; InputError where it is no such text.

    >>> read_labels("tier=edge,region=north")
    {'tier': 'edge', 'region': 'north'}
    >>> read_labels("")
    {}
    """
    labels = {}
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    for part in parts:
        found = _PAIR.fullmatch(part)
        if found is None or len(parts) > _MOST:
            raise InputError(
                f"Labels are written `region=north,tier=edge`, at most {_MOST} of them; given: "
                f"{text[:200]!r}."
            )
        labels[found[1]] = found[2]
    return labels


def written(labels: Mapping[str, str]) -> str:
    """Return labels as one text, whatever their order was.

    >>> written({"tier": "edge", "region": "north"})
    'region=north,tier=edge'
    """
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))


def relevant(labels: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return the labels of those names alone, so that equal answers are made once.

    >>> relevant({"host": "a17", "region": "north"}, ["region", "tier"])
    {'region': 'north'}
    """
    return {name: labels[name] for name in names if name in labels}
