"""Real data: what a build says of Bank Marketing, Adult and Bike Sharing, in short form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.adapters.onnx_engine import OnnxEngine
from assay.adapters.polars_tables import PolarsTables
from assay.build.built import Built
from assay.build.run import build
from assay.charter.charter import Charter
from assay.charter.load import load_charter

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def _short(name: str) -> Charter:
    """Return an example's charter with one family and one trial."""
    charter = load_charter(EXAMPLES / name / "charter.yaml")
    short = charter.build.model_copy(update={"families": ("lightgbm",), "trials": 1, "folds": 2})
    return charter.model_copy(update={"build": short})


def _built(name: str, shared_data: Path) -> Built:
    charter = _short(name)
    folder = Path(charter.data.source).parent.name
    source = shared_data / folder / Path(charter.data.source).name
    frame = PolarsTables().read(source)
    return build(charter, EXAMPLES / name, frame, "d" * 64, engines=OnnxEngine)


def _content(built: Built) -> Any:
    return next(piece for piece in built.evidence if piece.kind == "evaluation").content


@pytest.mark.parametrize("name", ["adult", "bike"])
def test_models_that_pay(name: str, shared_data: Path) -> None:
    built = _built(name, shared_data)
    assert built.assessment.uplift_per_decision.low > 0
    parity = next(piece for piece in built.evidence if piece.kind == "parity")
    assert all(check.passed for check in parity.checks)


def test_bank_marketing_moved_and_the_build_says_so(shared_data: Path) -> None:
    built = _built("bank", shared_data)
    words = " ".join(built.words)
    assert "'yes' is 25.8% of the test rows and was 5.7% of the training rows" in words
    assert "euribor3m 1.00" in words
    assert "the forecasts do not hold" in words
    change = _content(built)["change_since_training"]
    assert change["outcome"]["test"] > 4 * change["outcome"]["training"]
    assert built.assessment.uplift_per_decision.mean < 0, "everybody is worth calling in 2009"
