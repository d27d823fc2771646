"""Assay shows what a model is really worth, in money, and lets none through that may not pass.

A notebook can do all that the command line does:

>>> import assay
>>> sorted(assay.__all__)[:3]
['Appraisal', 'AssayError', 'Charter']

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
    from assay.charter.value_model import value_model as value_model
    from assay.errors import AssayError as AssayError
    from assay.loaded import Loaded as Loaded
    from assay.loaded import load as load
    from assay.report.picture import Picture as Picture
    from assay.report.picture import plot as plot
    from assay.stats.estimate import Estimate as Estimate
    from assay.value.appraisal import Appraisal as Appraisal
    from assay.value.appraisal import appraise as appraise
    from assay.value.valuation import Valuation as Valuation
    from assay.value.valuation import valuation as valuation
    from assay.workspace import Workspace as Workspace
    from assay.workspace import draft as draft

_HOMES = {
    "Appraisal": "assay.value.appraisal",
    "AssayError": "assay.errors",
    "Charter": "assay.charter.charter",
    "Estimate": "assay.stats.estimate",
    "Loaded": "assay.loaded",
    "Picture": "assay.report.picture",
    "Valuation": "assay.value.valuation",
    "Workspace": "assay.workspace",
    "appraise": "assay.value.appraisal",
    "draft": "assay.workspace",
    "load": "assay.loaded",
    "load_charter": "assay.charter.load",
    "plot": "assay.report.picture",
    "valuation": "assay.value.valuation",
    "value_model": "assay.charter.value_model",
}

__all__ = [
    "Appraisal",
    "AssayError",
    "Charter",
    "Estimate",
    "Loaded",
    "Picture",
    "Valuation",
    "Workspace",
    "appraise",
    "draft",
    "load",
    "load_charter",
    "plot",
    "valuation",
    "value_model",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"assay has no {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
