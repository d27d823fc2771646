"""The user's own `train` function, beside the charter."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from assay.adapters.onnx_engine import OnnxEngine
from assay.build.own_train import load_train
from assay.build.run import build
from assay.errors import ModelError

GOOD = """
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sizes import TREES

def train(frame, outcomes):
    assert frame["n.visits"].dtype.is_float() and set(outcomes) <= {0, 1}
    prepare = ColumnTransformer([
        ("numbers", "passthrough", ["n.visits", "age"]),
        ("texts", OneHotEncoder(handle_unknown="ignore"), ["region"]),
    ])
    forest = RandomForestClassifier(TREES, random_state=0)
    return make_pipeline(prepare, forest).fit(frame, outcomes)
"""


def _folder(tmp_path: Path, source: str) -> Path:
    (tmp_path / "sizes.py").write_text("TREES = 20\n")
    (tmp_path / "mine.py").write_text(source)
    return tmp_path


def test_a_user_s_model_goes_the_whole_way(
    charter: Any, shop: pl.DataFrame, tmp_path: Path
) -> None:
    given = charter(build={"train": "mine:train"})
    root = _folder(tmp_path, GOOD)
    built = build(given, root, shop, "d" * 64, engines=OnnxEngine)
    assert built.assessment.uplift_per_decision.mean > 0
    parity = {check.name: check for check in built.checks if "rows" in check.name}
    assert parity["largest score difference on test rows"].passed
    # Its converter sends missing numbers elsewhere than scikit-learn's forests do.
    assert parity["largest score difference on spoiled rows"].severity == "warn"
    assert "sizes" not in sys.modules, "the user's modules do not stay behind"
    before = built.bundle.digest
    assert build(given, root, shop, "d" * 64, engines=OnnxEngine).bundle.digest == before
    (root / "mine.py").write_text(GOOD + "\n# changed\n")
    assert build(given, root, shop, "d" * 64, engines=OnnxEngine).bundle.digest != before


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("def other(): ...", "no function train"),
        ("import nothing_of_that_name", "does not load"),
        ("def train(frame, outcomes): raise KeyError('col')", "failed on 10 rows with KeyError"),
        ("def train(frame, outcomes): return None", "returned NoneType"),
    ],
)
def test_a_faulty_function_is_one_paragraph(tmp_path: Path, source: str, word: str) -> None:
    with pytest.raises(ModelError, match=word):
        load_train(_folder(tmp_path, source), "mine:train")(pl.DataFrame(), np.zeros(10))


def test_a_missing_module_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no file"):
        load_train(tmp_path, "absent.module:train")


def test_an_inconvertible_estimator_is_refused_with_a_way_out(
    charter: Any, shop: pl.DataFrame, tmp_path: Path
) -> None:
    source = """
from sklearn.dummy import DummyClassifier
def train(frame, outcomes):
    return DummyClassifier().fit(frame.select("age"), outcomes)
"""
    given = charter(
        build={"train": "mine:train"}, data={"ignore": ["day", "customer", "region", "opened"]}
    )
    with pytest.raises(ModelError, match=r"cannot be converted to ONNX.*assay submit.*Nor can it"):
        build(given, _folder(tmp_path, source), shop, "d" * 64, engines=OnnxEngine)
