"""A value model without the rest of a charter, for a first look at what scores are worth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from pydantic import ValidationError

from assay.charter.charter import Charter
from assay.charter.data import Data
from assay.charter.document import read_document
from assay.charter.faults_between import findings_between
from assay.charter.finding import Finding
from assay.charter.partial import Partial, read_partially
from assay.charter.value import ValueModel
from assay.errors import CharterError

__all__ = ["value_model"]

_WHERE = "The value model"


def value_model(
    given: str | Mapping[str, Any], *, positive: str | int | bool | None = None
) -> ValueModel:
    """Read the `value` section of a charter from its text, or from plain data.

    `positive` is the outcome that a score speaks of; needed with two outcomes. Raises CharterError
    with every fault at once, as the whole charter would.

    >>> model = value_model('''
    ... currency: EUR
    ... actions:
    ...   call: {yes: 9, no: -1}
    ...   skip: 0
    ... baselines: {nobody: skip}
    ... decisions_per_month: 1400
    ... ''', positive="yes")
    >>> model.currency, model.baseline
    ('EUR', 'nobody')
    >>> value_model("{currency: EUR, under: 3, baselines: {none: 0}}")
    Traceback (most recent call last):
    assay.errors.CharterError: The value model has 2 faults:
      value.decisions_per_month: missing (given: nothing). To mend: add `decisions_per_month: …`.
      value: does not hold together (given: {currency: EUR, under: 3, baselines: {none: 0}} on ...
    """
    text = given if isinstance(given, str) else json.dumps(given, default=_plain)
    document = read_document(text, _WHERE)
    findings = list(document.findings)
    try:
        model: Any = ValueModel.model_validate(document.data)
    except ValidationError:
        model, faults = read_partially(ValueModel, document.data, {})
        findings += faults
    named = {"positive": positive, "known_after": (), "outcome": "outcome", "revealed_by": ()}
    whole = Partial(Charter, {"value": model, "data": Partial(Data, named)})
    told = {finding.path for finding in findings}
    between = findings_between(cast("Charter", whole), None)
    inside = [Finding(("value", *one.path), *one[1:]) for one in findings]
    inside += [_here(one) for one in between if one.path[1:] not in told]
    if inside:
        whole_text = {"value": document.data}
        raise CharterError(
            _WHERE, [one.fault(whole_text, document.line(one.path[1:])) for one in inside]
        )
    return cast("ValueModel", model)


def _plain(value: Any) -> Any:
    """Return numbers of numpy and dates as a text file would have them."""
    return value.item() if hasattr(value, "item") else str(value)


def _here(finding: Finding) -> Finding:
    """Say how the positive outcome is given where there is no `data` section."""
    if finding.path != ("data", "positive"):
        return finding
    return Finding(("positive",), finding.problem, "give `positive=…`, one of the outcomes")
