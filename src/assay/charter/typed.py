"""A charter's file read by its types alone, for what asks no more of it and is in a hurry."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from assay.charter.charter import Charter
from assay.charter.document import read_document
from assay.errors import CharterError, Fault

__all__ = ["charter_text", "read_typed"]


def read_typed(path: Path) -> Charter:
    """Read a charter whose text and types hold; what its sections say of each other is not checked.

    Raises CharterError with the first faults found; `load_charter` lists them all.
    """
    document = read_document(charter_text(path), str(path))
    faults = [one.fault(document.data, document.line(one.path)) for one in document.findings]
    try:
        charter = Charter.model_validate(document.data)
    except ValidationError as error:
        mend = "see `assay check`"
        faults += [
            Fault(".".join(map(str, one["loc"])), one["msg"], str(one["input"])[:60], mend)
            for one in error.errors()
        ]
        raise CharterError(str(path), faults) from error
    if faults:
        raise CharterError(str(path), faults)
    return charter


def charter_text(file: Path) -> str:
    """Return the text of a charter's file; CharterError where there is none to be read."""
    if not file.is_file():
        mend = "name a folder that holds `charter.yaml`, or draft one with `assay new`"
        raise CharterError(str(file), [Fault(file.name, "no such file", str(file), mend)])
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        given = f"byte {error.object[error.start]:#04x} at {error.start}"
        fault = Fault(file.name, "not text in UTF-8", given, "save the file as UTF-8")
        raise CharterError(str(file), [fault]) from error
    except OSError as error:
        given = error.strerror or str(error)
        fault = Fault(file.name, "not readable", given, "check who may read the file")
        raise CharterError(str(file), [fault]) from error
