"""The split of traffic: sticky, exact at its ends, monotone, independent between releases."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from assay.gateway.exploration import explore
from assay.gateway.router import share_of, to_challenger

keys = st.text(max_size=30)
weights = st.floats(0, 1)


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
