"""What an estimator says of rows, as raw scores in the order of the charter's outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from assay.build.first_line import first_line
from assay.errors import ModelError
from assay.ports.engine import Floats
from assay.value.labels import label_text

__all__ = ["Places", "places_of", "raw_scores"]

Places = Sequence[int]
"""Where an estimator's probabilities hold the outcomes that are wanted, in their order.

One place asks for that outcome alone: (1,) is the positive one of two. -1 stands for an outcome
that the estimator never saw.
"""


def places_of(estimator: Any, outcomes: int) -> tuple[int, ...]:
    """Return where an estimator that learned from codes 0..K-1 has the probability of each.

    Estimators put their classes in order, and leave out those that their rows lack. One without
    `classes_` is taken to know all, in the order of the codes. Raises ModelError where it
    knows other classes.

    >>> from types import SimpleNamespace
    >>> places_of(SimpleNamespace(classes_=np.array([0, 2])), 3)
    (0, -1, 1)
    """
    if outcomes < 3:
        return (1,)
    given = getattr(estimator, "classes_", None)
    if given is None:
        return tuple(range(outcomes))
    known = [label_text(one) for one in given]
    wanted = [str(code) for code in range(outcomes)]
    strange = sorted(set(known) - set(wanted))
    if strange:
        raise ModelError(
            f"{type(estimator).__name__} knows the outcomes {', '.join(known)}, and it was given "
            f"the codes {', '.join(wanted)} to learn from. Fit it on the codes as they are given."
        )
    return tuple(known.index(code) if code in known else -1 for code in wanted)


def raw_scores(
    estimator: Any,
    rows: Any,
    task: Literal["classification", "regression"],
    places: Places = (1,),
) -> Floats:
    """Return the score of each row, checked for shape and finiteness.

    They are (n,): P(positive) or the point prediction; or (n, K), the probability of each of
    K > 2 outcomes, 0 for one that the estimator never saw. Raises ModelError where the estimator
    answers in another form.
    """
    name, n = type(estimator).__name__, len(rows)
    if task == "classification" and not hasattr(estimator, "predict_proba"):
        raise ModelError(
            f"{name} has no predict_proba, and decisions need probabilities. Give a classifier "
            "that has it, or wrap it in scikit-learn's CalibratedClassifierCV."
        )
    count = 2 if len(places) == 1 else sum(place >= 0 for place in places)
    wanted = (n, count) if task == "classification" else (n,)
    predict = estimator.predict_proba if task == "classification" else estimator.predict
    try:
        answer = np.asarray(predict(rows), dtype=np.float64)
    except Exception as error:
        raise ModelError(
            f"{name} does not score these {n} rows: {type(error).__name__}: {first_line(error)}. "
            "It must take missing values (NaN, and empty text) and categories never seen."
        ) from error
    if answer.shape == (n, 1):
        answer = answer.reshape(n)
    if answer.shape != wanted:
        raise ModelError(
            f"{name} answered {n} rows with an array of shape {answer.shape}, and {wanted} is "
            f"needed: one column for each of {'two' if count == 2 else count} outcomes, or one "
            "number a row in regression."
        )
    scores = answer if task == "regression" else _in_order(answer, places)
    if not np.isfinite(scores).all():
        raise ModelError(
            f"{name} answered {int((~np.isfinite(scores)).sum())} of {n} rows with scores that are "
            "missing or not finite. Fill or cap the columns that it reads."
        )
    return scores


def _in_order(answer: Floats, places: Places) -> Floats:
    if len(places) == 1:
        positive: Floats = answer[:, places[0]]
        return positive
    ordered = np.zeros((len(answer), len(places)))
    known = [code for code, place in enumerate(places) if place >= 0]
    ordered[:, known] = answer[:, [places[code] for code in known]]
    return ordered
