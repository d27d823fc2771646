"""A value model without the rest of a charter, for a first look at what scores are worth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, cast

from pydantic import ValidationError

from assay.charter.charter import Charter
from assay.charter.data import Data
from assay.charter.document import Document, read_document
from assay.charter.faults_between import findings_between
from assay.charter.finding import Finding, shown
from assay.charter.partial import MISFIT, Partial, read_partially
from assay.charter.value import ValueModel
from assay.errors import CharterError, Fault

__all__ = ["value_model"]

_WHERE = "The value model"
_POSITIVE = ("positive",)


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
      value.decisions_per_month: missing (given: nothing). To mend: add `decisions_per_month: …` ...
      value: does not hold together (given: `under` on line 1). To mend: `under` and `over` go ...
    """
    document = _document(given)
    findings = list(document.findings)
    try:
        model: Any = ValueModel.model_validate(document.data)
    except ValidationError as error:
        model, faults = read_partially(ValueModel, document.data, {})
        # Nothing refused may pass: what only the whole model's reading saw is told as it is.
        findings += faults or [
            Finding(fault["loc"], f"cannot be read: {fault['msg']}", "change it")
            for fault in error.errors()
        ]
    named = {"positive": positive, "known_after": (), "outcome": "outcome", "revealed_by": ()}
    whole = Partial(Charter, {"value": model, "data": Partial(Data, named)})
    told = {finding.path for finding in findings if finding.problem != MISFIT}
    between = findings_between(cast("Charter", whole), None)
    inside = [Finding(("value", *one.path), *one[1:]) for one in findings]
    inside += [_here(one, positive) for one in between if one.path[1:] not in told]
    if inside:
        raise CharterError(_WHERE, _faults(inside, document))
    return cast("ValueModel", model)


def _document(given: Any) -> Document:
    """Read what was given; one fault where it is no mapping at all."""
    if isinstance(given, str | Mapping):
        text = given if isinstance(given, str) else json.dumps(given, default=_plain)
        document = read_document(text, _WHERE)
        if isinstance(document.data, dict):
            return document
    raise CharterError(_WHERE, [Fault("value", *_no_mapping(given))])


def _no_mapping(given: Any) -> tuple[str, str, str]:
    """Return what was wrong, what was given and the mend."""
    problem = "not a `value` section: neither its text, `key: value` lines, nor a mapping of them"
    name = str(given).strip()
    kind = type(given).__name__
    words = shown(name) if isinstance(given, str | PurePath) else f"of type {kind}"
    if given is None or not name:
        words = "nothing"
    if name.lower().endswith((".yaml", ".yml", ".json")) and "\n" not in name:
        return problem, words, f'read the file first: `Path("{name}").read_text()`'
    return problem, words, "give its keys: `currency: EUR`, `actions: …`, and so on"


def _faults(findings: list[Finding], document: Document) -> list[Fault]:
    faults = [_fault(one, document) for one in findings]
    return list(dict.fromkeys(faults))


def _fault(finding: Finding, document: Document) -> Fault:
    if finding.path == _POSITIVE:  # an argument stands on no line
        return Fault("positive", finding.problem, finding.given or "nothing", finding.mend)
    return finding.fault({"value": document.data}, document.line(finding.path[1:]))


def _plain(value: Any) -> Any:
    """Return numbers of numpy and dates as a text file would have them."""
    return value.item() if hasattr(value, "item") else str(value)


def _here(finding: Finding, positive: str | int | bool | None) -> Finding:
    """Say how the positive outcome is given where there is no `data` section."""
    if finding.path != ("data", "positive"):
        return finding
    path = _POSITIVE
    if positive is None:
        return Finding(path, finding.problem, "give `positive=…`, one of the outcomes", "nothing")
    taken_out = finding.mend.startswith("take it out")
    mend = "take `positive=…` out, or give `actions`" if taken_out else finding.mend
    return Finding(path, finding.problem, mend, shown(positive))
