"""Outcomes on their way in: an append log that a gateway writes, taken in by whoever joins them.

The files are those of captures (`capture_groups`), with lines {"model", "at", "outcomes": [[id,
outcome], ...]}.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

from assay.adapters.capture_lines import record_line
from assay.adapters.group_writer import GroupWriter, done_at_once
from assay.ports.outcome_inbox import Happened

__all__ = ["LogOutcomeInbox"]


class LogOutcomeInbox:
    """An inbox in a folder; the future of what comes in is done when it is on disk.

    >>> import tempfile
    >>> inbox = LogOutcomeInbox(Path(tempfile.mkdtemp()))
    >>> inbox.append("bank", [("a/0", "yes")]).result()
    >>> inbox.close()
    """

    def __init__(self, folder: Path) -> None:
        self._writer: GroupWriter[bytes] = GroupWriter(folder, 0.0, bytes)

    def append(self, model: str, outcomes: Sequence[tuple[str, Happened]]) -> Future[None]:
        """Take outcomes in; the future is done when they are on disk, or fails with StoreError."""
        if not outcomes:
            return done_at_once()
        at = datetime.now(UTC).isoformat()
        line = record_line({"model": model, "at": at, "outcomes": outcomes})
        return self._writer.take([line], len(line), soon=True)

    def close(self) -> None:
        """Write what is left and stop; a second call does nothing."""
        self._writer.close()
