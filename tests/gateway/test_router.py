"""The split of traffic: sticky, exact at its ends, monotone, independent between releases.

The same on either pair of arms: a challenger beside a champion, or beside the baseline.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from assay.charter.data import Data
from assay.charter.value import ValueModel
from assay.deploy.desired import Arm, Desired
from assay.deploy.exploration import explore
from assay.deploy.router import share_of, split, to_challenger
from assay.deploy.scoring import Scorer
from assay.deploy.serving import LoadedArm, Serving
from assay.evidence.bundle import Signature
from assay.ports.engine import Columns, Floats
from assay.value.valuation import valuation

keys = st.text(max_size=30)
weights = st.floats(0, 1)
others = st.sampled_from(["champion", "baseline"])

VALUE = ValueModel.model_validate(
    {
        "currency": "EUR",
        "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
        "baselines": {"nobody": "skip"},
        "baseline": "nobody",
        "decisions_per_month": 1000,
    }
)


class _Half:
    """An engine that is sure of nothing."""

    def score(self, columns: Columns) -> Floats:
        return np.full(len(next(iter(columns.values()))), 0.5)


def _serving(other: str, salt: str, weight: float) -> Serving:
    """Version 2 with a weight, beside version 1 as champion or beside the baseline."""
    first = Arm("champion", 1, "b1", 1 - weight)
    if other == "baseline":
        first = Arm("baseline", 2, "b2", 1 - weight)
    arms = (first, Arm("challenger", 2, "b2", weight))
    valued = valuation(VALUE, Data(source="x.csv", outcome="y", positive="yes"))
    signature = Signature("classification", (), valued.labels, valued.actions)
    scorer = Scorer(signature, _Half(), lambda raw, _: np.column_stack([1 - raw, raw]), valued)
    desired = Desired(1, "bank", arms, salt)
    return Serving(desired, tuple(LoadedArm(arm, scorer) for arm in arms))


@given(other=others, salt=keys, key=keys, one=weights, more=weights)
def test_either_pair_of_arms_is_split_alike(
    other: str, salt: str, key: str, one: float, more: float
) -> None:
    low, high = sorted((one, more))
    chosen = _serving(other, salt, low).index_for(key)
    assert chosen == to_challenger(salt, key, low)
    assert chosen <= _serving(other, salt, high).index_for(key)
    assert _serving(other, salt, 0.0).index_for(key) == 0
    assert _serving(other, salt, 1.0).index_for(key) == 1


@given(other=others, weight=weights)
def test_each_version_with_traffic_is_named_once_and_found_where_it_decides_itself(
    other: str, weight: float
) -> None:
    serving = _serving(other, "salt", weight)
    assert len(set(serving.versions)) == len(serving.versions) > 0
    for version in ("1", "2"):
        index = serving.index_of(version)
        assert (index is not None) == (version in serving.versions)
        assert index is None or not serving.arms[index].by_baseline


@given(salt=keys, key=keys, weight=weights)
def test_the_same_entity_stays_on_the_same_arm(salt: str, key: str, weight: float) -> None:
    assert to_challenger(salt, key, weight) == to_challenger(salt, key, weight)


@given(salt=keys, key=keys)
def test_weight_0_gets_nobody_and_weight_1_everybody(salt: str, key: str) -> None:
    assert not to_challenger(salt, key, 0.0)
    assert to_challenger(salt, key, 1.0)


@given(salt=keys, key=keys, one=weights, other=weights)
def test_a_growing_weight_takes_nobody_away(salt: str, key: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert to_challenger(salt, key, low) <= to_challenger(salt, key, high)


@given(salt=keys, key=keys)
def test_salt_and_key_cannot_be_mistaken_for_each_other(salt: str, key: str) -> None:
    assert share_of(salt + "x", key) != share_of(salt, "x" + key)


@given(
    salt=keys,
    several=st.lists(st.text(st.characters(exclude_categories=()), max_size=8), max_size=20),
    share=weights | st.sampled_from([0.0, 1e-30, 1 - 2**-53, 1.0]),
    data=st.data(),
)
def test_a_batch_is_split_as_each_of_its_keys(
    salt: str, several: list[str], share: float, data: st.DataObject
) -> None:
    rows = [row for row in range(len(several)) if data.draw(st.booleans())]
    within, beyond = split(salt, several, rows, share)
    assert list(within) == [row for row in rows if to_challenger(salt, several[row], share)]
    assert list(beyond) == [row for row in rows if not to_challenger(salt, several[row], share)]


@given(
    other=others,
    several=st.lists(keys, max_size=40),
    weight=weights,
    control=st.sampled_from([None, 0.0, 0.3, 1.0]),
)
def test_a_batch_is_dealt_as_each_of_its_keys(
    other: str, several: list[str], weight: float, control: float | None
) -> None:
    serving = _serving(other, "salt", weight)
    if control is not None:
        desired = structs.replace(
            serving.desired, control_share=control, control_salt="control/bank"
        )
        arm = LoadedArm(Arm("control", 1, "b1", control), serving.arms[0].scorer)
        serving = replace(serving, desired=desired, control=arm)
    for one in (serving, replace(serving, arms=serving.arms[:1])):
        arms = [one.index_for(key) for key in several]
        dealt = [(index, list(rows)) for index, rows in one.dealt(several)]
        assert dealt == [
            (index, [row for row, arm in enumerate(arms) if arm == index])
            for index in sorted(set(arms))
        ]


def test_the_split_has_its_weight_and_is_independent_between_releases() -> None:
    n = 20_000
    first = [to_challenger("release-1", f"client-{i}", 0.3) for i in range(n)]
    second = [to_challenger("release-2", f"client-{i}", 0.3) for i in range(n)]
    both = sum(a and b for a, b in zip(first, second, strict=True)) / n
    assert abs(sum(first) / n - 0.3) < 0.015
    assert abs(both - 0.09) < 0.01


@given(
    action=st.integers(0, 3),
    share=st.floats(0, 1),
    salt=keys,
    key=keys,
)
def test_an_explored_action_is_an_action_with_a_true_propensity(
    action: int, share: float, salt: str, key: str
) -> None:
    taken = explore(action, 4, share, salt, key)
    assert taken == explore(action, 4, share, salt, key)
    assert 0 <= taken.action < 4
    assert taken.explored or taken.action == action
    own = 1 - share if taken.action == action else 0
    assert abs(taken.propensity - (share / 4 + own)) < 1e-12
    assert taken.propensity > 0


def test_explored_actions_come_as_often_as_their_propensity_says() -> None:
    n = 20_000
    actions = [explore(2, 3, 0.3, "s", f"{i}/0").action for i in range(n)]
    for action, propensity in ((0, 0.1), (1, 0.1), (2, 0.8)):
        assert abs(actions.count(action) / n - propensity) < 0.012
