"""The command line: `assay COMMAND [DIRECTORY] [--json]`."""

from __future__ import annotations

from assay.cli.root import main

__all__ = ["main"]
