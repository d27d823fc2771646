"""A policy moves and its model stays: byte for byte, judged anew, or refused with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from assay.adapters.onnx_engine import OnnxEngine
from assay.build.built import Built
from assay.build.judged_rows import JudgedRows
from assay.build.packaged import Packaged
from assay.build.policy_move import PolicyMove, TableOf, move_policy
from assay.build.run import build
from assay.build.submit import submit
from assay.charter.charter import Charter
from assay.deploy.scoring import Scored, Scorer, read_signature
from assay.errors import AssayError, DataError, InputError, ModelError
from assay.evidence.evidence import EvidenceKind
from assay.monitor.watched import watch_bundle
from assay.stats.clusters import clustered_mean
from assay.value.valuation import valuation_from_document

DATA = "d" * 64
IN_ORDER: dict[str, Any] = {"order": "rows"}
LEARNED = {"policy": {"kind": "threshold", "action": "send"}}
FIXED = {"policy": {"kind": "threshold", "action": "send", "at": 0.5}}


def _content(built: Built, kind: EvidenceKind) -> Any:
    return next(one for one in built.evidence if one.kind == kind).content


def packaged(built: Built, version: int = 1) -> Packaged:
    """Read a version back as the registry holds it."""
    evaluation = json.loads(json.dumps(_content(built, "evaluation")))
    judged = JudgedRows.read(evaluation["judged_rows"], built.kept[0])
    return Packaged.read(version, built.bundle, evaluation, judged)


def at_hand(frame: pl.DataFrame, digest: str = DATA) -> TableOf:
    return lambda _: (frame, digest)


def scored(built: Built, columns: Any) -> Scored:
    inputs = read_signature(built.bundle).inputs
    return Scorer.from_bundle(
        built.bundle, OnnxEngine(built.bundle.files["model.onnx"], inputs)
    ).score(columns)


@pytest.fixture(scope="module")
def made(charter: Any) -> Callable[..., Charter]:
    """The shop's charter in order, its value model changed as named."""

    def make(task: str = "classification", **value: Any) -> Charter:
        quick = {"families": ["linear"], "trials": 1}
        found: Charter = charter(task, data=IN_ORDER, value=value, build=quick)
        return found

    return make


@pytest.fixture(scope="module")
def first(made: Any, shop: pl.DataFrame) -> Built:
    return build(made(), Path(), shop, DATA, engines=OnnxEngine)


@pytest.fixture(scope="module")
def move(first: Built, shop: pl.DataFrame) -> Callable[..., PolicyMove]:
    def go(charter: Charter, source: Built = first, version: int = 1) -> PolicyMove:
        moved = move_policy(charter, packaged(source, version), at_hand(shop), engines=OnnxEngine)
        assert moved is not None
        return moved

    return go


def _columns(shop: pl.DataFrame, built: Built, count: int) -> Any:
    """The inputs of the newest rows, as a caller sends them."""
    rows = shop.tail(count)
    return {
        one.name: rows[one.name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        if one.kind == "number"
        else rows[one.name].cast(pl.String).fill_null("").to_numpy().astype(object)
        for one in read_signature(built.bundle).inputs
    }


def test_only_the_policy_and_where_it_came_from_are_new(made: Any, first: Built, move: Any) -> None:
    moved = move(made(**FIXED))
    before, after = first.bundle, moved.built.bundle
    assert before.digest != after.digest
    assert {name for name in before.files if before.files[name] != after.files[name]} == {
        "policy.json",
        "reference.json",
    }
    then, now = (json.loads(one.files["reference.json"]) for one in (before, after))
    assert then["grid"] == now["grid"]
    for old_window, new_window in zip(then["windows"], now["windows"], strict=True):
        old, new = old_window["features"], new_window["features"]
        assert old.pop("@decision") != new.pop("@decision"), "other decisions are made"
        assert old == new
        assert sum(old_window["scores"]["n"]) == sum(new_window["scores"]["n"])
    assert then != now, "what was decided at which score is that of the policy now"
    assert after.origin["moved_from"] == before.digest
    differing = {name for name in before.origin if before.origin[name] != after.origin[name]}
    assert differing <= {"sections", "code"}, "the code may have been edited meanwhile"
    old, new = before.origin["sections"], after.origin["sections"]
    assert {name for name in old if old[name] != new[name]} == {"value"}
    assert moved.built.measured_on == first.measured_on, "nothing to learn: all test rows judge"
    assert moved.built.assessment.n == first.assessment.n == 225
    told = _content(moved.built, "evaluation")["search"]
    assert told["trials"], "how the model was found is still told"
    assert told["moved"]["version"] == 1
    assert told["moved"]["bundle"] == before.digest
    provenance = next(one for one in moved.built.evidence if one.kind == "provenance")
    assert provenance.inputs["moved_from"] == before.digest
    assert [one.kind for one in moved.built.evidence] == [one.kind for one in first.evidence]
    parity = next(one for one in moved.built.evidence if one.kind == "parity")
    assert [check.name for check in parity.checks] == ["served as version 1 is"]


def test_what_it_brings_is_what_a_hand_counts(
    made: Any, first: Built, move: Any, shop: pl.DataFrame
) -> None:
    moved = move(made(**FIXED, actions={"send": {"yes": 7, "no": -3}, "rest": 0}))
    columns = _columns(shop, first, 225)
    was, now = scored(first, columns), scored(moved.built, columns)
    np.testing.assert_array_equal(was.forecast, now.forecast)
    np.testing.assert_array_equal(now.decision == 0, was.probability >= 0.5)
    pays = {"yes": 7.0, "no": -3.0}
    gains, old_pay, otherwise = [], [], 0
    for row, outcome in enumerate(shop["buys"].tail(225)):
        # Expected under the payoffs of then: 9 p - 2 (1 - p) > 0.
        then, new = was.probability[row] * 11 > 2, was.probability[row] >= 0.5
        old_pay.append(pays[outcome] * then)
        gains.append(pays[outcome] * new - pays[outcome] * then)
        otherwise += bool(then != new)
    found = moved.value
    assert found.brings.mean == pytest.approx(1000 * np.mean(gains))
    assert found.before.mean == pytest.approx(1000 * np.mean(old_pay))
    assert found.after.mean == pytest.approx(found.before.mean + found.brings.mean)
    assert found.moved == pytest.approx(otherwise / 225)
    assert (found.brings.unit, found.brings.n) == ("EUR per month", 225)
    again = clustered_mean(
        np.array(gains),
        JudgedRows.read(_content(first, "evaluation")["judged_rows"], first.kept[0]).clusters,
        seed=7,
    )
    assert (found.brings.low, found.brings.high) == pytest.approx(
        (1000 * again.low, 1000 * again.high)
    )
    assert moved.changed == ("payoffs",)
    told = " ".join(moved.built.words)
    assert (
        "Moved from version 1, nothing trained: the action of highest expected payoff -> " in told
    )
    assert "`send` from a probability of 0.5 on, else `rest`; changed with it: payoffs." in told
    assert "EUR per month [" in told
    assert moved.built.words == tuple(_content(moved.built, "evaluation")["words"])
    assert moved.document()["brings"]["mean"] == found.brings.mean


def test_what_is_learned_is_learned_on_the_older_half_and_judged_on_the_newer(
    made: Any, first: Built, move: Any, shop: pl.DataFrame
) -> None:
    charter = made(**LEARNED)
    moved = move(charter)
    assert moved.built.assessment.n == 113
    assert "those set aside (the policy learned from the others)" in moved.built.measured_on
    policy = json.loads(moved.built.bundle.files["policy.json"])
    columns = _columns(shop, first, 225)
    older = {name: values[:112] for name, values in columns.items()}
    forecasts = scored(first, older).forecast
    outcomes = (shop["buys"].tail(225).head(112) == "yes").to_numpy().astype(np.int64)
    fresh = move(made(**FIXED)).built.bundle.files["policy.json"]
    untaught = json.loads(fresh) | {"policy": policy["policy"]}
    hand = valuation_from_document(untaught).tuned(forecasts, outcomes, older)
    assert policy == json.loads(json.dumps(hand.document()))
    newer = _content(moved.built, "evaluation")["judged_rows"]["rows"]
    assert newer == 113
    onward = move(made(**FIXED), moved.built, 2)
    assert onward.built.assessment.n == 225, "the model and calibration saw none of them"
    assert onward.value.brings.n == 113, "but the old policy learned from the others"
    assert (
        onward.was
        == f"`send` from a probability of {policy['learned']:.4g} on (learned), else `rest`"
    )


def test_a_limit_learns_its_price(made: Any, move: Any) -> None:
    top = {"kind": "top_k", "action": "send", "k": 20, "of": 100}
    moved = move(made(policy=top))
    assert json.loads(moved.built.bundle.files["policy.json"])["prices"]
    assert moved.now == "`send` for the best 20 of 100 cases, else `rest`"
    counted = moved.built.assessment.decisions["send"]
    assert abs(counted / 113 - 0.2) < 0.1


def test_where_nothing_changed_nothing_is_read(made: Any, first: Built) -> None:
    def never(_: str) -> Any:
        raise AssertionError("the table is not needed")

    assert move_policy(made(), packaged(first), never, engines=OnnxEngine) is None


def test_costs_alone_bring_new_evidence_on_the_same_policy(
    made: Any, first: Built, move: Any
) -> None:
    moved = move(made(run_cost_per_month=50))
    assert moved.built.bundle.files == first.bundle.files
    assert moved.built.bundle.digest != first.bundle.digest
    assert (moved.value.brings.mean, moved.value.brings.low, moved.value.brings.high) == (0, 0, 0)
    assert moved.value.moved == 0
    assert "the policy stays (the action of highest expected payoff)." in moved.built.words[0]
    sections = next(one for one in moved.built.evidence if one.kind == "evaluation").rests_on
    assert sections["value"] == made(run_cost_per_month=50).digests()["value"]


def test_a_new_action_can_be_taken_and_an_old_one_be_lost(
    made: Any, first: Built, move: Any
) -> None:
    ring = {"send": {"yes": 9, "no": -2}, "rest": 0, "ring": {"yes": 12, "no": -3}}
    more = move(made(actions=ring))
    assert read_signature(more.built.bundle).actions == ("send", "rest", "ring")
    assert more.built.assessment.decisions["ring"] > 0
    assert more.built.bundle.files["model.onnx"] == first.bundle.files["model.onnx"]
    less = move(made(), more.built, 2)
    assert read_signature(less.built.bundle).actions == ("send", "rest")
    assert (less.value.brings, less.value.before, less.value.gone) == (None, None, ("ring",))
    assert "version 2 takes `ring`, which the charter no longer values" in less.built.words[1]
    assert less.document()["brings"] is None
    assert less.built.bundle.files == first.bundle.files, "moved there and back"


def test_a_person_is_asked_once_the_charter_says_so(made: Any, move: Any) -> None:
    moved = move(made(refer={"cost": 0.5, "accuracy": 0.98, "capacity": {"k": 30, "of": 100}}))
    assert read_signature(moved.built.bundle).actions == ("send", "rest", "refer")
    assert moved.built.assessment.decisions["refer"] > 0
    assert moved.now.endswith(", or `refer` (at most 30 of 100 cases)")
    assert moved.changed == ("reviewer", "reviewer's capacity")


REFUSED: list[tuple[Callable[[Any], Charter], str]] = [
    (lambda make: make("regression"), "made for classification, and the charter is now regression"),
    (
        lambda make: make(actions={"send": {"yes": 9, "no": -2, "maybe": 0}, "rest": 0}),
        "it forecasts the outcomes no, yes, and the charter values",
    ),
    (
        lambda make: make(
            actions={"send": {"yes": "called_back", "no": 0}, "rest": 0},
            caps={"called_back": [0, 1]},
        ),
        "reads called_back, which callers of this version do not send",
    ),
]


@pytest.mark.parametrize(("charter_of", "words"), REFUSED)
def test_another_model_is_refused(
    made: Any, first: Built, shop: pl.DataFrame, charter_of: Any, words: str
) -> None:
    with pytest.raises(InputError, match="The policy of version 1 cannot be moved: ") as refused:
        move_policy(charter_of(made), packaged(first), at_hand(shop), engines=OnnxEngine)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_outcomes_in_another_order_are_refused(made: Any, first: Built, shop: pl.DataFrame) -> None:
    there = packaged(first)
    turned = replace(
        there, signature=msgspec.structs.replace(there.signature, labels=("yes", "no"))
    )
    with pytest.raises(InputError, match="the charter values them in the order no, yes"):
        move_policy(made(**FIXED), turned, at_hand(shop), engines=OnnxEngine)


def test_a_day_that_was_agreed_moves_the_policy_under_the_same_charter(
    made: Any, shop: pl.DataFrame, move: Any
) -> None:
    dearer = {"since": "2031-05-01", "actions": {"send": {"yes": 9, "no": -4}, "rest": 0}}
    agreed = made(changes=[dearer])
    built = build(agreed.on(date(2031, 4, 30)), Path(), shop, DATA, engines=OnnxEngine)
    before = agreed.on(date(2031, 4, 30))
    assert move_policy(before, packaged(built), at_hand(shop), engines=OnnxEngine) is None
    moved = move(agreed.on(date(2031, 5, 1)), built)
    assert moved.changed == ("payoffs",)
    assert moved.built.bundle.origin["sections"] == built.bundle.origin["sections"]
    columns = _columns(shop, built, 200)
    now = scored(moved.built, columns)
    np.testing.assert_array_equal(now.decision == 0, now.probability * 13 > 4)


@pytest.mark.parametrize("section", ["data", "build"])
def test_a_changed_section_is_refused(
    charter: Any, first: Built, shop: pl.DataFrame, section: str
) -> None:
    changed = {
        "data": {**IN_ORDER, **({"sensitive": ["age"]} if section == "data" else {})},
        "build": {
            "families": ["linear"],
            "trials": 1,
            **({"test_share": 0.5} if section == "build" else {}),
        },
    }
    with pytest.raises(InputError, match=f"section `{section}` has changed since"):
        move_policy(
            charter(value=FIXED, **changed), packaged(first), at_hand(shop), engines=OnnxEngine
        )


def test_other_rows_are_refused(made: Any, first: Built, shop: pl.DataFrame) -> None:
    there = packaged(first)
    assert there.judged is not None

    def refused(source: Packaged, table: TableOf, error: type[AssayError], words: str) -> None:
        with pytest.raises(error, match=words):
            move_policy(made(**FIXED), source, table, engines=OnnxEngine)

    refused(there, at_hand(shop, "e" * 64), DataError, "this table is not the one it was made from")
    refused(replace(there, judged=None), at_hand(shop), InputError, "were not kept")
    other = replace(there.judged, outcomes=1 - there.judged.outcomes)
    refused(replace(there, judged=other), at_hand(shop), InputError, "not what judged it")
    bent = replace(there.judged, score=there.judged.score * 1.01)
    refused(replace(there, judged=bent), at_hand(shop), InputError, "not what judged it")
    short = replace(there.judged, score=there.judged.score[:9], outcomes=there.judged.outcomes[:9])
    refused(replace(there, judged=short), at_hand(shop), InputError, "not what judged it")
    files = {name: raw for name, raw in first.bundle.files.items() if name != "policy.json"}
    with pytest.raises(ModelError, match="does not read"):
        Packaged.read(1, replace(first.bundle, files=files), {}, None)


def test_a_submitted_model_is_judged_on_rows_that_did_not_calibrate_it(
    made: Any, first: Built, shop: pl.DataFrame, tmp_path: Path, move: Any
) -> None:
    (tmp_path / "m.onnx").write_bytes(first.bundle.files["model.onnx"])
    given = submit(made(), shop, DATA, str(tmp_path / "m.onnx"), engines=OnnxEngine)
    moved = move(made(**FIXED), given)
    assert moved.built.assessment.n == given.assessment.n == 113
    assert "(the others calibrated the model)" in moved.built.measured_on
    assert moved.built.bundle.files["calibration.json"] == given.bundle.files["calibration.json"]
    again = move(made(**LEARNED), moved.built, 2)
    assert again.built.assessment.n == 113


def test_an_amount_moves_with_its_costs_where_rows_are_drawn(
    charter: Any, shop: pl.DataFrame
) -> None:
    def shop_of(under: float) -> Charter:
        found: Charter = charter(
            "regression", value={"under": under}, build={"families": ["linear"], "trials": 1}
        )
        return found

    built = build(shop_of(3), Path(), shop, DATA, engines=OnnxEngine)
    moved = move_policy(shop_of(9), packaged(built), at_hand(shop), engines=OnnxEngine)
    assert moved is not None
    assert moved.value.brings is not None
    assert moved.value.brings.low > 0, "three times dearer to be short: more is worth having"
    assert moved.built.assessment.n == 113, "the best constant is learned, so half of them judge"
    columns = _columns(shop, built, 60)
    was, now = scored(built, columns), scored(moved.built, columns)
    np.testing.assert_array_equal(was.score, now.score)
    assert (now.decision >= was.decision).all()
    assert (now.decision > was.decision).mean() > 0.9
    assert moved.changed == ("payoffs",)


@pytest.fixture(scope="module")
def dear(charter: Any) -> tuple[Callable[[str], Charter], pl.DataFrame, Built]:
    """A shop where who buys depends on the margin at stake: forecasts hold in cells of it."""
    random, n = np.random.default_rng(417), 4000
    visits, margin = random.poisson(3, n).astype(float), random.uniform(2, 20, n)
    buys = random.random(n) < 1 / (1 + np.exp(-(0.6 * visits - 1.6 - 0.3 * (margin - 11))))
    frame = pl.DataFrame(
        {
            "day": range(n),
            "customer": [f"c{i}" for i in range(n)],
            "age": random.integers(18, 80, n),
            "region": random.choice(["north", "south"], n),
            "visits": visits,
            "margin": margin,
            "called_back": buys.astype(float),
            "sold": buys.astype(float),
            "buys": np.where(buys, "yes", "no"),
        }
    )

    def make(gain: str) -> Charter:
        found: Charter = charter(
            data={"order": "rows", "ignore": ["day", "customer", "margin"]},
            value={
                "actions": {"send": {"yes": gain, "no": -2}, "rest": 0},
                "caps": {"margin": [0, 20]},
            },
            build={"families": ["linear"], "trials": 1},
        )
        return found

    return make, frame, build(make("margin"), Path(), frame, DATA, engines=OnnxEngine)


def test_forecasts_at_each_gain_at_stake_stay_as_they_were_learned(dear: Any) -> None:
    make, frame, built = dear
    assert json.loads(built.bundle.files["calibration.json"])["kind"] == "cells"
    moved = move_policy(make("20 - margin"), packaged(built), at_hand(frame), engines=OnnxEngine)
    assert moved is not None
    policy = json.loads(moved.built.bundle.files["policy.json"])
    assert (policy["format"], "calibrated_under" in policy) == (3, True)
    columns = _columns(frame, built, 500)
    was, now = scored(built, columns), scored(moved.built, columns)
    np.testing.assert_array_equal(was.forecast, now.forecast)
    gain = now.probability * (20 - columns["margin"]) - 2 * (1 - now.probability)
    np.testing.assert_array_equal(now.decision == 0, gain > 0)
    assert (now.decision != was.decision).any()
    watched = watch_bundle(moved.built.bundle)
    np.testing.assert_array_equal(watched.forecast(now.score, columns), now.forecast)
    onward = move_policy(
        make("margin / 2"), packaged(moved.built, 2), at_hand(frame), engines=OnnxEngine
    )
    assert onward is not None
    np.testing.assert_array_equal(scored(onward.built, columns).forecast, was.forecast)
    back = move_policy(make("margin"), packaged(moved.built, 2), at_hand(frame), engines=OnnxEngine)
    assert back is not None
    assert back.built.bundle.files == built.bundle.files, "moved there and back"
