"""A fault before it is written out: where, what and the mend, as data."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from assay.errors import Fault

__all__ = ["Finding", "Path", "dotted", "shown"]

Path = tuple[str | int, ...]

_LONGEST = 60


class Finding(NamedTuple):
    """What is wrong at one place; `given` is read from the file where it is not said here."""

    path: Path
    problem: str
    mend: str
    given: str | None = None

    def fault(self, data: Any, line: int) -> Fault:
        """Write it out with what stands at that place of the file.

        >>> print(Finding(("value", "run_cost"), "no number", "write one").fault(
        ...     {"value": {"run_cost": "much"}}, 12))
        value.run_cost: no number (given: `much` on line 12). To mend: write one.
        """
        given = self.given if self.given is not None else shown(_at(data, self.path))
        place = "" if given == "nothing" else f" on line {line}"
        return Fault(dotted(self.path), self.problem, f"{given}{place}", self.mend)


def dotted(path: Path) -> str:
    """Write a path as people read it.

    >>> dotted(("guardrails", 0, "metric"))
    'guardrails[0].metric'
    """
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "charter"


def shown(value: Any) -> str:
    """Show a value as the file has it, cut where long.

    >>> shown(["age", 3]), shown({"yes": 9}), shown(None), shown(True)
    ('[age, 3]', '{yes: 9}', 'nothing', 'true')
    """
    if value is None:
        return "nothing"
    if isinstance(value, str):
        text = " ".join(value.split())
        return f"`{text if len(text) <= _LONGEST else text[:_LONGEST] + '…'}`"
    text = _flow(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _flow(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:g}"
    return "nothing" if value is None else str(value)


def _at(data: Any, path: Path) -> Any:
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data
