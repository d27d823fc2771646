"""One model of a gateway: what it serves now, its limits, and where its records go."""

from __future__ import annotations

from collections.abc import Callable

from assay.charter.serving import Serving as Rules
from assay.deploy.desired import Desired
from assay.deploy.serving import Serving
from assay.gateway.admission import Admission
from assay.gateway.counts import ModelCounts
from assay.gateway.prediction_id import drawn_key
from assay.gateway.shadowing import Shadowing, ShadowQueue
from assay.ports.captures import CaptureLog
from assay.ports.outcome_inbox import OutcomeInbox

__all__ = ["ModelEntry"]


class ModelEntry:
    """A model by its name; it stays the same object while what it serves is replaced.

    `desired` is what it is to serve. `serving` is what it does serve, replaced whole, so that a
    request which takes it once sees one state from end to end; None where nothing is loaded.
    `home` is the workspace it belongs to, `used` the last time it was asked, `size` the bytes of
    its loaded models. A model with requests waiting (`admission.waiting`) is never unloaded.
    """

    __slots__ = (
        "_govern",
        "admission",
        "captures",
        "counts",
        "desired",
        "home",
        "key",
        "name",
        "outcomes",
        "rules",
        "serving",
        "shadow",
        "size",
        "used",
    )

    def __init__(
        self,
        desired: Desired,
        home: str,
        captures: CaptureLog,
        outcomes: OutcomeInbox,
        shadowing: Shadowing,
        govern: Callable[[Desired], None] = lambda _: None,
        key: Callable[[], bytes] = drawn_key,
    ) -> None:
        self._govern = govern
        self.name = desired.model
        self.home = home
        self.key = key
        self.captures = captures
        self.outcomes = outcomes
        self.counts = ModelCounts()
        self.shadow = ShadowQueue(shadowing, lambda: self.captures, self.counts)
        self.rules: Rules = desired.rules
        self.admission = Admission(self.rules.limits)
        self.desired = desired
        self.serving: Serving | None = None
        self.used = 0.0
        self.size = 0

    @property
    def entity(self) -> str | None:
        """The input that says whom a row is about."""
        return self.desired.entity

    @property
    def on_demand(self) -> bool:
        """Whether it is loaded with the first request only, and may be unloaded."""
        return self.rules.warm == "on_demand"

    def follow(self, desired: Desired, serving: Serving | None) -> None:
        """Serve another state; requests that hold the one before end with it.

        StoreError where its captures cannot be protected as it says; then nothing is changed.
        """
        self._govern(desired)
        self.desired = desired
        self.rules = desired.rules if serving is None else serving.rules
        self.admission.follow(self.rules.limits)
        self.serving = serving
