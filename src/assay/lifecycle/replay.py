"""Replay: a charter's policies lived through time-ordered history, outcomes coming late."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from assay.build.quality import with_outcome
from assay.charter.charter import Charter, Family
from assay.lifecycle.accounts import closed
from assay.lifecycle.books import Replay
from assay.lifecycle.course import Course, Labels, PolicyName, Progress, Rules
from assay.lifecycle.history import History
from assay.lifecycle.standing import Shelf
from assay.lifecycle.timeline import timeline
from assay.lifecycle.trainer import BuildTrainer, Trainer
from assay.value.valuation import valuation

__all__ = ["POLICIES", "Labels", "PolicyName", "replay"]

POLICIES: tuple[PolicyName, ...] = ("static", "scheduled", "triggered")


def replay(
    frame: pl.DataFrame,
    charter: Charter,
    *,
    first: int | None = None,
    labels: Labels = "selected",
    policies: Sequence[PolicyName] = POLICIES,
    every: int | None = None,
    families: Sequence[Family] = (),
    trainer: Trainer | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
) -> Replay:
    """Train on the first rows, then decide window by window as each policy would have.

    A window is decided by what was known at its start: inputs of the windows before, and the
    outcomes that had arrived by then. `static` keeps the first model; `scheduled` trains
    anew every `every` windows; `triggered` looks for a response when Assay's own monitor raises
    an alert, and takes the one whose gain is clearest, if any is. With `labels="selected"` an
    outcome shows only after an action in `data.revealed_by`; `"all"` shows each after its delay.

    `families` are searched in place of the charter's, to see how much hangs on them.
    `first` is the number of rows of history (half of the rows where not given). All of the
    history's outcomes are seen once they have matured. Raises DataError where the table, its order
    or its length do not allow a replay.
    """
    seed = charter.build.seed if seed is None else seed
    if families:
        build = charter.build.model_copy(update={"families": tuple(families)})
        charter = charter.model_copy(update={"build": build})
    valued = valuation(charter.value, charter.data)
    line = timeline(with_outcome(frame, charter, valued), charter, first)
    history = History(line, charter, valued)
    maker = BuildTrainer(charter, valued) if trainer is None else trainer
    shelf = Shelf(maker, history, charter.response.training_rows)
    tell = progress or (lambda _share, _what: None)
    tell(0.0, f"training on the first {line.periods[0].known} rows")
    start = shelf.first(line.periods[0].known)
    history.valuation = start.model.valuation
    rules = Rules(charter, labels, every or charter.response.every, seed)
    lives = []
    for number, name in enumerate(policies):
        life = Course(rules, history, shelf, name).live(start, _part(tell, number, len(policies)))
        lives.append(life)
    tell(1.0, "done")
    recipe = getattr(start.model, "recipe", None)
    made = None if recipe is None else recipe.document()
    return closed(charter, history, lives, labels, seed=seed, recipe=made)


def _part(tell: Progress, number: int, count: int) -> Progress:
    return lambda share, what: tell(0.1 + 0.9 * (number + share) / count, what)
