"""Payoffs that a function of another package works out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

import numpy as np

from assay.charter.value import Function
from assay.errors import DataError, ModelError, did_you_mean
from assay.value.continuous_payoff import Searched
from assay.value.payoff import Caps, Columns, Floats, capped

__all__ = ["GROUP", "PluggedPayoff", "PluggedTable", "Plugin"]

GROUP = "assay.payoffs"
"""The entry point group in which installed packages offer payoff functions."""


@dataclass(frozen=True)
class Plugin:
    """A payoff function by name, with the bounds that were declared for it.

    Only what an installed package offers under its name is ever called, so that a bundle cannot
    name code of its own; in a notebook `function` may be given directly. A result that is not
    finite, or outside the bounds, is a DataError: bounds are known before data.
    """

    name: str
    bounds: tuple[float, float]
    columns: tuple[str, ...] = ()
    function: Callable[..., Any] | None = field(default=None, compare=False)

    @classmethod
    def of(cls, given: Function, functions: Mapping[str, Callable[..., Any]]) -> Plugin:
        """Return the plug-in that a charter names, taken from `functions` where it is there."""
        return cls(given.name, given.bounds, given.columns, functions.get(given.name))

    def __call__(self, *asked: Any, columns: Columns) -> Floats:
        """Return the checked payoffs of what is asked, with the columns that the function reads."""
        call = self.function or _installed(self.name)
        paid = np.asarray(call(*asked, columns), dtype=np.float64)
        low, high = self.bounds
        wrong = ~((paid >= low) & (paid <= high))
        if wrong.any():
            first = float(paid[wrong].ravel()[0])
            raise DataError(
                f"The payoff function {self.name!r} returned {first:g} for {int(wrong.sum())} of "
                f"{paid.size} cases, outside its declared bounds [{low:g}, {high:g}]. Mend the "
                "function, or widen `value.function.bounds`."
            )
        return paid

    def document(self) -> dict[str, Any]:
        """Return the plug-in as a JSON document: its name, never its code."""
        return {"name": self.name, "bounds": list(self.bounds), "columns": list(self.columns)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Plugin:
        """Read a plug-in back."""
        low, high = document["bounds"]
        return cls(document["name"], (low, high), tuple(document["columns"]))


@dataclass(frozen=True)
class PluggedTable:
    """Payoffs of actions given outcomes, worked out by a function of both and the columns.

    >>> def pay(action, outcome, columns):
    ...     return 0.0 * columns["amount"] if action == "skip" else (
    ...         columns["amount"] - 1.0 if outcome == "yes" else -1.0)
    >>> plugin = Plugin("pay", (-1.0, 99.0), ("amount",), pay)
    >>> table = PluggedTable(("call", "skip"), ("no", "yes"), plugin)
    >>> table.matrix({"amount": np.array([10.0])}, 1)
    array([[[-1.,  9.],
            [ 0.,  0.]]])
    """

    actions: tuple[str, ...]
    labels: tuple[str, ...]
    plugin: Plugin
    caps: Caps = field(default_factory=dict)

    @property
    def columns(self) -> frozenset[str]:
        """The input columns that the function reads."""
        return frozenset(self.plugin.columns)

    def matrix(self, columns: Columns, n: int) -> Floats:
        """Return the payoffs, (n, A, K); DataError where a column or a result is not usable."""
        read = capped(columns, self.columns, self.caps)
        full = np.empty((n, len(self.actions), len(self.labels)))
        for a, action in enumerate(self.actions):
            for k, label in enumerate(self.labels):
                full[:, a, k] = self.plugin(action, label, columns=read)
        return full

    def bounds(self) -> tuple[float, float]:
        """Return the declared least and most."""
        return self.plugin.bounds

    def document(self) -> dict[str, Any]:
        """Return the table as a JSON document."""
        return {
            "actions": list(self.actions),
            "labels": list(self.labels),
            "function": self.plugin.document(),
            "caps": {name: list(cap) for name, cap in sorted(self.caps.items())},
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> PluggedTable:
        """Read a table back."""
        return cls(
            tuple(document["actions"]),
            tuple(document["labels"]),
            Plugin.from_document(document["function"]),
            {name: (low, high) for name, (low, high) in document["caps"].items()},
        )


@dataclass(frozen=True)
class PluggedPayoff(Searched):
    """A payoff of a decided amount given an outcome, worked out by a function.

    It is called with arrays of decisions and of outcomes of one shape (n, ...), and with columns
    that broadcast against them.
    """

    plugin: Plugin
    caps: Caps = field(default_factory=dict)

    @property
    def columns(self) -> frozenset[str]:
        """The input columns that the function reads."""
        return frozenset(self.plugin.columns)

    def bounds(self) -> tuple[float, float]:
        """Return the declared least and most."""
        return self.plugin.bounds

    def document(self) -> dict[str, Any]:
        """Return the payoff as a JSON document."""
        caps = {name: list(cap) for name, cap in sorted(self.caps.items())}
        return {"function": self.plugin.document(), "caps": caps}

    def _worked_out(self, decision: Floats, outcome: Floats, columns: Columns) -> Floats:
        decision, outcome = np.broadcast_arrays(decision, outcome)
        return np.broadcast_to(self.plugin(decision, outcome, columns=columns), decision.shape)


def _installed(name: str) -> Callable[..., Any]:
    offered = {point.name: point for point in entry_points(group=GROUP)}
    if name not in offered:
        hint = did_you_mean(name, offered) or (
            f"installed are: {', '.join(sorted(offered)) or 'none'}"
        )
        raise ModelError(
            f"No installed package offers the payoff function {name!r}; {hint}. Install the "
            f"package that has it as an entry point in the group `{GROUP}`, here and where the "
            "gateway runs."
        )
    found: Callable[..., Any] = offered[name].load()
    return found
