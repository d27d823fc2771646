"""From columns to decisions, with an engine that the test can see through."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest

from assay.adapters.memory_blobs import MemoryBlobs
from assay.charter.data import Data
from assay.charter.value import ValueModel
from assay.deploy.fetch import fetch_bundle
from assay.deploy.scoring import Scorer
from assay.errors import DataError, ModelError, StoreError
from assay.evidence.bundle import Bundle, Input, Signature
from assay.evidence.digest import canonical_bytes, digest_bytes
from assay.ports.engine import Columns, Floats
from assay.stats.calibration import Calibrator
from assay.stats.residuals import PredictiveQuantiles
from assay.value.valuation import valuation


class _Passes:
    """An engine whose score is the column x."""

    def score(self, columns: Columns) -> Floats:
        return np.asarray(columns["x"], dtype=np.float64)


def _bundle(value: dict[str, Any], calibration: dict[str, Any]) -> Bundle:
    model = ValueModel.model_validate({"currency": "EUR", "decisions_per_month": 1, **value})
    valued = valuation(model, Data(source="x.csv", outcome="y", positive="yes"))
    signature = Signature(model.task, (Input("x", "number"),), valued.labels, valued.actions)
    files = {
        "signature.json": msgspec.json.encode(signature),
        "policy.json": json.dumps(valued.document()).encode(),
        "calibration.json": json.dumps(calibration).encode(),
        "model.onnx": b"model",
    }
    return Bundle("bank", files, {"seed": 1})


@pytest.fixture
def classifier() -> Bundle:
    return _bundle(
        {
            "actions": {"call": {"yes": "9 * size", "no": -1}, "skip": 0},
            "caps": {"size": (0, 2)},
            "baselines": {"nobody": "skip"},
            "baseline": "nobody",
        },
        {"kind": "calibrator", "calibrator": Calibrator.identity().document()},
    )


def test_a_classifier_scores_decides_and_values(classifier: Bundle) -> None:
    scorer = Scorer.from_bundle(classifier, _Passes())
    scored = scorer.score({"x": np.array([0.05, 0.2]), "size": np.array([1.0, 2.0])})
    assert scored.score.tolist() == [0.05, 0.2]
    assert scored.probability.tolist() == [0.05, 0.2]
    assert scored.forecast.sum(axis=1).tolist() == [1.0, 1.0]
    assert scorer.valuation.names(scored.decision) == ["skip", "call"]
    np.testing.assert_allclose(scored.expected_value, [0.0, 0.2 * 18 - 0.8])


def test_the_baseline_decides_where_it_is_asked_to_and_is_valued_by_the_same_forecast(
    classifier: Bundle,
) -> None:
    scorer = Scorer.from_bundle(classifier, _Passes())
    columns = {"x": np.array([0.05, 0.2]), "size": np.array([1.0, 2.0])}
    scored = scorer.score(columns, by_baseline=True)
    assert scorer.valuation.names(scored.decision) == ["skip", "skip"]
    assert scored.expected_value.tolist() == [0.0, 0.0]
    assert scored.score.tolist() == scorer.score(columns).score.tolist()


def test_a_regressor_decides_the_quantile_that_its_costs_ask_for() -> None:
    around = PredictiveQuantiles(np.array([0.0]), np.array([[-2.0, -1.0, 1.0, 2.0]]))
    bundle = _bundle(
        {"under": 3, "over": 1, "baselines": {"ten": 10}, "baseline": "ten"},
        {"kind": "predictive", "predictive": around.document()},
    )
    scored = Scorer.from_bundle(bundle, _Passes()).score({"x": np.array([10.0])})
    assert scored.forecast.tolist() == [[8.0, 9.0, 11.0, 12.0]]
    assert scored.decision.tolist() == [11.0]
    assert scored.expected_value.tolist() == [-(3 + 2 + 0 + 3) / 4]
    ten = Scorer.from_bundle(bundle, _Passes()).score({"x": np.array([10.0])}, by_baseline=True)
    assert ten.decision.tolist() == [10.0]
    assert ten.expected_value.tolist() == [-(2 + 1 + 3 + 6) / 4]


def test_a_value_that_cannot_be_told_is_refused(classifier: Bundle) -> None:
    scorer = Scorer.from_bundle(classifier, _Passes())
    with pytest.raises(DataError, match="size"):
        scorer.score({"x": np.array([0.5]), "size": np.array([np.nan])})


@pytest.mark.parametrize("name", ["signature.json", "policy.json", "calibration.json"])
@pytest.mark.parametrize("content", [None, b"", b"[]", b"{}", b'{"format": 9}'])
def test_a_bundle_that_does_not_read_is_refused(
    classifier: Bundle, name: str, content: bytes | None
) -> None:
    files = {key: raw for key, raw in classifier.files.items() if key != name}
    files |= {} if content is None else {name: content}
    with pytest.raises(ModelError):
        Scorer.from_bundle(Bundle("bank", files, {}), _Passes())


def _kept(bundle: Bundle) -> MemoryBlobs:
    blobs = MemoryBlobs()
    for content in bundle.files.values():
        blobs.put(content)
    blobs.put(bundle.manifest())
    return blobs


def test_a_bundle_comes_out_of_the_blobs_as_it_went_in(classifier: Bundle) -> None:
    assert fetch_bundle(_kept(classifier), classifier.digest) == classifier


def test_a_changed_or_missing_file_is_found(classifier: Bundle) -> None:
    for content in (*classifier.files.values(), classifier.manifest()):
        blobs = _kept(classifier)
        blobs.contents[digest_bytes(content)] = content + b" "
        with pytest.raises(StoreError):
            fetch_bundle(blobs, classifier.digest)
        del blobs.contents[digest_bytes(content)]
        with pytest.raises(StoreError):
            fetch_bundle(blobs, classifier.digest)


@pytest.mark.parametrize(
    "manifest",
    [
        b"junk",
        b"[]",
        b"null",
        canonical_bytes({"format": 2, "model": "m", "files": {}, "origin": {}}),
        canonical_bytes({"format": 1, "model": "m", "files": [], "origin": {}}),
        canonical_bytes({"format": 1, "model": 7, "files": {}, "origin": {}}),
    ],
)
def test_a_manifest_that_is_none_is_refused(manifest: bytes) -> None:
    blobs = MemoryBlobs()
    with pytest.raises(ModelError):
        fetch_bundle(blobs, blobs.put(manifest))


def test_a_manifest_that_is_not_canonical_is_refused() -> None:
    blobs = MemoryBlobs()
    digest = blobs.put(b'{"format": 1, "model": "m", "files": {}, "origin": {}}')
    with pytest.raises(StoreError, match="not canonical"):
        fetch_bundle(blobs, digest)


@pytest.mark.parametrize("policy", [None, {"kind": "threshold", "action": "call", "at": 0.3}])
@pytest.mark.parametrize("payoff", [9, "9 * size"])
@pytest.mark.parametrize("refer", [None, {"cost": 0.2, "accuracy": 0.95}])
def test_what_is_worked_out_once_is_what_each_step_gives(
    policy: Any, payoff: Any, refer: Any
) -> None:
    value = {
        "actions": {"call": {"yes": payoff, "no": -1}, "skip": 0},
        "caps": {"size": (0, 2)},
        "baselines": {"nobody": "skip"},
        "baseline": "nobody",
        **({} if policy is None else {"policy": policy}),
        **({} if refer is None else {"refer": refer}),
    }
    calibration = {"kind": "calibrator", "calibrator": Calibrator.identity().document()}
    scorer = Scorer.from_bundle(_bundle(value, calibration), _Passes())
    random = np.random.default_rng(0)
    columns = {"x": random.random(200), "size": random.uniform(0, 3, 200)}
    raw, forecast = scorer.forecast(columns)
    decision, worth = scorer.valuation.decide_and_value(forecast, columns)
    assert np.array_equal(decision, scorer.valuation.decide(forecast, columns))
    assert np.array_equal(worth, scorer.valuation.expected(forecast, decision, columns))
    by_row = scorer.case_by_case
    assert by_row == (refer is None or policy is None or payoff == 9)
    assert bool(scorer.caveat) == (not by_row)
    together = scorer.decide(raw, forecast, columns)
    if by_row:
        assert np.array_equal(together.decision, decision)
    for row in range(200):
        one = {name: values[row : row + 1] for name, values in columns.items()}
        alone = scorer.decide(raw[row : row + 1], forecast[row : row + 1], one)
        assert alone.decision[0] == together.decision[row]
        assert alone.expected_value[0] == together.expected_value[row]


def test_a_capacity_without_a_price_decides_no_row_alone() -> None:
    value = {
        "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
        "baselines": {"nobody": "skip"},
        "baseline": "nobody",
        "policy": {"kind": "top_k", "action": "call", "k": 1, "of": 10},
    }
    calibration = {"kind": "calibrator", "calibrator": Calibrator.identity().document()}
    with pytest.raises(ModelError, match="capacity of call and never learned a price"):
        Scorer.from_bundle(_bundle(value, calibration), _Passes())
