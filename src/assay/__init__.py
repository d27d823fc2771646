"""Assay shows what a model is really worth, in money, and lets none through that may not pass.

A notebook can do all that the command line does:

>>> import assay
>>> sorted(assay.__all__)[:3]
['AssayError', 'Charter', 'Estimate']

    workspace = assay.Workspace("examples/bank")
    workspace.build()
    workspace.gate()

Names are loaded when they are first used, so that `import assay` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.charter.charter import Charter as Charter
    from assay.charter.load import load_charter as load_charter
    from assay.errors import AssayError as AssayError
    from assay.stats.estimate import Estimate as Estimate
    from assay.value.valuation import Valuation as Valuation
    from assay.value.valuation import valuation as valuation
    from assay.workspace import Workspace as Workspace
    from assay.workspace import draft as draft

_HOMES = {
    "AssayError": "assay.errors",
    "Charter": "assay.charter.charter",
    "Estimate": "assay.stats.estimate",
    "Valuation": "assay.value.valuation",
    "Workspace": "assay.workspace",
    "draft": "assay.workspace",
    "load_charter": "assay.charter.load",
    "valuation": "assay.value.valuation",
}

__all__ = [
    "AssayError",
    "Charter",
    "Estimate",
    "Valuation",
    "Workspace",
    "draft",
    "load_charter",
    "valuation",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"assay has no {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
