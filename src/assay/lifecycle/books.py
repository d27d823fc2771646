"""The books of a replay: what each policy earned, window by window, beside what could have been."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from assay.charter.response import ResponseKind
from assay.errors import DataError
from assay.lifecycle.costs import Costs
from assay.stats.estimate import Estimate

__all__ = ["PeriodBook", "PolicyBook", "Replay"]


@dataclass(frozen=True)
class PeriodBook:
    """One policy in one window: value and uplift over its decisions in currency, and what happened.

    `actions` counts decisions by action (empty in regression; then `mean_decision` tells more).
    `response` says what was done at the window's start and why; `alerts` what had been seen.
    """

    value: float
    uplift: float
    actions: Mapping[str, int]
    mean_decision: float | None
    version: int
    fallback: str | None
    response: ResponseKind | None
    reason: str
    alerts: tuple[str, ...]
    labelled: int


@dataclass(frozen=True)
class PolicyBook:
    """One policy through the whole replay.

    `value`, `uplift` (against the charter's baseline) and `over` (against each baseline) are totals
    in currency. Their intervals are over cases: they take the decisions as they fell. `costs` says
    what of it is not yet taken off.
    """

    name: str
    periods: tuple[PeriodBook, ...]
    value: Estimate
    uplift: Estimate
    over: Mapping[str, Estimate]
    retrainings: int
    costs: Costs

    @property
    def responses(self) -> int:
        """How often it did something."""
        return sum(period.response is not None for period in self.periods)

    @property
    def cost(self) -> float:
        """What retraining, deciding and running cost, in currency."""
        return self.costs.taken_off

    @property
    def net(self) -> Estimate:
        """The value with its costs taken off."""
        return self.value.shifted(-self.cost)

    def document(self) -> dict[str, Any]:
        """Return the book as a JSON document."""
        return {
            "name": self.name,
            "periods": [asdict(period) for period in self.periods],
            "value": self.value.document(),
            "uplift": self.uplift.document(),
            "over": _written(self.over),
            "retrainings": self.retrainings,
            "costs": self.costs.document(),
            "cost": self.cost,
            "net": self.net.document(),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> PolicyBook:
        """Read a book back."""
        return cls(
            document["name"],
            tuple(
                PeriodBook(**{**each, "alerts": tuple(each["alerts"])})
                for each in document["periods"]
            ),
            Estimate.from_document(document["value"]),
            Estimate.from_document(document["uplift"]),
            _read(document["over"]),
            document["retrainings"],
            Costs.from_document(document["costs"]),
        )


@dataclass(frozen=True)
class Replay:
    """Policies, baselines and hindsight over the same windows, in currency.

    `differences` compares policies case by case: "triggered - static". `unseen` says for each
    policy what it costs that outcomes show only after some actions: its value less that of the
    same policy in another world, by the words of that world. `explored` is the share of random
    actions. `recipe` says what was learned from the first rows, `notes` what the figures do not
    show.
    """

    charter: str
    currency: str
    baseline: str
    labels: Literal["all", "selected"]
    explored: float
    first: int
    n: int
    label_delay: str
    windows: tuple[Mapping[str, Any], ...]
    policies: Mapping[str, PolicyBook]
    baselines: Mapping[str, tuple[float, ...]]
    baseline_totals: Mapping[str, Estimate]
    hindsight: tuple[float, ...]
    hindsight_total: Estimate
    differences: Mapping[str, Estimate]
    unseen: Mapping[str, Mapping[str, Estimate]] = field(default_factory=dict)
    recipe: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the whole replay as a JSON document."""
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "format": 2,
            "windows": [dict(window) for window in self.windows],
            "policies": {name: book.document() for name, book in self.policies.items()},
            "baselines": {name: list(sums) for name, sums in self.baselines.items()},
            "baseline_totals": _written(self.baseline_totals),
            "hindsight": list(self.hindsight),
            "hindsight_total": self.hindsight_total.document(),
            "differences": _written(self.differences),
            "unseen": {name: _written(costs) for name, costs in self.unseen.items()},
            "notes": list(self.notes),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Replay:
        """Read a replay back; DataError where its format is not known."""
        if document.get("format") != 2:
            raise DataError(
                f"This replay has format {document.get('format')!r}; this version of Assay reads "
                "format 2. Replay anew, or use the version that wrote it."
            )
        books = document["policies"].items()
        return cls(
            **{name: document[name] for name in _PLAIN},
            windows=tuple(document["windows"]),
            policies={name: PolicyBook.from_document(book) for name, book in books},
            baselines={name: tuple(sums) for name, sums in document["baselines"].items()},
            baseline_totals=_read(document["baseline_totals"]),
            hindsight=tuple(document["hindsight"]),
            hindsight_total=Estimate.from_document(document["hindsight_total"]),
            differences=_read(document["differences"]),
            unseen={name: _read(costs) for name, costs in document["unseen"].items()},
            notes=tuple(document["notes"]),
        )


_PLAIN = (
    "charter",
    "currency",
    "baseline",
    "labels",
    "explored",
    "first",
    "n",
    "label_delay",
    "recipe",
)
"""What of a replay is written as it is."""


def _written(estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    return {name: estimate.document() for name, estimate in estimates.items()}


def _read(documents: Mapping[str, Any]) -> dict[str, Estimate]:
    return {name: Estimate.from_document(each) for name, each in documents.items()}
