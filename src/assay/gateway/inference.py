"""One request answered: rows to arms, arms to answers, answers to capture records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.deploy.scoring import Scored
from assay.errors import DataError
from assay.evidence.bundle import Signature
from assay.gateway.exploration import explore
from assay.gateway.prediction_id import request_name
from assay.gateway.protocol import InferRequest, columns_of, output_tensor
from assay.gateway.serving import LoadedArm, Serving
from assay.ports.captures import Record
from assay.ports.engine import Columns

__all__ = ["PINNED", "Answer", "infer", "output_names", "output_shape"]

PINNED = "pinned"
"""The arm of a row whose version the caller chose: no random assignment, so no arm's evidence."""


@dataclass(frozen=True)
class Answer:
    """What the client gets, and what is captured of it."""

    document: Mapping[str, Any]
    records: Sequence[Record]


def infer(
    serving: Serving, request: InferRequest, request_id: str, at: str, pinned: int | None = None
) -> Answer:
    """Answer a request under one state; raises DataError where a row cannot be scored.

    `request_id` names the request where it does not name itself; `at` is the present moment,
    ISO 8601 in UTC; `pinned` is the arm whose version the caller asked for.
    Row i has the prediction id `<name>/i` (see `request_name`).
    """
    version = None if pinned is None else serving.arms[pinned].arm.version
    name = request_name(request, request_id, version)
    ids = [f"{name}/{row}" for row in range(request.rows)]
    if serving.desired.entity is not None and request.entities is None:
        raise DataError(
            f"Each row of {serving.desired.model} is about a {serving.desired.entity}: send it as "
            "the parameter `entity` (one for each row, or one for all), or as an input."
        )
    arms = _assign(serving, request.entities or ids, pinned)
    records: list[dict[str, Any]] = [{} for _ in ids]
    for index in np.unique(arms):
        rows = np.flatnonzero(arms == index)
        _answer_rows(serving, int(index), request, rows, ids, records)
    desired = serving.desired
    under = {
        "at": at,
        "model": desired.model,
        "revision": desired.revision,
        "weight": desired.challenger_weight,
        "control_share": desired.control_share,
    }
    for row, record in enumerate(records):
        record.update(under)
        record["entity"] = request.entities[row] if request.entities else None
        if pinned is not None:
            record["arm"] = PINNED
    return Answer(
        _document(serving, request, request.id or name, records), [_capture(one) for one in records]
    )


def output_shape(signature: Signature, name: str) -> list[int]:
    """Return an output's shape: one number a row, but K probabilities of K > 2 outcomes."""
    several = name == "probability" and len(signature.labels) > 2
    return [-1, len(signature.labels)] if several else [-1]


def output_names(signature: Signature) -> dict[str, str]:
    """Return the outputs of a model and their datatypes.

    `probability` is that of the positive outcome, or of K > 2 outcomes one for each in the order of
    the signature's labels.
    """
    if signature.task == "regression":
        return {"prediction": "FP64", "decision": "FP64", "expected_value": "FP64"}
    return {
        "prediction": "BYTES",
        "probability": "FP64",
        "decision": "BYTES",
        "expected_value": "FP64",
    }


def _assign(serving: Serving, keys: Sequence[str], pinned: int | None) -> NDArray[np.int64]:
    if pinned is not None or len(serving.answering) == 1:
        return np.full(len(keys), pinned or 0, dtype=np.int64)
    return np.array([serving.index_for(key) for key in keys], dtype=np.int64)


def _answer_rows(
    serving: Serving,
    index: int,
    request: InferRequest,
    rows: NDArray[np.int64],
    ids: Sequence[str],
    records: list[dict[str, Any]],
) -> None:
    """Score the rows of one arm and fill in their records."""
    loaded = serving.answering[index]
    scorer = loaded.scorer
    columns = columns_of(request, scorer.signature.inputs, scorer.valuation.columns)
    if len(rows) < request.rows:
        columns = {name: values[rows] for name, values in columns.items()}
    named = loaded.arm.baseline or None
    scored = scorer.score(columns, by_baseline=loaded.by_baseline, baseline=named)
    taken = _explored(serving, loaded, scored.decision, [ids[row] for row in rows])
    expected = scored.expected_value
    if taken.explored.any():
        expected = scorer.expected(scored.forecast, taken.decision, columns)
    classifies = scorer.signature.task == "classification"
    lists = {
        "score": scored.score.tolist(),
        "probability": _probability(scored) if classifies else [None] * len(rows),
        "prediction": (
            [scorer.signature.labels[code] for code in scored.forecast.argmax(axis=1).tolist()]
            if classifies
            else scored.score.tolist()
        ),
        "decision": scorer.valuation.names(taken.decision),
        "expected_value": expected.tolist(),
        "explored": taken.explored.tolist(),
        "propensity": taken.propensity.tolist(),
        "inputs": _inputs_by_row(columns, len(rows)),
    }
    shared = {
        "version": loaded.arm.version,
        "bundle": loaded.arm.bundle,
        "arm": loaded.arm.name,
    }
    for place, row in enumerate(rows.tolist()):
        records[row] |= shared | {key: values[place] for key, values in lists.items()}
        records[row]["id"] = ids[row]


def _probability(scored: Scored) -> list[Any]:
    """Return P(positive) of each row, or of K > 2 outcomes the probability of each."""
    chances = scored.forecast if scored.forecast.shape[1] > 2 else scored.probability
    listed: list[Any] = chances.tolist()
    return listed


@dataclass(frozen=True)
class _Taken:
    decision: NDArray[Any]
    explored: NDArray[np.bool_]
    propensity: NDArray[np.float64]


def _explored(
    serving: Serving, loaded: LoadedArm, decision: NDArray[Any], ids: Sequence[str]
) -> _Taken:
    """Take the decisions but for the exploration share (of actions; amounts have none).

    The baseline is not explored, in the control neither: it shows what would happen without any
    model.
    """
    share = 0.0 if loaded.by_baseline else serving.desired.exploration_share
    actions = len(loaded.scorer.signature.actions)
    if share <= 0 or not actions:
        n = len(decision)
        return _Taken(decision, np.zeros(n, dtype=np.bool_), np.ones(n))
    draws = [
        explore(code, actions, share, serving.desired.salt, key)
        for code, key in zip(decision.tolist(), ids, strict=True)
    ]
    return _Taken(
        np.array([draw.action for draw in draws], dtype=np.int64),
        np.array([draw.explored for draw in draws]),
        np.array([draw.propensity for draw in draws]),
    )


def _inputs_by_row(columns: Columns, n: int) -> list[dict[str, Any]]:
    """Return each row's inputs; NaN stands for a missing number and is written as null."""
    names = list(columns)
    if not names:
        return [{} for _ in range(n)]
    values = zip(*(columns[name].tolist() for name in names), strict=True)
    return [dict(zip(names, row, strict=True)) for row in values]


def _document(
    serving: Serving, request: InferRequest, name: str, records: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    datatypes = output_names(serving.arms[0].scorer.signature)
    wanted = request.outputs or tuple(datatypes)
    unknown = [output for output in wanted if output not in datatypes]
    if unknown:
        raise DataError(
            f"There is no output {unknown[0][:50]!r}; there are {', '.join(datatypes)}."
        )
    versions = [str(record["version"]) for record in records]
    answer: dict[str, Any] = {
        "model_name": serving.desired.model,
        "id": name,
        "parameters": {
            "prediction_ids": [record["id"] for record in records],
            "arms": [record["arm"] for record in records],
            "versions": versions,
        },
        "outputs": [
            output_tensor(output, datatypes[output], [record[output] for record in records])
            for output in wanted
        ],
    }
    if len(set(versions)) == 1:
        answer["model_version"] = versions[0]
    return answer


def _capture(record: Mapping[str, Any]) -> Record:
    return {key: value for key, value in record.items() if key != "prediction"}
