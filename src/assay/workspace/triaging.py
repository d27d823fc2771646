"""What stands behind an alert."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from assay.workspace.watching import Watching

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.lifecycle.triage import Triage
    from assay.stats.estimate import Estimate

    Responses = Sequence[tuple[str, Estimate, str]]

__all__ = ["Triaging"]


class Triaging(Watching):
    """Breaches, one page each."""

    def triage(self, alert: str | None = None) -> Triage:
        """Gather what stands behind an alert, by its id or the beginning of it.

        Where none is named it is the open alert that costs most, or the newest of all.
        """
        from assay.lifecycle.alerting import alert_named, alert_states
        from assay.lifecycle.triage import foremost, triage

        known = alert_states(self.ports.ledger, self.charter.name)
        one = foremost(known) if alert is None else alert_named(known, alert)
        log = self.charter.monitoring.source
        reference = None if log is None else self._reference_rows(log)
        windows = self.observe().windows
        return triage(self.charter, self.ports, one, windows, self._now(), reference=reference)

    def draw_triage(
        self, found: Triage, out: Path | None = None, *, responses: Responses = ()
    ) -> Path:
        """Write a breach as one HTML page, `triage-<id>.html`, and return its path.

        `responses` are what each is expected to bring: `remedies().expected`.
        """
        from assay.adapters.whole_file import write_whole
        from assay.report.triage_page import triage_page

        path = out or self.directory / f"triage-{found.alert.id[:8]}.html"
        return write_whole(path, triage_page(found, self.charter, responses).encode())
