"""From the text of `charter.yaml` to a charter, or to every fault that it has."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from assay.charter.charter import Charter
from assay.charter.document import read_document
from assay.errors import CharterError, Fault

__all__ = ["load_charter", "parse_charter"]


def load_charter(path: Path, known_metrics: Collection[str] | None = None) -> Charter:
    """Read a charter's file, or the `charter.yaml` of a folder."""
    file = path / "charter.yaml" if path.is_dir() else path
    return parse_charter(file.read_text(encoding="utf-8"), str(file), known_metrics)


def parse_charter(text: str, where: str, known_metrics: Collection[str] | None = None) -> Charter:
    """Read a charter's text; raise CharterError with all its faults."""
    document = read_document(text, where)
    return Charter.model_validate(document.data)
