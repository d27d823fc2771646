"""Rows of several arms answered at once: each as it would be alone, whatever it comes with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.charter.policy import BestAction, Policy, Threshold
from assay.deploy.answering import Answered, Asked, answer
from assay.deploy.desired import Arm, Desired
from assay.deploy.door import Door
from assay.deploy.edge.door_check import Rule
from assay.deploy.scoring import Scorer
from assay.deploy.serving import LoadedArm, Serving
from assay.errors import DataError
from assay.evidence.bundle import Input, Signature
from assay.gateway.decoding import ExactColumns
from assay.gateway.protocol import decode_body
from assay.ports.column_blocks import ColumnBlocks
from assay.ports.engine import Columns, Floats
from assay.stats.calibration import Calibrator
from assay.stats.forecaster import forecast
from assay.value.classification import ClassificationValuation
from assay.value.payoff import PayoffTable
from assay.value.reviewer import Reviewer

AT = "2026-03-01T12:00:00+00:00"


class _Logistic:
    """A model of one number, steeper or flatter."""

    def __init__(self, steep: float) -> None:
        self.steep = steep

    def score(self, columns: Columns) -> Floats:
        scores: Floats = 1 / (1 + np.exp(-self.steep * np.nan_to_num(columns["age"]) / 40))
        return scores


def _scorer(steep: float, inputs: tuple[Input, ...], policy: Policy | None = None) -> Scorer:
    table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, "9 - age / 10"), (0.0, 0.0)))
    reviewer = Reviewer(cost=0.2, accuracy=0.99)
    valuation = ClassificationValuation(
        "EUR", table, policy or BestAction(), {"nobody": "skip"}, "nobody", reviewer=reviewer
    )
    signature = Signature("classification", inputs, valuation.labels, valuation.actions)
    identity = Calibrator.identity()
    return Scorer(signature, _Logistic(steep), lambda raw, _: forecast(identity, raw), valuation)


AGE, JOB, LATER = Input("age", "number"), Input("job", "category"), Input("later", "number")
FIRST = _scorer(1.0, (AGE, JOB))
ALIKE = _scorer(-2.0, (AGE, JOB))
OTHERWISE = _scorer(-2.0, (AGE, JOB), policy=Threshold(at=0.4, action="call", otherwise="skip"))
MORE = _scorer(-2.0, (AGE, JOB, LATER))
NARROW = Door(
    [
        Rule("age", low=20.0, high=60.0, new="refer", complete=True),
        Rule("job", text=True, known=frozenset({"a", "b"}), new="flag"),
    ]
)
WIDE = Door([Rule("age", low=10.0, high=90.0, new="clip")])
WIDE_OF_MORE = Door([*WIDE.rules, Rule("later", high=5.0)])


def _serving(challenger: Scorer, **more: Any) -> Serving:
    arms = (Arm("champion", 1, "b1", 0.5), Arm("challenger", 2, "b2", 0.5))
    desired = Desired(revision=1, model="bank", arms=arms, salt="s", **more)
    door = {id(FIRST): NARROW, id(MORE): WIDE_OF_MORE}.get(id(challenger), WIDE)
    loaded = (LoadedArm(arms[0], FIRST, NARROW), LoadedArm(arms[1], challenger, door))
    control = desired.control
    return Serving(desired, loaded, None if control is None else LoadedArm(control, FIRST, NARROW))


def _blocks(ages: list[float], jobs: list[str]) -> Columns:
    numbers = np.array([ages, [0.0] * len(ages)])
    texts = np.array([jobs], dtype=object)
    return ColumnBlocks(("age", "later"), numbers, ("job",), texts)


def _apart(ages: list[float], jobs: list[str]) -> Columns:
    return dict(_blocks(ages, jobs))


def _rows(answered: Answered) -> list[tuple[Any, ...]]:
    columns = (
        *(answered.arm, answered.version, answered.prediction, answered.probability),
        *(answered.decision, answered.expected_value, answered.score),
        answered.flags or [()] * len(answered.arm),
    )
    return list(zip(*columns, strict=True))


def _recorded(*answers: Answered) -> dict[str, Mapping[str, Any]]:
    records = [record for one in answers for batch in one.captures for record in batch.records()]
    return {str(record["id"]): record for record in records}


ages = st.sampled_from([0.0, 15.0, 25.0, 40.0, 59.0, 75.0, 95.0])
rows = st.lists(st.tuples(ages, st.sampled_from(["a", "b", "c"])), min_size=1, max_size=12)
quiet = st.lists(
    st.tuples(st.sampled_from([21.0, 30.0, 45.0, 60.0]), st.sampled_from(["a", "b"])),
    min_size=1,
    max_size=12,
)


settings_of_states = st.sampled_from(
    [{}, {"control_share": 0.4, "control_salt": "c"}, {"exploration_share": 0.5}]
)


@pytest.mark.parametrize("challenger", [FIRST, ALIKE, OTHERWISE, MORE])
@settings(max_examples=40, deadline=None)
@given(
    more=settings_of_states,
    columns=st.sampled_from([_blocks, _apart]),
    asked=st.one_of(rows, quiet),
)
def test_rows_are_answered_and_recorded_together_as_each_alone(
    challenger: Scorer, more: dict[str, Any], columns: Any, asked: list[tuple[float, str]]
) -> None:
    serving = _serving(challenger, **more)
    ids = [f"r{place}/0" for place in range(len(asked))]
    together = answer(
        serving, Asked(columns([age for age, _ in asked], [job for _, job in asked]), ids), AT
    )
    alone = [
        answer(serving, Asked(columns([age], [job]), [name]), AT)
        for (age, job), name in zip(asked, ids, strict=True)
    ]
    assert _rows(together) == [row for one in alone for row in _rows(one)]
    assert [ids[row] for rows in together.rows for row in rows] == [
        name for batch in together.captures for name in batch.each["id"]
    ]
    recorded = _recorded(together)
    assert set(recorded) == set(ids)
    for name, record in _recorded(*alone).items():
        assert {key: recorded[name].get(key) or None for key in record} == {
            key: value or None for key, value in record.items()
        }


@given(asked=rows)
def test_what_the_door_refuses_is_answered_by_nobody(asked: list[tuple[float, str]]) -> None:
    strict = Door([Rule("age", low=20.0, high=60.0, new="reject")])
    arms = (Arm("champion", 1, "b1", 0.5), Arm("challenger", 2, "b2", 0.5))
    serving = Serving(
        Desired(revision=1, model="bank", arms=arms, salt="s"),
        (LoadedArm(arms[0], FIRST, strict), LoadedArm(arms[1], ALIKE, WIDE)),
    )
    ids = [f"r{place}/0" for place in range(len(asked))]
    found = answer(serving, Asked(_blocks(*map(list, zip(*asked, strict=True))), ids), AT)
    dealt = {row: index for index, some in serving.dealt(ids) for row in some}
    refused = {row for row, (age, _) in enumerate(asked) if dealt[row] == 0 and not 20 <= age <= 60}
    assert set(found.rejected) == refused
    assert {row for row, arm in enumerate(found.arm) if arm is None} == refused
    recorded = {name for batch in found.captures for name in batch.each["id"]}
    assert recorded == {name for row, name in enumerate(ids) if row not in refused}


def _one_arm_dealt(serving: Serving, index: int) -> str:
    names = (f"r{place}/0" for place in range(100))
    return next(name for name in names if serving.dealt([name])[0][0] == index)


def test_a_column_that_an_arm_never_reads_harms_none_of_its_rows() -> None:
    serving = _serving(MORE)
    body = b"""{"inputs": [
        {"name": "age", "shape": [1], "datatype": "FP64", "data": [40]},
        {"name": "job", "shape": [1], "datatype": "BYTES", "data": ["a"]},
        {"name": "later", "shape": [1], "datatype": "FP64", "data": ["no number"]}]}"""
    columns = ExactColumns(decode_body(body), {"age": "number", "later": "number"})
    found = answer(serving, Asked(columns, [_one_arm_dealt(serving, 0)]), AT)
    assert found.arm == ["champion"]
    with pytest.raises(DataError):
        answer(serving, Asked(columns, [_one_arm_dealt(serving, 1)]), AT)
