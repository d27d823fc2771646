"""`assay schema`: the JSON Schema of a document, for editors."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from assay.cli.output import Json, show

__all__ = ["Document", "schema"]


class Document(StrEnum):
    """The documents that have a schema."""

    CHARTER = "charter"


def schema(
    document: Annotated[Document, typer.Argument(help="Which document.")] = Document.CHARTER,
    json: Json = True,  # noqa: ARG001 - a schema is JSON either way
) -> None:
    """Print the JSON Schema of a document, for editors that complete and check YAML."""
    from assay.charter.schema import charter_json_schema

    schemas = {Document.CHARTER: charter_json_schema}
    show(schemas[document](), lambda: None, json=True)
