"""From the text of `charter.yaml` to a charter, or to every fault that it has."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from assay.charter.booleans import booleans_for_numbers
from assay.charter.charter import Charter
from assay.charter.document import Document, read_document
from assay.charter.faults_between import findings_between
from assay.charter.finding import Finding
from assay.charter.partial import MISFIT, read_partially
from assay.charter.section import Section
from assay.charter.typed import charter_text
from assay.errors import CharterError, Fault

__all__ = ["load_charter", "parse_charter"]


def load_charter(path: str | Path, known_metrics: Collection[str] | None = None) -> Charter:
    """Read a charter's file, or the `charter.yaml` of a folder.

    Raises CharterError with every fault: of the file, of types, and between sections.
    """
    path = Path(path)
    file = path / "charter.yaml" if path.is_dir() else path
    return parse_charter(charter_text(file), str(file), known_metrics)


def parse_charter(text: str, where: str, known_metrics: Collection[str] | None = None) -> Charter:
    """Read a charter's text; `where` names it in messages.

    `known_metrics` are the metrics that guardrails may use; not checked where not given.
    Raises CharterError with every fault at once, in the order of the file.

    >>> parse_charter("title: Calls", "charter.yaml")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    assay.errors.CharterError: charter.yaml has 7 faults:
      name: missing (given: nothing). To mend: add `name: …`.
      ...
    """
    document = read_document(text, where)
    data = document.data
    if not isinstance(data, dict):
        mend = "write its sections as `key: value` lines; `assay new` drafts them from a table"
        given = "nothing" if data is None else "a list or a plain text"
        raise CharterError(where, [Fault("charter", "not a charter", given, mend)])
    charter, findings = _read(data)
    findings = [*document.findings, *findings]
    told = {finding.path for finding in findings if finding.problem != MISFIT}
    between = findings_between(charter, known_metrics)
    findings += (finding for finding in between if finding.path not in told)
    findings += booleans_for_numbers(data, told)
    if findings:
        raise CharterError(where, _written(findings, document))
    return charter


def _read(data: dict[str, Any]) -> tuple[Charter, list[Finding]]:
    try:
        return Charter.model_validate(data), []
    except ValidationError as error:
        partial, findings = read_partially(Charter, data, _homes())
        # Nothing refused may pass: what only the whole charter's reading saw is told as it is.
        findings = findings or [
            Finding(fault["loc"], f"cannot be read: {fault['msg']}", "change it")
            for fault in error.errors()
        ]
    # A Partial answers as a charter does, and raises Unread for what could not be read.
    return cast("Charter", partial), findings


def _homes() -> dict[str, tuple[str, ...]]:
    """Return, for each key, the top-level sections that know it."""
    homes: dict[str, tuple[str, ...]] = {}
    for name, field in Charter.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            for key in section.model_fields:
                homes[key] = (*homes.get(key, ()), name)
    return homes


def _written(findings: list[Finding], document: Document) -> list[Fault]:
    numbered = sorted(
        ((document.line(finding.path), i, finding) for i, finding in enumerate(findings)),
        key=lambda entry: entry[:2],
    )
    faults = [finding.fault(document.data, line) for line, _, finding in numbered]
    return list(dict.fromkeys(faults))
