"""Closing the books: decisions of every policy valued by what really happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.build.clusters import clusters_of
from assay.charter.charter import Charter
from assay.charter.response import ResponseKind
from assay.lifecycle.books import PeriodBook, PolicyBook, Replay
from assay.lifecycle.costs import costs_of
from assay.lifecycle.history import History
from assay.lifecycle.play import Play
from assay.ports.engine import Floats
from assay.stats.clusters import clustered_mean
from assay.stats.estimate import Estimate
from assay.value.against import baseline_payoffs, hindsight_payoffs
from assay.value.identification import identification, marked

__all__ = ["Life", "World", "closed"]


class Life:
    """A policy's play with what was seen and done at the start of each window."""

    def __init__(self, name: str, play: Play) -> None:
        self.name = name
        self.play = play
        self.notes: list[tuple[tuple[str, ...], ResponseKind | None, str]] = []

    def note(self, alerts: tuple[str, ...], response: ResponseKind | None, reason: str) -> None:
        """Write down a window's start."""
        self.notes.append((alerts, response, reason))

    def responses(self, kind: ResponseKind | None = None) -> list[int]:
        """Return the windows at whose start something was done: anything, or one kind.

        People who were told have changed nothing, so that an escalation is none.
        """
        return [
            window
            for window, (_, response, _) in enumerate(self.notes)
            if response not in {None, "escalate"} and kind in {None, response}
        ]

    @property
    def newest(self) -> int:
        """The newest version's number: one more than models were trained after the first."""
        return 1 + self.retrainings

    @property
    def retrainings(self) -> int:
        """How many models were trained after the first."""
        return len(self.responses("retrain"))


class _Auditor:
    """Totals over all replayed rows, and sums over windows."""

    def __init__(self, charter: Charter, history: History, seed: int) -> None:
        line = history.line
        self.history = history
        self.valued = history.valuation
        self.rows = np.arange(line.first, line.frame.height)
        self.outcomes = history.truth(self.rows)
        self.columns = history.columns(self.rows)
        self.seed = seed
        told = identification(charter.value, charter.data, charter.release).evaluation
        self.identified = told.identified
        self.clusters = clusters_of(line.frame[self.rows], charter)
        self.starts = [period.start - line.first for period in line.periods]
        self.bases = {name: self._baseline(name) for name in self.valued.baseline_names}
        self.base = self.bases[self.valued.baseline_name]

    def _baseline(self, name: str) -> Floats:
        return baseline_payoffs(self.valued, self.outcomes, self.columns, name)

    def total(self, values: Floats) -> Estimate:
        """Return a sum over all cases with its interval, marked where no table tells it."""
        mean = clustered_mean(values, self.clusters, seed=self.seed)
        total = mean.scaled(len(values), self.valued.currency)
        return total if self.identified else marked(total)

    def by_period(self, values: Floats) -> tuple[float, ...]:
        """Return sums over windows."""
        return tuple(np.add.reduceat(values, self.starts).tolist())

    def paid(self, decisions: NDArray[Any]) -> Floats:
        """Return what each case paid."""
        return self.valued.realised(decisions, self.outcomes, self.columns)


@dataclass(frozen=True)
class World:
    """What the past shows: outcomes after all actions or some, and a share of random actions."""

    labels: Literal["all", "selected"]
    explored: float

    @property
    def words(self) -> str:
        """Say it."""
        shown = "all outcomes shown" if self.labels == "all" else "outcomes selected"
        return f"{shown}, {f'{self.explored:.0%}' if self.explored else 'none'} explored"


def closed(
    charter: Charter,
    history: History,
    lives: Mapping[World, Sequence[Life]],
    *,
    seed: int,
    recipe: Mapping[str, Any] | None = None,
) -> Replay:
    """Value every life by the outcomes as they really were, seen or not.

    The first world is the replay's own; the others are there to be compared with it.
    """
    audit, line = _Auditor(charter, history, seed), history.line
    world, *others = lives
    paid = {life.name: audit.paid(life.play.decisions[audit.rows]) for life in lives[world]}
    best = hindsight_payoffs(audit.valued, audit.outcomes, audit.columns)
    return Replay(
        charter=charter.name,
        currency=audit.valued.currency,
        baseline=audit.valued.baseline_name,
        labels=world.labels,
        explored=world.explored,
        first=line.first,
        n=len(audit.rows),
        label_delay=str(charter.data.label_delay),
        windows=tuple({"name": p.name, "start": p.start, "n": p.n} for p in line.periods),
        policies={each.name: _book(charter, audit, each, paid[each.name]) for each in lives[world]},
        baselines={name: audit.by_period(base) for name, base in audit.bases.items()},
        baseline_totals={name: audit.total(base) for name, base in audit.bases.items()},
        hindsight=audit.by_period(best),
        hindsight_total=audit.total(best),
        differences={
            f"{b} - {a}": audit.total(paid[b] - paid[a]) for a, b in combinations(paid, 2)
        },
        unseen=_unseen(audit, paid, {other: lives[other] for other in others}),
        recipe=recipe,
        notes=_notes(charter, world),
    )


def _unseen(
    audit: _Auditor, paid: Mapping[str, Floats], others: Mapping[World, Sequence[Life]]
) -> dict[str, dict[str, Estimate]]:
    """Compare each policy, case by case, with itself in other worlds."""
    found: dict[str, dict[str, Estimate]] = {name: {} for name in paid} if others else {}
    for world, lives in others.items():
        for life in lives:
            there = audit.paid(life.play.decisions[audit.rows])
            found[life.name][world.words] = audit.total(paid[life.name] - there)
    return found


def _notes(charter: Charter, world: World) -> tuple[str, ...]:
    """Say what the figures do not show."""
    found = identification(charter.value, charter.data, charter.release).evaluation
    moved = () if found.identified else (f"Uplifts are not identified. {found.reason}",)
    return (*moved, *_hidden(charter, world))


def _hidden(charter: Charter, world: World) -> tuple[str, ...]:
    revealing, share = charter.data.revealed_by, world.explored
    if not revealing:
        return ()
    named = ", ".join(revealing)
    if world.labels == "all":
        note = (
            f"Every outcome was shown; in life it shows only after {named}. What learns from "
            "outcomes looks better here than it would have been."
        )
    elif share:
        note = f"Outcomes showed after {named}, and {share:.0%} of cases got a random action."
    else:
        note = (
            f"Outcomes showed only after {named}, and no case got a random action: a case passed "
            "over by mistake is never found out, so that responses err to one side. "
            "`release.exploration_share` would show such cases."
        )
    return (note,)


def _book(charter: Charter, audit: _Auditor, life: Life, paid: Floats) -> PolicyBook:
    over = {name: audit.total(paid - base) for name, base in audit.bases.items()}
    meant, exploring = life.play.meant[audit.rows], None
    if life.play.revealing.share:
        exploring = audit.total(audit.paid(meant) - paid)
    return PolicyBook(
        name=life.name,
        periods=_periods(audit, life, paid),
        value=audit.total(paid),
        uplift=over[audit.valued.baseline_name],
        over=over,
        retrainings=life.retrainings,
        costs=costs_of(charter, audit.history, life.play, life.retrainings, exploring),
    )


def _periods(audit: _Auditor, life: Life, paid: Floats) -> tuple[PeriodBook, ...]:
    play, valued = life.play, audit.valued
    amounts = zip(audit.by_period(paid), audit.by_period(paid - audit.base), strict=True)
    books = []
    for (period, standing), note, (value, uplift) in zip(
        play.lived, life.notes, amounts, strict=True
    ):
        taken = play.decisions[period.start : period.stop]
        alerts, response, reason = note
        regression = valued.task == "regression"
        counts = Counter() if regression else Counter(valued.names(taken))
        books.append(
            PeriodBook(
                value=value,
                uplift=uplift,
                actions={action: counts[action] for action in valued.actions},
                mean_decision=float(taken.mean()) if regression else None,
                version=standing.version,
                fallback=standing.fallback,
                response=response,
                reason=reason,
                alerts=alerts,
                labelled=int(play.shown[period.start : period.stop].sum()),
            )
        )
    return tuple(books)
