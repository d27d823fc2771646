"""A use case of three outcomes and three actions, from its table to the page of its value."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from tests.handler_client import client_of

from assay.gateway.root import build_gateway
from assay.workspace import Workspace

CHARTER = """\
name: deposits
title: Whom to write to and whom to call (made up)
problem: {business: Calls cost, analytical: The chance of each deposit, hypothesis: Call fewer}
strategy: {objective: Grow deposits, kpi: Margin a month}
people: {product_manager: Ana Costa, risk_officer: Rui Matos}
data: {source: history.parquet, outcome: deposit, order: rows, sensitive: [home]}
value:
  currency: EUR
  actions:
    skip: 0
    letter: {none: -1, small: 8, large: 15}
    call: {none: -7, small: 10, large: "90 + 10 * wealth"}
  caps: {wealth: [-3, 3]}
  baselines: {nobody: skip, letters: letter}
  baseline: letters
  decisions_per_month: 5000
acceptance:
  roc_auc: {at_least: 0.7}
  calibration_error: {at_most: 0.1}
  uplift_per_decision: {at_least: 0}
guardrails:
  - {metric: value_kept_under_noise, at_least: 0.5}
  - {metric: demographic_parity_difference, column: home, at_most: 0.6}
  - {metric: equal_opportunity_difference, column: home, at_most: 0.6}
risk:
  tier: medium
  register:
    - {risk: Clients complain, likelihood: low, impact: low, mitigation: Ask, owner: risk_officer}
build: {families: [linear, lightgbm, hist_gradient_boosting], trials: 3, folds: 2}
release: {strategy: immediate}
monitoring: {window: 200 rows}
response: {policy: triggered}
"""

LABELS = np.array(["none", "small", "large"])


def chances(wealth: NDArray[np.float64], home: NDArray[Any]) -> NDArray[np.float64]:
    odds = np.column_stack(
        [np.full(len(wealth), 1.2), 2.2 * (home == "own") - 0.5, 1.8 * wealth - 1.5]
    )
    powers = np.exp(odds)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def clients(n: int, seed: int) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    wealth, home = random.normal(size=n), random.choice(np.array(["own", "rent"]), n)
    drawn = (random.random((n, 1)) > chances(wealth, home).cumsum(axis=1)[:, :2]).sum(axis=1)
    return pl.DataFrame(
        {
            "wealth": wealth,
            "home": home,
            "age": random.integers(20, 80, n),
            "deposit": LABELS[drawn],
        }
    )


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("deposits")
    clients(1600, 71).write_parquet(folder / "history.parquet")
    (folder / "charter.yaml").write_text(CHARTER)
    workspace = Workspace(folder)
    workspace.build()
    workspace.sign("Ana Costa", "product_manager")
    workspace.sign("Rui Matos", "risk_officer")
    workspace.release(salt="s")
    return workspace


@pytest.fixture(scope="module")
def gateway(released: Workspace) -> Iterator[httpx.Client]:
    with client_of(build_gateway([released.serving_state()])) as client:
        yield client


def tensors(frame: pl.DataFrame) -> list[dict[str, Any]]:
    kinds = {"wealth": "FP64", "home": "BYTES", "age": "FP64"}
    return [
        {"name": name, "shape": [frame.height], "datatype": kind, "data": frame[name].to_list()}
        for name, kind in kinds.items()
    ]


def test_the_build_is_judged_on_all_three(released: Workspace) -> None:
    _, verdict = released.gate()
    assert verdict.open
    story = released.story()
    assert story.version is not None
    evidence = {piece.kind: piece for piece in story.version.evidence}
    content = evidence["evaluation"].content
    statistics = content["statistics"]
    assert 0.7 < statistics["roc_auc"] < 0.95
    assert statistics["log_loss"] < 0.9
    assert content["assessment"]["uplift_per_decision"]["low"] > 0
    assert set(content["roc_curves"]) == {"none", "small", "large"}
    assert "value_curve" not in content
    assert set(content["segments"]["home"]["own"]["outcome_rates"]) == {"none", "small", "large"}
    scores = [check for check in evidence["parity"].checks if "test rows" in check.name]
    assert len(scores) == 2
    assert all(check.passed for check in scores)
    fair = {check.name: check for check in evidence["guardrail"].checks}
    assert any(name.startswith("equal_opportunity") for name in fair)
    assert all(check.passed for check in fair.values())


def test_the_gateway_gives_each_outcome_its_probability(gateway: httpx.Client) -> None:
    said = gateway.get("/v2/models/deposits").json()
    shapes = {output["name"]: output["shape"] for output in said["outputs"]}
    assert shapes["probability"] == [-1, 3]
    frame = clients(300, 72)
    answer = gateway.post("/v2/models/deposits/infer", json={"inputs": tensors(frame)}).json()
    outputs = {tensor["name"]: tensor for tensor in answer["outputs"]}
    assert outputs["probability"]["shape"] == [300, 3]
    p = np.array(outputs["probability"]["data"])
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    truth = chances(frame["wealth"].to_numpy(), frame["home"].to_numpy())
    assert np.abs(p - truth).mean() < 0.08
    assert outputs["prediction"]["data"] == LABELS[p.argmax(axis=1)].tolist()
    wealth = np.clip(frame["wealth"].to_numpy().astype(np.float32), -3, 3)
    call = p @ [-7, 10, 0] + p[:, 2] * (90 + 10 * wealth)
    worth = np.column_stack([np.zeros(300), p @ [-1, 8, 15], call])
    names = np.array(["skip", "letter", "call"])
    assert outputs["decision"]["data"] == names[worth.argmax(axis=1)].tolist()
    assert set(outputs["decision"]["data"]) >= {"letter", "call"}
    np.testing.assert_allclose(outputs["expected_value"]["data"], worth.max(axis=1), rtol=1e-5)


def test_what_was_served_is_monitored_valued_and_shown(
    released: Workspace, gateway: httpx.Client, tmp_path: Path
) -> None:
    before = sum(one.measured.n for one in released.observe().windows)
    frame = clients(400 - before % 200, 75)
    request = {"id": "late", "inputs": tensors(frame)}
    answer = gateway.post("/v2/models/deposits/infer", json=request).json()
    outputs = {tensor["name"]: tensor["data"] for tensor in answer["outputs"]}

    expected = released.observe().windows[-1].measured
    assert expected.realised is None
    assert expected.expected.calibration > 0
    assert expected.expected.noise > 0
    assert {"@score: none", "@score: small", "@score: large"} <= set(expected.drift.features)
    assert not [one for one in expected.drift.moved if one.feature.startswith("@")]

    ids = answer["parameters"]["prediction_ids"]
    told = pl.DataFrame({"id": ids, "outcome": frame["deposit"]})
    told.write_csv(tmp_path / "outcomes.csv")
    released.outcomes(tmp_path / "outcomes.csv")
    window = released.monitor().result.windows[-1]
    assert window.complete
    assert window.measured.realised is not None
    mine = slice(frame.height - 200, None)
    wealth = np.clip(frame["wealth"].to_numpy().astype(np.float32), -3, 3)
    letter = {"none": -1.0, "small": 8.0, "large": 15.0}
    paid = [
        {"skip": 0.0, "letter": letter[came]}.get(
            decision, {"none": -7.0, "small": 10.0, "large": 90 + 10 * float(rich)}[came]
        )
        for decision, came, rich in zip(
            outputs["decision"][mine], frame["deposit"][mine], wealth[mine], strict=True
        )
    ]
    base = [letter[came] for came in frame["deposit"][mine]]
    realised = window.measured.realised
    assert realised.value == pytest.approx(sum(paid), rel=1e-5)
    assert realised.uplift.mean == pytest.approx((sum(paid) - sum(base)) / 200, rel=1e-5)
    assert realised.labelled == 200
    assert not window.record.stale

    page = released.report(tmp_path / "page.html").read_text()
    assert "two outcomes only" in page
    assert "letters" in page


def test_a_replay_lives_through_three_outcomes(released: Workspace) -> None:
    found = released.replay(first=1000, labels="all", families=["linear"])
    worth = {name: book.value.mean for name, book in found.policies.items()}
    assert worth["static"] > found.baseline_totals["letters"].mean
    assert worth["static"] < found.hindsight_total.mean
