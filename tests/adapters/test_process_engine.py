"""A model in a process of its own: same scores, no network, started again when it ends."""

from __future__ import annotations

import gc
import io
import os
import signal
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import sklearn
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from assay.adapters.model_engine import load_model
from assay.adapters.process_engine import ProcessEngine
from assay.adapters.skops_engine import SkopsModel
from assay.errors import DataError, ModelError, ServiceError
from assay.evidence.bundle import Input
from assay.evidence.uncompiled import Uncompiled, described, with_description
from assay.ports.engine import AsyncEngine, Columns, Floats

INPUTS = (Input("age", "number"), Input("visits", "number"), Input("region", "category"))
NAMES = tuple(column.name for column in INPUTS)
N = 400


def _columns(n: int = N) -> dict[str, Any]:
    random = np.random.default_rng(3)
    return {
        "age": random.normal(40, 9, n).astype(np.float32).astype(float),
        "visits": random.poisson(3, n).astype(float),
        "region": random.choice(np.array(["north", "süd", ""], dtype=object), n),
    }


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    columns = _columns()
    first = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["age", "visits"]),
            ("texts", OneHotEncoder(handle_unknown="ignore"), ["region"]),
        ]
    )
    likely = columns["age"] / 20 + (columns["region"] == "süd") > 2
    return make_pipeline(first, LogisticRegression()).fit(pl.DataFrame(columns), likely)


def _packed(estimator: Any, feed: Any = "parts", **more: Any) -> bytes:
    content = skops.io.dumps(estimator)
    found = tuple(skops.io.get_untrusted_types(data=content))
    given = {"kind": "skops", "task": "classification", "features": NAMES, "trusted": found}
    return with_description(content, Uncompiled(feed=feed, **{**given, **more}))


@pytest.fixture(scope="module")
def engine(pipeline: Pipeline) -> Iterator[ProcessEngine]:
    made = load_model(_packed(pipeline), INPUTS)
    assert isinstance(made, ProcessEngine)
    yield made
    made.close()


def test_it_is_an_engine_that_answers_later(engine: ProcessEngine, pipeline: Pipeline) -> None:
    assert isinstance(engine, AsyncEngine)
    columns = _columns()
    expected = pipeline.predict_proba(pl.DataFrame(columns))[:, 1]
    assert np.abs(engine.score(columns) - expected).max() < 1e-12
    waiting: list[Future[Floats]] = []
    for start in range(0, N, 100):
        rows = {name: values[start : start + 100] for name, values in columns.items()}
        waiting.append(engine.score_async(rows))
    assert np.concatenate([one.result(20) for one in waiting]) == pytest.approx(expected)


def test_a_frame_gives_the_same_scores(engine: ProcessEngine, pipeline: Pipeline) -> None:
    whole = ProcessEngine(_packed(pipeline, "frame"), INPUTS)
    columns = _columns(20)
    assert whole.score(columns) == pytest.approx(engine.score(columns), abs=1e-12)
    whole.close()
    with pytest.raises(ServiceError, match="was stopped"):
        whole.score(columns)


def test_many_rows_go_in_pieces(engine: ProcessEngine) -> None:
    columns = {name: np.tile(values, 200) for name, values in _columns().items()}
    scores = engine.score(columns)
    assert scores.shape == (80_000,)
    assert scores[:N] == pytest.approx(scores[-N:])


def test_regression_and_several_outcomes(pipeline: Pipeline) -> None:
    columns = {name: _columns()[name] for name in ("age", "visits")}
    rows = np.column_stack(list(columns.values()))
    forest = RandomForestRegressor(5, random_state=0).fit(rows, columns["age"] * 2)
    trees = ProcessEngine(
        _packed(forest, task="regression", features=("age", "visits")), INPUTS[:2]
    )
    assert trees.score(columns) == pytest.approx(forest.predict(rows))
    trees.close()
    third = LogisticRegression().fit(rows, np.digitize(columns["age"], [35, 45]))
    three = ProcessEngine(_packed(third, features=("age", "visits"), places=(2, 0, 1)), INPUTS[:2])
    assert three.score(columns) == pytest.approx(third.predict_proba(rows)[:, [2, 0, 1]])
    three.close()


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"age": np.array([1e39, 1.0])}, "beyond what the model takes"),
        ({"age": np.array([1.0])}, "have 1 and 2 rows"),
        ({"age": np.array([np.nan, 1.0])}, "no finite score|cannot score"),
    ],
)
def test_rows_that_cannot_be_scored_are_refused(
    engine: ProcessEngine, changed: Columns, word: str
) -> None:
    with pytest.raises(DataError, match=word):
        engine.score({**_columns(2), **changed})
    assert engine.score(_columns(2)).shape == (2,)


def _until_gone(pid: int) -> None:
    for _ in range(1200):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} lives on")


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.parametrize("feed", ["parts", "frame"])
def test_no_score_is_made_up_for_a_gap_that_the_estimator_does_not_take(feed: str) -> None:
    columns = {name: values for name, values in _columns().items() if name != "region"}
    near = KNeighborsClassifier().fit(pl.DataFrame(columns), columns["age"] > 40)
    content = _packed(near, feed=feed, features=("age", "visits"))
    description = described(content)
    assert description is not None
    expected = near.predict_proba(pl.DataFrame(columns))[:, 1]
    with_gap = {**columns, "age": np.where(np.arange(N) == 7, np.nan, columns["age"])}
    with sklearn.config_context():  # the engine has a process, and settings, of its own
        engine = SkopsModel(content, description, {"age": "number", "visits": "number"})
        with pytest.raises(DataError, match="Input X contains NaN"):
            engine.score(with_gap)
        assert np.abs(engine.score(columns) - expected).max() < 1e-12


def test_a_process_that_ends_is_started_again(pipeline: Pipeline) -> None:
    engine = ProcessEngine(_packed(pipeline), INPUTS)
    columns = _columns(5)
    before = engine.score(columns)
    for restarts in (0, 1):
        assert engine.pid is not None
        assert engine.memory_bytes > 10 << 20
        assert engine._keeper._wait == restarts * 0.5
        engine._keeper._wait *= 40  # a wait that does not end while it is looked at
        os.kill(engine.pid, signal.SIGKILL)
        with pytest.raises(ServiceError, match="ended while it scored"):
            engine.score(columns)
        assert engine.restarts == restarts
        if restarts:  # the first is replaced at once, the next after a wait
            assert 0 < engine._keeper._not_before - time.monotonic() <= 20
            with pytest.raises(ServiceError, match=r"is started again in \d+\.\d s"):
                engine.score(columns)
            engine._keeper._not_before = time.monotonic()
        assert engine.score(columns) == pytest.approx(before)
    pid = engine.pid
    assert pid is not None
    del engine
    gc.collect()
    _until_gone(pid)


def test_a_process_that_hangs_is_ended(pipeline: Pipeline) -> None:
    engine = ProcessEngine(_packed(pipeline), INPUTS, seconds=0.5)
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGSTOP)
    with pytest.raises(ServiceError, match=r"did not answer in 0\.5 s"):
        engine.score(_columns(5))
    engine._keeper._seconds = 60.0  # the next may take its time
    assert engine.score(_columns(5)).shape == (5,)
    engine.close()


CURIOUS = """
import os, socket
import numpy as np

class Curious:
    def predict(self, frame):
        try:
            socket.create_connection(("127.0.0.1", 6379), 1)
            connected = 1.0
        except OSError:
            connected = 0.0
        secret = float("ASSAY_SECRET" in os.environ)
        return np.full(len(frame), connected + secret)

def _load_pyfunc(path):
    return Curious()
"""


def _pyfunc(members: dict[str, str], **more: Any) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as written:
        for name, text in members.items():
            written.writestr(name, text)
    given: dict[str, Any] = {"kind": "pyfunc", "task": "regression", "features": ("age",)}
    return with_description(out.getvalue(), Uncompiled(**{**given, "permitted": "Ana", **more}))


MLMODEL = "flavors:\n  python_function:\n    loader_module: curious\n    code: code\n"


def test_code_of_its_own_sees_no_network_and_no_secret(monkeypatch: Any) -> None:
    monkeypatch.setenv("ASSAY_SECRET", "of no concern")
    model = _pyfunc({"MLmodel": MLMODEL, "code/curious.py": CURIOUS})
    engine = ProcessEngine(model, INPUTS[:1], code=True)
    assert engine.score({"age": np.zeros(3)}).tolist() == [0.0, 0.0, 0.0]
    engine.close()


KINDS = """
import numpy as np

class Kinds:
    def predict(self, frame):
        whole = [frame[name].dtype.kind == "i" for name in ("visits", "age")]
        texts = (frame["region"] == "süd").to_numpy()
        return np.column_stack([texts * 0.25, whole[0] + texts * 0.0, whole[1] + texts * 0.0])

def _load_pyfunc(path):
    return Kinds()
"""
SIGNATURE = """
signature:
  inputs: '[{"type": "double", "name": "age"}, {"type": "long", "name": "visits"},
    {"type": "string", "name": "region"}]'
"""


def test_columns_come_as_the_types_that_the_model_declares() -> None:
    told = MLMODEL + SIGNATURE
    model = _pyfunc(
        {"MLmodel": told, "code/curious.py": KINDS},
        task="classification",
        features=NAMES,
        places=(0, 1, 2),
    )
    engine = ProcessEngine(model, INPUTS, code=True)
    columns = {**_columns(2), "region": np.array(["süd", ""], dtype=object)}
    assert engine.score(columns).tolist() == [[0.25, 1.0, 0.0], [0.0, 1.0, 0.0]]
    with pytest.raises(DataError, match="visits"):  # MLflow will not have half a visit as a whole
        engine.score({**columns, "visits": np.array([0.5, 1.0])})
    engine.close()


class Own:
    """A type of our own, which nobody audited."""


@pytest.mark.parametrize(
    ("model", "word"),
    [
        (_pyfunc({"MLmodel": MLMODEL, "code/curious.py": "import nothing_there"}), "cannot load"),
        (_pyfunc({"../../evil": "x", "MLmodel": MLMODEL}), "outside of its folder"),
        (_packed(LogisticRegression(), features=("age", "shoe")), "no such column"),
        (_packed({"a": Own()}, trusted=()), "not audited"),
        (b"PK\x03\x04 no zip", "does not say how it is to be run"),
        (skops.io.dumps(LogisticRegression()), "does not say how it is to be run"),
        (_packed(LogisticRegression(), format=9), "has format 9"),
    ],
)
def test_what_may_not_run_does_not(model: bytes, word: str) -> None:
    with pytest.raises(ModelError, match=word):
        load_model(model, INPUTS, code=True)


@pytest.mark.parametrize("told", [None, "Ana"])
def test_no_model_gives_itself_the_leave_to_run_code(told: str | None, tmp_path: Path) -> None:
    code = f"open({str(tmp_path / 'ran')!r}, 'w').close()\n" + CURIOUS
    function = _pyfunc({"MLmodel": MLMODEL, "code/curious.py": code}, permitted=told)
    strange = _packed(LogisticRegression(), trusted=("builtins.eval",), permitted=told)
    for model in (function, strange):
        with pytest.raises(ModelError, match="nobody allowed that here"):
            load_model(model, INPUTS)
    assert not list(tmp_path.iterdir())
    made = load_model(function, INPUTS, code=True)
    assert isinstance(made, ProcessEngine)
    made.close()
    assert (tmp_path / "ran").exists()


def test_a_zip_that_grows_without_bounds_is_not_opened() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as written:
        for place in range(20_001):
            written.writestr(str(place), b"")
    with pytest.raises(ModelError, match="20,001 members"):
        described(out.getvalue())


def test_compiled_models_run_here(pipeline: Pipeline) -> None:
    assert described(b"\x08\x09onnx") is None
    with pytest.raises(ModelError, match="ONNX Runtime"):
        load_model(b"\x08\x09onnx", INPUTS)
    with pytest.raises(ModelError, match="is no zip"):
        ProcessEngine(b"\x08\x09onnx", INPUTS)
