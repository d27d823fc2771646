"""Requests of one tick: answered together as each would be alone, and none harms another."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import DataError, ServiceError
from assay.evidence.bundle import Bundle
from assay.gateway import batch
from assay.gateway.answer_document import Told, encode_told
from assay.gateway.app import Gateway
from assay.gateway.decoding import Layout
from assay.gateway.http_message import Request, Response
from assay.gateway.lone_answers import lone_answers
from assay.gateway.protocol import Body, decode_body
from assay.gateway.skeleton import Skeleton

INFER = "/v2/models/bank/infer"


def _ask(gateway: Gateway, *bodies: bytes, path: str = INFER) -> list[tuple[int, dict[str, Any]]]:
    """Ask for all of it in one tick."""

    async def run() -> list[Response]:
        loop = asyncio.get_running_loop()
        answers = [loop.create_future() for _ in bodies]
        for body, answer in zip(bodies, answers, strict=True):
            gateway(Request("POST", path, "", {}, body), answer.set_result)
        return list(await asyncio.gather(*answers))

    return [(one.status, json.loads(one.body)) for one in asyncio.run(asyncio.wait_for(run(), 60))]


def _row(
    age: Any = 40.0, job: Any = "retired", fee: Any = 0.5, n: int = 1, **more: Any
) -> dict[str, Any]:
    shapes: Any = {"age": [n], "job": [n, 1], "fee": [n]}
    given = {"age": ("FP64", age), "job": ("BYTES", job), "fee": ("FP32", fee)}
    tensors = [
        {"name": name, "shape": shapes[name], "datatype": datatype, "data": [value] * n}
        for name, (datatype, value) in given.items()
    ]
    return {"inputs": tensors, **more}


def _encoded(*rows: dict[str, Any]) -> list[bytes]:
    return [json.dumps(row).encode() for row in rows]


def _plain(answer: tuple[int, dict[str, Any]]) -> tuple[int, Any]:
    """Leave out the names, which each request has anew."""
    status, document = answer
    return status, document.get("outputs", document.get("error"))


ages = st.none() | st.floats(-1e6, 1e6) | st.integers(-100, 100) | st.just(1e300) | st.just("x")
jobs = st.none() | st.text(max_size=4) | st.sampled_from(["]", '"], "data": [1', "a,\nb"])
rows = st.builds(_row, age=ages, job=jobs, n=st.integers(0, 3))
nested = rows.map(
    lambda row: {
        "inputs": [{**one, "shape": [len(one["data"]), 1]} for one in reversed(row["inputs"])]
    }
)
lacking = rows.map(lambda row: {"inputs": row["inputs"][1:]})


@given(asked=st.lists(rows | nested | lacking, min_size=2, max_size=6))
def test_what_comes_together_is_answered_as_alone(
    batched: Gateway, asked: Sequence[dict[str, Any]]
) -> None:
    bodies = _encoded(*asked)
    together = [_plain(one) for one in _ask(batched, *bodies)]
    alone = [_plain(answer) for body in bodies for answer in _ask(batched, body)]
    assert together == alone
    assert {status for status, _ in together} <= {200, 400}


def test_arms_of_one_bundle_answer_as_it_does_alone(
    make_stage: Callable[..., Any], classifiers: tuple[Bundle, Bundle]
) -> None:
    bodies = _encoded(*(_row(age=20.0 + n) for n in range(60)))
    stage = make_stage()
    stage.publish(classifiers[0])
    alone = [_plain(one) for one in _ask(stage.gateway, *bodies)]
    stage.publish(classifiers[0], classifiers[0], weight=0.5)
    both = _ask(stage.gateway, *bodies)
    assert [_plain(one) for one in both] == alone
    assert {one["parameters"]["arms"][0] for _, one in both} == {"champion", "challenger"}
    captured = {record["id"]: record for record in stage.captures.read()}
    for (_, answer), n in zip(both, range(60), strict=True):
        record = captured[answer["parameters"]["prediction_ids"][0]]
        assert record["arm"] == answer["parameters"]["arms"][0]
        assert record["inputs"] == {"age": 20.0 + n, "job": "retired", "fee": 0.5}


def test_captures_of_a_tick_lie_in_one_batch_for_each_arm(
    make_stage: Callable[..., Any], classifiers: tuple[Bundle, Bundle]
) -> None:
    stage = make_stage()
    stage.publish(classifiers[0])
    _ask(stage.gateway, *_encoded(*(_row(age=20.0 + n) for n in range(5)), _row(n=2)))
    parts = stage.captures.read_after("").parts
    assert len(parts) <= 2
    assert sum(part.n for part in parts) == 7
    assert all(took >= 0 for part in parts for took in part.each["latency_ms"])


def test_a_door_that_refuses_a_row_refuses_that_request_alone(
    make_stage: Callable[..., Any], classifiers: tuple[Bundle, Bundle]
) -> None:
    rules = {"door": {"columns": {"age": {"out_of_range": "reject", "range": [0, 100]}}}}
    stage = make_stage()
    stage.publish(classifiers[0], serving=rules)
    answers = _ask(stage.gateway, *_encoded(_row(), _row(age=500.0), _row(age=30.0)))
    assert [status for status, _ in answers] == [200, 400, 200]
    assert "Row 0 is refused: age is 500" in answers[1][1]["error"]
    assert len(list(stage.captures.read())) == 2


def test_parameters_and_reasons_come_back(
    make_stage: Callable[..., Any], classifiers: tuple[Bundle, Bundle]
) -> None:
    stage = make_stage()
    stage.publish(classifiers[0])
    asked = _row(id="mine", parameters={"mark": 7}, outputs=[{"name": "reasons"}])
    ((status, answer),) = _ask(stage.gateway, *_encoded(asked))
    assert (status, answer["id"], answer["parameters"]["mark"]) == (200, "mine", 7)
    assert [(one["name"], one["datatype"]) for one in answer["outputs"]] == [("reasons", "BYTES")]


def _both_ways(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    """Have each answer that is set into a pattern written as a whole too; returns both."""
    seen: list[tuple[bytes, bytes]] = []

    def compared(serving: Any, names: Sequence[str], answered: Any) -> Sequence[bytes] | None:
        bodies = lone_answers(serving, names, answered)
        for row, (name, body) in enumerate(zip(names, bodies or (), strict=bodies is not None)):
            told = Told(serving, Body([]), name, [f"{name}/0"], answered, row, row + 1)
            seen.append((body, encode_told(told)))
        return bodies

    monkeypatch.setattr(batch, "lone_answers", compared)
    return seen


def test_an_answer_set_into_a_pattern_is_the_answer_written_as_a_whole(
    batched: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = _both_ways(monkeypatch)
    asked = [_row(age=age) for age in (1.5, 20, 40.25, 1e-9)]
    assert {status for status, _ in _ask(batched, *_encoded(*asked))} == {200}
    assert len(seen) == len(asked)
    assert all(set_in == whole for set_in, whole in seen)
    seen.clear()
    for more in (_row(n=2), _row(id="a"), _row(parameters={"mark": 1})):
        assert _ask(batched, *_encoded(more))[0][0] == 200
    assert not seen, "more is told of these"


@pytest.mark.parametrize("several", [1, 9])
def test_answers_of_both_arms_and_of_amounts_are_set_into_patterns_too(
    make_stage: Callable[..., Any],
    classifiers: tuple[Bundle, Bundle],
    regressor: Bundle,
    several: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = _both_ways(monkeypatch)
    for bundles, weight in ((classifiers, 0.5), ((regressor,), 0.0)):
        stage = make_stage()
        stage.publish(*bundles, weight=weight)
        asked = _encoded(*(_row(age=20.0 + n) for n in range(several)))
        assert {status for status, _ in _ask(stage.gateway, *asked)} == {200}
    assert len(seen) == 2 * several
    assert all(set_in == whole for set_in, whole in seen)


LAYOUT = Layout(("age", "fee"), (0, 2), ("job",), (1,), ())


def _skeleton(**given: Any) -> Skeleton | None:
    raw = json.dumps(_row(**given)).encode()
    return Skeleton.of(raw, LAYOUT, decode_body(raw))


def test_a_skeleton_finds_the_values_and_nothing_else() -> None:
    skeleton = _skeleton()
    assert skeleton is not None
    (raw,) = _encoded(_row(age=None, job="a,b", fee=-3))
    filled = skeleton.filled(raw)
    assert filled is not None
    columns = skeleton.columns([filled, filled])
    assert np.isnan(columns["age"]).all()
    assert (columns["fee"].tolist(), columns["job"].tolist()) == ([-3.0] * 2, ["a,b"] * 2)
    for other in (raw.replace(b"age", b"agE"), raw + b" ", raw.replace(b"[1]", b"[2]"), b"", b"{}"):
        assert skeleton.filled(other) is None
    assert _skeleton(n=2) is None
    assert _skeleton(id="a") is None
    assert _skeleton(job="a" * 20_000) is None
    assert _skeleton(parameters={}) is None


@pytest.mark.parametrize("kind", ["FP64", "BYTES"])
def test_a_skeleton_reads_one_column_of_either_kind(kind: str) -> None:
    value = 2.5 if kind == "FP64" else "a]"
    tensor = {"name": "x", "shape": [1], "datatype": kind, "data": [0 if kind == "FP64" else ""]}
    raw = json.dumps({"inputs": [tensor]}).encode()
    layout = Layout.of((("x",), (kind,)), {"x": None})
    assert layout is not None
    skeleton = Skeleton.of(raw, layout, decode_body(raw))
    assert skeleton is not None
    filled = skeleton.filled(json.dumps({"inputs": [{**tensor, "data": [value]}]}).encode())
    if kind == "BYTES":  # what looks like the end of a value is read as a whole
        assert filled is None
        return
    assert filled is not None
    assert skeleton.columns([filled])["x"].tolist() == [value]


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b"[40.0]", b'["40"]'),
        (b"[40.0]", b"[true]"),
        (b"[40.0]", b"[1, 2]"),
        (b"[40.0]", b"[]"),
        (b"[40.0]", b"[NaN]"),
        (b'["retired"]', b"[1]"),
        (b'["retired"]', b'["a", "b"]'),
        (b'["retired"]', b'["a]'),
    ],
)
def test_a_skeleton_takes_one_value_of_its_kind(was: bytes, becomes: bytes) -> None:
    skeleton = _skeleton()
    assert skeleton is not None
    (raw,) = _encoded(_row())
    filled = skeleton.filled(raw.replace(was, becomes))
    assert filled is not None
    with pytest.raises(DataError):
        skeleton.columns([filled])


def _waits(batched: Gateway) -> int:
    return batched.pool.entries["bank"].admission.waiting


def test_an_answer_that_cannot_be_handed_over_keeps_no_other_back(batched: Gateway) -> None:
    counts = batched.pool.entries["bank"].counts
    before = sum(counts.requests.values())
    answers: list[Response] = []

    def breaks(_: Response) -> None:
        raise RuntimeError("the client is gone")

    async def run() -> None:
        asked = [(_row(), breaks), (_row(), answers.append), (_row(job=1), breaks)]
        for row, reply in [*asked, (_row(n=2), answers.append)]:
            batched(Request("POST", INFER, "", {}, json.dumps(row).encode()), reply)
        while len(answers) < 2:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(run(), 10))
    assert [one.status for one in answers] == [200, 200]
    assert _waits(batched) == 0
    assert sum(counts.requests.values()) == before + 4


def test_answers_that_cannot_be_written_together_are_written_each_alone(
    batched: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: Any) -> Any:
        raise ValueError("no pattern")

    alone = [_plain(one) for one in _ask(batched, *_encoded(_row(), _row(age=50.0)))]
    monkeypatch.setattr(batch, "lone_answers", breaks)
    assert [_plain(one) for one in _ask(batched, *_encoded(_row(), _row(age=50.0)))] == alone
    assert _waits(batched) == 0


def test_where_writing_breaks_midway_the_rest_are_told_so(
    batched: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "lone_answers", lambda *_: [b"{}"])
    answers = _ask(batched, *_encoded(_row(), _row(), _row()))
    assert [status for status, _ in answers] == [200, 500, 500]
    assert _waits(batched) == 0


@pytest.mark.parametrize("fault", [DataError, ServiceError])
def test_reasons_that_cannot_be_told_harm_nobody_else(
    batched: Gateway, monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
) -> None:
    def breaks(*_: Any) -> Any:
        raise fault("these reasons cannot be told")

    monkeypatch.setattr("assay.gateway.batch.reasons", breaks)
    asked = _encoded(
        _row(id="a"), _row(id="b", outputs=[{"name": "reasons"}]), _row(age=50.0, id="c")
    )
    entry = batched.pool.entries["bank"]
    before = [one["id"] for one in entry.captures.read() if "id" in one]
    answers: list[list[Response]] = [[] for _ in asked]

    async def run() -> None:
        for body, told in zip(asked, answers, strict=True):
            batched(Request("POST", INFER, "", {}, body), told.append)
        while not all(answers):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)

    asyncio.run(run())
    refused = 400 if fault is DataError else 503
    assert [[one.status for one in told] for told in answers] == [[200], [refused], [200]]
    assert b"these reasons cannot be told" in answers[1][0].body
    assert entry.admission.waiting == 0
    after = [one["id"] for one in entry.captures.read() if "id" in one]
    told = [json.loads(answers[at][0].body)["parameters"]["prediction_ids"][0] for at in (0, 2)]
    assert after[len(before) :] == told
