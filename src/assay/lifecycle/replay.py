"""Replay: a charter's policies lived through time-ordered history, outcomes coming late."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import polars as pl

from assay.build.quality import with_outcome
from assay.charter.charter import Charter, Family
from assay.lifecycle.accounts import World, closed
from assay.lifecycle.books import Replay
from assay.lifecycle.course import Course, Labels, Progress, Rules
from assay.lifecycle.history import History
from assay.lifecycle.lessons import Lessons
from assay.lifecycle.policies import POLICIES, deciders
from assay.lifecycle.standing import Shelf
from assay.lifecycle.timeline import timeline
from assay.lifecycle.trainer import BuildTrainer, Trainer
from assay.value.valuation import valuation

__all__ = ["POLICIES", "Labels", "replay"]


def replay(
    frame: pl.DataFrame,
    charter: Charter,
    *,
    first: int | None = None,
    labels: Labels = "selected",
    policies: Sequence[str | Callable[..., object]] = POLICIES,
    every: int | None = None,
    families: Sequence[Family] = (),
    trials: int | None = None,
    compare: bool = True,
    trainer: Trainer | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
) -> Replay:
    """Train on the first rows, then decide window by window as each policy would have.

    A window is decided by what was known at its start: inputs of the windows before, and the
    outcomes that had arrived by then. `static` keeps the first model; `scheduled` trains
    anew every `every` windows; `triggered` looks for a response when Assay's own monitor raises
    an alert, and takes the one whose gain is clearest, if any is; a function of yours gets a
    `Known` at each window's start and returns what to do (see `assay.lifecycle.known`). With
    `labels="selected"` an outcome shows only after an action in `data.revealed_by`; `"all"` shows
    each after its delay. Random actions are those of the charter's `release.exploration_share`.

    Where outcomes are selected and `compare` is on, each policy also lives with all outcomes shown
    and, where cases are explored, without that: the differences are what it costs.
    `families` and `trials` are searched in place of the charter's, to see how much hangs on them.
    `first` is the number of rows of history (half of the rows where not given). All of the
    history's outcomes are seen once they have matured. Raises DataError where the table, its order
    or its length do not allow a replay, InputError where a policy is unknown or asks for what
    cannot be done.
    """
    seed = charter.build.seed if seed is None else seed
    asked = deciders(policies, every or charter.response.every)
    if families:
        build = charter.build.model_copy(update={"families": tuple(families)})
        charter = charter.model_copy(update={"build": build})
    valued = valuation(charter.value, charter.data)
    line = timeline(with_outcome(frame, charter, valued), charter, first)
    history = History(line, charter, valued)
    maker = BuildTrainer(charter, valued, trials=trials) if trainer is None else trainer
    shelf = Shelf(maker, history, Lessons.read(charter.response, seed))
    tell = progress or (lambda _share, _what: None)
    tell(0.0, f"training on the first {line.periods[0].known} rows")
    start = shelf.first(line.periods[0].known)
    history.valuation = start.model.valuation
    lives, number = {}, count()
    worlds = _worlds(charter, labels, compare=compare)
    for world in worlds:
        rules = Rules(charter, world.labels, world.explored, seed)
        lives[world] = [
            Course(rules, history, shelf, one).live(
                start, _part(tell, next(number), len(asked) * len(worlds))
            )
            for one in asked
        ]
    tell(1.0, "done")
    return closed(charter, history, lives, seed=seed, recipe=_recipe(start.model))


def _worlds(charter: Charter, labels: Labels, *, compare: bool) -> list[World]:
    """Return the world to replay, and those to compare it with."""
    own = World(labels, charter.release.exploration_share)
    if labels == "all" or not charter.data.revealed_by or not compare:
        return [own]
    without = [World("selected", 0.0)] if own.explored else []
    return [own, World("all", 0.0), *without]


def _recipe(model: Any) -> dict[str, Any] | None:
    recipe = getattr(model, "recipe", None)
    return None if recipe is None else recipe.document()


def _part(tell: Progress, number: int, count: int) -> Progress:
    return lambda share, what: tell(0.1 + 0.9 * (number + share) / count, what)
