"""The value bridge: parts that add up, and each factor alone in its own part."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.charter.data import Data
from assay.charter.value import ValueModel
from assay.errors import DataError, ModelError
from assay.stats.clusters import Clusters
from assay.value.bridge import PARTS, Bridge, bridge
from assay.value.bridge_cells import common_cells, score_of
from assay.value.bridge_sides import Side, forecast_in, paid_instead_by
from assay.value.shapley import shapley_average
from assay.value.valuation import Valuation, valuation

YES_NO = ("no", "yes")
ABC = ("a", "b", "c")


def binary(gain: float = 9, cost: float = -1, at: float = 0.2, flip: bool = False) -> Valuation:
    """A call that pays by each case's amount, with a second way to act; `flip` reorders names."""
    actions: dict[str, Any] = {
        "call": {"yes": f"{gain} * amount", "no": cost},
        "skip": 0,
        "ask": {"yes": f"{gain} * amount - 2", "no": -0.5},
    }
    if flip:
        actions = dict(reversed(actions.items()))
    return _valued(actions, {"kind": "threshold", "action": "call", "otherwise": "skip", "at": at})


def several(gain: float = 4, order: tuple[str, ...] = ABC) -> Valuation:
    """Three outcomes, four actions, the best of which is taken."""
    pay = {"a": -1.0, "b": gain, "c": 2.0}
    actions: dict[str, Any] = {
        "first": {name: pay[name] for name in order},
        "second": {name: -pay[name] for name in order},
        "third": {name: f"{pay[name]} * amount / 2" for name in order},
        "nothing": 0,
    }
    return _valued(actions, "best_action", positive=order[-1], baseline="nothing")


def amounts(under: float = 3, over: float = 1) -> Valuation:
    """An amount decided, against a baseline that reads a column."""
    return valuation(
        ValueModel.model_validate(
            {
                "currency": "EUR",
                "under": under,
                "over": over,
                "baselines": {"usual": "10 * amount"},
                "baseline": "usual",
                "decisions_per_month": 1000,
            }
        ),
        Data(source="t.csv", outcome="y"),
    )


def _valued(
    actions: dict[str, Any], policy: object, positive: str = "yes", baseline: str = "skip"
) -> Valuation:
    model = {
        "currency": "EUR",
        "actions": actions,
        "baselines": {"nobody": baseline},
        "baseline": "nobody",
        "decisions_per_month": 1000,
        "policy": policy,
    }
    data = Data(source="t.csv", outcome="y", positive=positive)
    return valuation(ValueModel.model_validate(model), data)


def cases(
    valued: Valuation, rng: np.random.Generator, n: int, tilt: float = 1.0, shift: float = 0.0
) -> Side:
    """Draw cases of the right kind; outcomes follow the forecast, tilted."""
    columns = {"amount": rng.lognormal(0, 0.4, n)}
    if valued.task == "regression":
        middle = rng.gamma(4, 3, n) + 20 * shift
        forecast = middle[:, None] + np.linspace(-3, 3, 7)
        outcomes: Any = middle * tilt + rng.normal(0, 2, n)
    else:
        score = rng.dirichlet(np.ones(len(valued.labels)), n)
        moved = score ** (1 + shift)
        forecast = moved / moved.sum(axis=1, keepdims=True)
        biased = forecast * np.linspace(1.0, tilt, len(valued.labels))
        chances = biased / biased.sum(axis=1, keepdims=True)
        outcomes = (rng.random(n)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
        outcomes = np.minimum(outcomes, len(valued.labels) - 1)
    return Side(valued, forecast, outcomes, columns, volume=1000.0, fixed_costs=100.0)


def amounts_of(found: Bridge) -> dict[str, float]:
    return {name: part.mean for name, part in found.parts.items()}


def assert_adds_up(found: Bridge, planned: Side, realised: Side) -> None:
    scale = max(1.0, *(abs(e.mean) for e in (found.planned, found.realised, *found.parts.values())))
    total = sum(part.mean for part in found.parts.values())
    assert abs(total - (found.realised.mean - found.planned.mean)) <= 1e-9 * scale
    assert found.planned.mean == pytest.approx(plain_total(planned), rel=1e-9, abs=1e-9 * scale)
    assert found.realised.mean == pytest.approx(plain_total(realised), rel=1e-9, abs=1e-9 * scale)


def plain_total(side: Side) -> float:
    """What a side's cases are worth above its baseline, without any cells."""
    valued, policy = side.valuation, side.policy or side.valuation
    decided = side.decisions
    if decided is None:
        decided = policy.decide(forecast_in(side, policy.labels), side.columns)
        if valued.actions:
            code = np.array([valued.actions.index(name) for name in policy.actions])
            decided = code[decided]
    base = valued.baseline(side.columns, len(side))
    paid = valued.realised(decided, side.outcomes, side.columns)
    gain = paid - valued.realised(base, side.outcomes, side.columns)
    return float(side.volume * gain.mean() - side.fixed_costs)


def only(part: str, found: Bridge) -> None:
    """Nothing but one part, and certainly so."""
    others = [one for name, one in found.parts.items() if name != part]
    if part in ("volume", "policy", "cost"):  # these are certain of either sample's cases
        certain = [found.parts[name] for name in ("volume", "policy", "cost") if name != part]
        assert all(one.mean == one.low == one.high == 0 for one in certain)
    scale = abs(found.planned.mean) + abs(found.realised.mean)
    assert all(abs(one.mean) <= 1e-12 * scale for one in others)
    assert abs(found.parts[part].mean) > 1e-3 * scale


VALUED = {
    "binary": (binary(), binary(7, -2, 0.35, flip=True)),
    "several": (several(), several(3, ("c", "a", "b"))),
    "amounts": (amounts(), amounts(2, 2)),
}


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(sorted(VALUED)),
    sizes=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    recorded=st.booleans(),
    segmented=st.booleans(),
    shift=st.sampled_from([0.0, 0.5, 5.0]),
    volumes=st.tuples(st.floats(0.5, 1e7), st.floats(0.5, 1e7)),
    count=st.integers(1, 20),
    seed=st.integers(0, 10_000),
)
def test_parts_add_up_whatever_the_sides(
    kind: str,
    sizes: tuple[int, int],
    recorded: bool,
    segmented: bool,
    shift: float,
    volumes: tuple[float, float],
    count: int,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    mine, theirs = VALUED[kind]
    plan = replace(cases(mine, rng, sizes[0]), volume=volumes[0])
    came = replace(
        cases(theirs, rng, sizes[1], 0.6, shift), volume=volumes[1], fixed_costs=300, policy=mine
    )
    if recorded:
        drawn = rng.integers(0, max(1, len(theirs.actions)), sizes[1])
        came = replace(came, decisions=drawn if theirs.actions else came.outcomes * 0.9)
    if segmented:
        names = np.array(["north", "south", "elsewhere"])
        plan = replace(plan, segments=names[rng.integers(0, 2, sizes[0])])
        came = replace(came, segments=names[rng.integers(1, 3, sizes[1])])
    found = bridge(plan, came, seed=seed, cells=count, resamples=20)
    assert_adds_up(found, plan, came)
    assert tuple(found.parts) == PARTS
    assert all(0 <= share <= 1 for share in found.unmatched)
    assert Bridge.from_document(found.document()) == found
    back = bridge(came, plan, seed=seed, cells=count, resamples=20)
    assert back.unmatched == found.unmatched[::-1]
    scale = max(abs(part) for part in [1.0, *amounts_of(found).values()])
    for name, part in amounts_of(back).items():
        assert abs(part + amounts_of(found)[name]) <= 1e-9 * scale


@pytest.mark.parametrize("kind", sorted(VALUED))
def test_each_factor_alone_is_all_of_the_difference(kind: str) -> None:
    mine, theirs = VALUED[kind]
    rng = np.random.default_rng(77)
    plan = cases(mine, rng, 400, 0.8)
    plan = replace(plan, segments=np.repeat(["north", "south"], 200))
    only("volume", bridge(plan, replace(plan, volume=1700.0), seed=3, resamples=200))
    other = cases(mine, np.random.default_rng(78), 400, 0.3)
    only("performance", bridge(plan, replace(plan, outcomes=other.outcomes), seed=3, resamples=200))
    only("policy", bridge(plan, replace(plan, policy=theirs), seed=3, resamples=200))
    only("cost", bridge(plan, replace(plan, fixed_costs=400.0), seed=3, resamples=200))
    twice = np.concatenate([np.arange(400), np.arange(200), np.arange(200)])
    only("mix", bridge(plan, some(plan, twice), seed=3, resamples=200))


def test_other_payoffs_under_the_same_decisions_are_cost() -> None:
    plan = cases(binary(9), np.random.default_rng(5), 300)
    only("cost", bridge(plan, replace(plan, valuation=binary(6)), seed=3, resamples=200))


def test_recorded_decisions_count_as_they_were_made() -> None:
    plan = cases(binary(), np.random.default_rng(6), 300)
    everybody = np.zeros(300, dtype=np.int64)
    found = bridge(plan, replace(plan, decisions=everybody), seed=3, resamples=200)
    assert found.realised.mean == pytest.approx(plain_total(replace(plan, decisions=everybody)))
    assert found.parts["policy"].mean == pytest.approx(found.difference.mean / 2)
    assert found.parts["performance"].mean == pytest.approx(found.difference.mean / 2)


def test_names_in_another_order_change_nothing() -> None:
    rng = np.random.default_rng(8)
    for one, two in ((binary(), binary(flip=True)), (several(), several(order=("c", "a", "b")))):
        plan = cases(one, rng, 300)
        place = [one.labels.index(label) for label in two.labels]
        code = np.array([two.labels.index(label) for label in one.labels])
        same = replace(
            plan, valuation=two, forecast=plan.forecast[:, place], outcomes=code[plan.outcomes]
        )
        decided = one.decide(plan.forecast, plan.columns)
        for like in (
            same,
            paid_instead_by(plan, two),
            paid_instead_by(replace(plan, decisions=decided), two),
        ):
            found = bridge(plan, like, seed=3, resamples=200)
            assert all(abs(part) < 1e-9 for part in amounts_of(found).values())
    with pytest.raises(DataError, match="know the outcomes"):
        paid_instead_by(plan, binary())


def test_cases_without_a_like_are_mix_and_said_to_be() -> None:
    plan = cases(binary(at=0.0), np.random.default_rng(9), 200)
    plan = replace(plan, segments=np.repeat("north", 200))
    came = replace(plan, segments=np.repeat("south", 200), outcomes=1 - plan.outcomes)
    found = bridge(plan, came, seed=3, resamples=200)
    assert found.unmatched == (1.0, 1.0)
    assert found.parts["performance"].mean == 0
    assert found.parts["mix"].mean == pytest.approx(found.difference.mean)
    assert "100.0% of the planned" in found.words()[0]
    assert bridge(plan, plan, seed=3, resamples=200).words() == ()


def test_costs_of_each_decision_are_cost() -> None:
    plan = cases(binary(), np.random.default_rng(15), 300)
    found = bridge(plan, replace(plan, cost_per_decision=0.25), seed=3, resamples=200)
    only("cost", found)
    assert found.parts["cost"].mean == pytest.approx(-250)


def test_an_outcome_that_never_shows_counts_as_forecast() -> None:
    rng = np.random.default_rng(16)
    plan = cases(binary(at=0.3), rng, 4000)
    came = cases(binary(at=0.3), rng, 4000)
    called = came.valuation.decide(came.forecast, came.columns) == 0
    hidden = replace(came, known=called, outcomes=np.where(called, came.outcomes, 1))
    found, whole = (bridge(plan, one, seed=3, resamples=200) for one in (hidden, came))
    # who is not called pays nothing, whatever they would have done
    assert found.realised.mean == whole.realised.mean
    assert found.assumed == (0.0, 0.0)
    assert found.words() == ()
    found, whole = (
        bridge(replace(plan, policy=binary(at=0.1)), one, seed=3, resamples=200)
        for one in (hidden, came)
    )
    assert found.realised.mean == whole.realised.mean
    wide = whole.parts["policy"].high - whole.parts["policy"].low
    assert abs(found.parts["policy"].mean - whole.parts["policy"].mean) < wide / 2
    blind = bridge(plan, replace(came, known=np.zeros(4000, dtype=np.bool_)), seed=3, resamples=200)
    assert blind.assumed == (0.0, called.mean())
    assert "is not identified" in blind.words()[0]
    amount = cases(amounts(), rng, 50)
    with pytest.raises(ValueError, match="only cases that are known"):
        bridge(amount, replace(amount, known=np.zeros(50, dtype=np.bool_)), seed=0)


def test_clusters_widen_and_one_cluster_says_nothing() -> None:
    rng = np.random.default_rng(10)
    plan, came = cases(binary(), rng, 400), cases(binary(), rng, 400, 0.6)
    alone = bridge(plan, came, seed=3, resamples=200).parts["performance"]
    alike = np.repeat(np.arange(100), 4)
    fours = [
        replace(some(side, alike), clusters=Clusters(alike, "entity")) for side in (plan, came)
    ]
    together = bridge(fours[0], fours[1], seed=3, resamples=200).parts["performance"]
    assert together.high - together.low > 1.6 * (alone.high - alone.low)
    one = replace(came, clusters=Clusters(np.zeros(400, np.int64), "entity"))
    found = bridge(plan, one, seed=3, resamples=200)
    assert found.parts["performance"].low == -np.inf
    assert np.isfinite(found.planned.low)
    assert found.parts["policy"].low == found.parts["policy"].high == 0


def some(side: Side, rows: Any) -> Side:
    return replace(
        side,
        forecast=side.forecast[rows],
        outcomes=side.outcomes[rows],
        columns={name: column[rows] for name, column in side.columns.items()},
        segments=None if side.segments is None else side.segments[rows],
    )


def test_intervals_cover_the_true_parts() -> None:
    """The short form of the check: eight scores, each a cell, and payoffs by amount."""
    score = np.repeat(np.linspace(0.05, 0.6, 8), 40)
    amount = np.tile([0.5, 1.0, 3.0, 1.0], 80)

    def everybody(valued: Valuation, fade: float) -> Side:
        # of each score's forty cases, those with the lowest rank say yes
        outcomes = (np.tile(np.arange(40) // 4, 8) < 10 * fade * score).astype(int)
        forecast = np.column_stack([1 - score, score])
        return Side(valued, forecast, outcomes, {"amount": amount}, 1000.0)

    plan = everybody(binary(at=0.1), 1.0)
    came = replace(everybody(binary(7, at=0.25), 0.7), volume=900.0)
    uneven = 0.5 + np.repeat(np.arange(8), 40) / 8
    hits = np.zeros(len(PARTS))
    runs = 120
    rng = np.random.default_rng(12)
    weight = uneven / uneven.sum()
    exact = some(came, np.repeat(np.arange(320), np.round(8 * uneven).astype(int)))
    truth = amounts_of(bridge(plan, exact, seed=0, cells=64))
    for _ in range(runs):
        drawn = some(plan, rng.integers(0, 320, 500)), some(came, rng.choice(320, 300, p=weight))
        found = bridge(*drawn, seed=0, cells=64, resamples=200)
        hits += [part.low <= truth[name] <= part.high for name, part in found.parts.items()]
    assert (hits / runs > 0.89).all(), dict(zip(PARTS, hits / runs, strict=True))


def test_lines_read_as_people_write() -> None:
    plan = cases(binary(), np.random.default_rng(13), 300)
    found = bridge(plan, replace(plan, volume=1500.0), seed=3, per="week")
    volume, mix, *_ = found.lines()
    assert volume.startswith("volume +")
    assert " EUR per week [" in volume
    assert mix.startswith("mix 0 EUR per week [")


def test_sides_that_do_not_go_together_are_refused() -> None:
    rng = np.random.default_rng(14)
    plan = cases(binary(), rng, 50)
    with pytest.raises(DataError, match="know the outcomes no, yes, the others a, b, c"):
        bridge(plan, cases(several(), rng, 50), seed=0)
    with pytest.raises(DataError, match="predict classification, the others regression"):
        bridge(plan, cases(amounts(), rng, 50), seed=0)
    with pytest.raises(DataError, match="realised cases lack the column amount"):
        bridge(plan, replace(plan, columns={}), seed=0)
    with pytest.raises(ValueError, match="without cases"):
        bridge(plan, cases(binary(), rng, 0), seed=0)
    with pytest.raises(ValueError, match="segments of both sides"):
        bridge(plan, replace(plan, segments=np.repeat("x", 50)), seed=0)
    with pytest.raises(ModelError, match="format 7"):
        Bridge.from_document({"format": 7})


def test_score_cells_weigh_both_sides_alike() -> None:
    few, many = np.array([0.9, 0.8]), np.linspace(0.0, 0.5, 1000)
    none = np.zeros(2, np.int64), np.zeros(1000, np.int64)
    table = common_cells((none[0], few), (none[1], many), cells=4)
    assert table.counts.tolist() == [[0, 0, 1, 1], [500, 500, 0, 0]]
    assert table.unmatched == (1.0, 1.0)
    kind, score = score_of(np.array([[1.0, 5.0, 9.0]]), "regression")
    assert (kind.tolist(), score.tolist()) == ([0], [5.0])


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), players=st.integers(1, 5))
def test_shapley_axioms(seed: int, players: int) -> None:
    rng = np.random.default_rng(seed)
    worth = rng.normal(size=(2,) * players + (3,))
    parts = shapley_average(worth, players)
    whole, nothing = worth[(1,) * players], worth[(0,) * players]
    assert np.allclose(parts.sum(axis=0), whole - nothing)
    assert np.allclose(shapley_average(worth[(slice(None, None, -1),) * players], players), -parts)
    if players > 1:
        swapped = shapley_average(np.swapaxes(worth, 0, 1), players)
        assert np.allclose(swapped[[1, 0]], parts[:2])
        dummy = np.repeat(worth[:1], 2, axis=0)
        assert (shapley_average(dummy, players)[0] == 0).all()
    with pytest.raises(ValueError, match="axes of length 2"):
        shapley_average(worth, players + 1)
