"""Entities in the control get the baseline's action, whatever is released beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assay.charter.data import Data
from assay.charter.value import ValueModel
from assay.deploy.desired import Arm, Desired
from assay.deploy.router import in_control, to_challenger
from assay.deploy.scoring import Scorer
from assay.deploy.serving import LoadedArm, Serving
from assay.evidence.bundle import Bundle, Signature
from assay.ports.engine import Columns, Floats
from assay.value.valuation import valuation

Body = Callable[..., dict[str, Any]]

INFER = "/v2/models/bank/infer"
SALT = "control/bank"

keys = st.text(max_size=30)
shares = st.floats(0, 0.5)
weights = st.floats(0, 1)

VALUE = ValueModel.model_validate(
    {
        "currency": "EUR",
        "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
        "baselines": {"everybody": "call"},
        "baseline": "everybody",
        "decisions_per_month": 1000,
    }
)


class _Sure:
    """An engine that is sure of no."""

    def score(self, columns: Columns) -> Floats:
        return np.zeros(len(next(iter(columns.values()))))


def _serving(share: float, salt: str, weight: float | None) -> Serving:
    """A champion, with a challenger where there is a weight, and a control."""
    arms: tuple[Arm, ...] = (Arm("champion", 1, "b1", 1 - (weight or 0.0)),)
    if weight is not None:
        arms = (*arms, Arm("challenger", 2, "b2", weight))
    valued = valuation(VALUE, Data(source="x.csv", outcome="y", positive="yes"))
    signature = Signature("classification", (), valued.labels, valued.actions)
    scorer = Scorer(signature, _Sure(), lambda raw, _: np.column_stack([1 - raw, raw]), valued)
    desired = Desired(1, "bank", arms, salt, control_share=share, control_salt=SALT)
    loaded = tuple(LoadedArm(arm, scorer) for arm in arms)
    control = desired.control
    return Serving(desired, loaded, None if control is None else LoadedArm(control, scorer))


@given(share=shares, salt=keys, key=keys, weight=st.none() | weights)
def test_neither_releases_nor_their_steps_move_anybody_in_or_out(
    share: float, salt: str, key: str, weight: float | None
) -> None:
    serving = _serving(share, salt, weight)
    index = serving.index_for(key)
    inside = serving.answering[index].arm.name == "control"
    assert inside == in_control(SALT, key, share)
    if not inside:
        assert index == (weight is not None and to_challenger(salt, key, weight))
    assert "control" not in [loaded.arm.name for loaded in serving.arms]


@given(key=keys, salt=keys, weight=weights)
def test_share_0_gets_nobody(key: str, salt: str, weight: float) -> None:
    serving = _serving(0.0, salt, weight)
    assert serving.control is None
    assert serving.index_for(key) == to_challenger(salt, key, weight)
    assert not in_control(salt, key, 0.0)


@given(key=keys, one=shares, other=shares)
def test_a_growing_share_takes_nobody_out(key: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert in_control(SALT, key, low) <= in_control(SALT, key, high)


def test_the_control_has_its_share_and_is_independent_of_the_release() -> None:
    n = 20_000
    inside = np.array([in_control(SALT, f"client-{i}", 0.2) for i in range(n)])
    tried = np.array([to_challenger("release-1", f"client-{i}", 0.3) for i in range(n)])
    assert abs(inside.mean() - 0.2) < 0.01
    assert abs((inside & tried).mean() - 0.06) < 0.008


def test_control_entities_get_the_baselines_action_and_are_captured_so(
    stage: Any, classifiers: tuple[Bundle, Bundle], body: Body
) -> None:
    names = [f"client-{n}" for n in range(200)]
    wanted = {name for name in names if in_control(SALT, name, 0.25)}
    control = {"control_share": 0.25, "control_salt": SALT, "exploration_share": 0.5}
    ask = body(200, parameters={"entity": names})
    with stage.client() as client:
        stage.publish(classifiers[0])
        alone = client.post(INFER, json=ask).json()
        for weight in (0.0, 0.5, 1.0):
            stage.publish(*classifiers, weight=weight, salt=f"release {weight}", **control)
            arms = client.post(INFER, json=ask).json()["parameters"]["arms"]
            assert {n for n, arm in zip(names, arms, strict=True) if arm == "control"} == wanted
        stage.publish(classifiers[0], **control)
        assert client.get("/v2/models/bank").json()["versions"] == ["1"]
        answer = client.post(INFER, json={**ask, "id": "last"}).json()
        stage.publish_first(classifiers[0], 0.5, **control)
        first = client.post(INFER, json=ask).json()["parameters"]["arms"]
        pinned = client.post("/v2/models/bank/versions/1/infer", json=ask).json()
    assert {n for n, arm in zip(names, first, strict=True) if arm == "control"} == wanted
    assert set(pinned["parameters"]["arms"]) == {"pinned"}
    records = [one for one in stage.captures.read() if one["id"].startswith("last")]
    probability = {t["name"]: t["data"] for t in alone["outputs"]}["probability"]
    assert answer["model_version"] == "1"
    for record in records:
        row = int(record["id"].rpartition("/")[2])
        assert record["control_share"] == 0.25
        assert (record["arm"] == "control") == (record["entity"] in wanted)
        # Its version scores it all the same: forecasts are seen on everybody.
        assert record["probability"] == probability[row]
        if record["arm"] == "control":
            taken = (record["decision"], record["explored"], record["propensity"])
            assert taken == ("skip", False, 1.0)
    assert any(record["decision"] == "call" for record in records)


def test_a_desired_state_of_before_has_no_control() -> None:
    arm = b'{"name":"champion","version":1,"bundle":"b","weight":1.0}'
    old = Desired.read(b'{"format":1,"revision":1,"model":"bank","arms":[' + arm + b"]}")
    assert (old.control_share, old.control) == (0.0, None)
