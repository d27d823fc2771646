"""The composition root: one directory with a charter, the ports it uses, and what can be done.

Layout: `charter.yaml` beside `.assay/`, which holds the ledger and its head, the blobs, the
captures, the outcomes and the desired state that gateways follow. Heavy libraries are imported
by the method that needs them. Each phase has its file; `Workspace` joins them.
"""

from __future__ import annotations

from assay.workspace.alerting import Alerting
from assay.workspace.drafting import draft
from assay.workspace.progress import Progress
from assay.workspace.releasing import Releasing
from assay.workspace.responding import Responding
from assay.workspace.scoring import Scoring
from assay.workspace.triaging import Triaging

__all__ = ["Progress", "Workspace", "draft"]


class Workspace(Responding, Releasing, Triaging, Alerting, Scoring):
    """Everything that can be done with one use case; a notebook can do what the commands do.

    `data` is read in place of the charter's source where it is given.
    """
