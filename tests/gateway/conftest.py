"""A small model packaged as a bundle, and a gateway over it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from tests.handler_client import client_of

from assay.adapters.file_keys import FileKeys
from assay.adapters.memory_blobs import MemoryBlobs
from assay.adapters.memory_captures import MemoryCaptures
from assay.adapters.memory_desired import MemoryDesired
from assay.adapters.onnx_engine import OnnxEngine
from assay.adapters.system_clock import FixedClock
from assay.charter.data import Data
from assay.charter.value import ValueModel
from assay.deploy.desired import Arm, Desired
from assay.deploy.serving import Serving
from assay.evidence.bundle import Bundle, Input, Signature
from assay.gateway.app import Beside, Gateway
from assay.gateway.models import ModelEntry
from assay.gateway.workspaces import Place, WorkspacesSource
from assay.ports.blobs import Blobs
from assay.ports.captures import CaptureLog
from assay.ports.outcome_inbox import Happened
from assay.stats.calibration import Calibrator
from assay.stats.residuals import PredictiveQuantiles
from assay.value.valuation import valuation

INPUTS = (Input("age", "number"), Input("job", "category"))

Publish = Callable[..., Desired]


def _onnx(estimator: Any, seed: int) -> bytes:
    random = np.random.default_rng(seed)
    jobs = random.choice(np.array(["admin", "retired", ""], dtype=object), 200)
    age = random.uniform(18, 80, 200)
    rows = np.column_stack([age.astype(object), jobs])
    outcome = age + 20 * (jobs == "retired") + random.normal(0, 10, 200)
    if isinstance(estimator, LogisticRegression):
        outcome = (outcome > 60).astype(int)
    model = make_pipeline(
        ColumnTransformer(
            [
                ("numbers", StandardScaler(), [0]),
                ("categories", OneHotEncoder(handle_unknown="ignore"), [1]),
            ]
        ),
        estimator,
    ).fit(rows, outcome)
    classifies = isinstance(estimator, LogisticRegression)
    raw: bytes = to_onnx(
        model,
        initial_types=[
            ("age", FloatTensorType([None, 1])),
            ("job", StringTensorType([None, 1])),
        ],
        options={"zipmap": False} if classifies else None,
    ).SerializeToString()
    return raw


def _bundle(model: bytes, value: dict[str, Any], calibration: dict[str, Any], seed: int) -> Bundle:
    promised = ValueModel.model_validate({"currency": "EUR", "decisions_per_month": 1000, **value})
    valued = valuation(promised, Data(source="x.csv", outcome="y", positive="yes"))
    signature = Signature(promised.task, INPUTS, valued.labels, valued.actions)
    return Bundle(
        "bank",
        {
            "model.onnx": model,
            "signature.json": msgspec.json.encode(signature),
            "policy.json": json.dumps(valued.document()).encode(),
            "calibration.json": json.dumps(calibration).encode(),
        },
        {"seed": seed},
    )


@pytest.fixture(scope="session")
def classifiers() -> tuple[Bundle, Bundle]:
    """Two versions of a classifier; the payoff of a call reads the column `fee`."""
    value = {
        "actions": {"call": {"yes": "9 - fee", "no": "-1 - fee"}, "skip": 0},
        "baselines": {"nobody": "skip"},
        "baseline": "nobody",
        "caps": {"fee": (0, 5)},
    }
    calibration = {
        "format": 1,
        "kind": "calibrator",
        "calibrator": Calibrator.identity().document(),
    }
    first, second = (
        _bundle(_onnx(LogisticRegression(), seed), value, calibration, seed) for seed in (1, 2)
    )
    return first, second


@pytest.fixture(scope="session")
def regressor() -> Bundle:
    value = {
        "under": 3,
        "over": 1,
        "baselines": {"ten": 10},
        "baseline": "ten",
    }
    around = PredictiveQuantiles(np.array([50.0]), np.array([[-3.0, -1.0, 1.0, 3.0]]))
    calibration = {"format": 1, "kind": "predictive", "predictive": around.document()}
    return _bundle(_onnx(LinearRegression(), 3), value, calibration, 3)


def keep(blobs: Blobs, bundle: Bundle) -> str:
    """Put a bundle's files and manifest where a gateway finds them."""
    for content in bundle.files.values():
        blobs.put(content)
    return blobs.put(bundle.manifest())


class Inbox:
    """An inbox of outcomes in memory; done at once, or failing with `fault`."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str, Any]] = []
        self.fault: Exception | None = None

    def append(self, model: str, outcomes: Sequence[tuple[str, Happened]]) -> Future[None]:
        done: Future[None] = Future()
        if self.fault is not None:
            done.set_exception(self.fault)
        else:
            self.taken += [(model, id_, outcome) for id_, outcome in outcomes]
            done.set_result(None)
        return done

    def close(self) -> None:
        """Nothing is left to write."""


@dataclass
class Stage:
    """A gateway in this process, and everything around it."""

    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    store: MemoryDesired = field(default_factory=MemoryDesired)
    captures: CaptureLog = field(default_factory=MemoryCaptures)
    inbox: Inbox = field(default_factory=Inbox)
    keys: FileKeys = field(default_factory=lambda: FileKeys(Path("/nowhere/keys.json")))
    beside: Beside | None = None

    def __post_init__(self) -> None:
        place = Place("w", self.store, self.blobs, self.captures, self.inbox, self.keys)
        source = WorkspacesSource([place])
        clock = FixedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
        self.gateway = Gateway(
            source,
            source.place_of,
            [place],
            lambda model, signature, _: OnnxEngine(model, signature.inputs),
            clock,
            self.beside,
        )
        self.follower = self.gateway.follower
        self.revision = 0

    @property
    def entry(self) -> ModelEntry:
        """The model of this stage."""
        return self.gateway.pool.entries["bank"]

    @property
    def serving(self) -> Serving:
        """What it serves now."""
        serving = self.entry.serving
        assert serving is not None
        return serving

    def publish(self, *bundles: Bundle, weight: float = 0.0, **changes: Any) -> Desired:
        """Serve a champion, and a challenger with a weight where two bundles are given."""
        self.revision += 1
        digests = [keep(self.blobs, bundle) for bundle in bundles]
        arms = [Arm("champion", 1, digests[0], 1.0 - weight)] if digests else []
        arms += [Arm("challenger", 2, digest, weight) for digest in digests[1:]]
        settings: dict[str, Any] = {
            "salt": "salt",
            "revision": self.revision,
            "arms": tuple(arms),
            **changes,
        }
        state = Desired(model="bank", **settings)
        self.store.publish(state.encode(), state.revision)
        self.follower.refresh()
        return state

    def publish_first(self, bundle: Bundle, weight: float, **changes: Any) -> Desired:
        """Serve a first version with a weight, the baseline beside it."""
        digest = keep(self.blobs, bundle)
        arms = (Arm("baseline", 1, digest, 1.0 - weight), Arm("challenger", 1, digest, weight))
        return self.publish(arms=arms, **changes)

    def client(self) -> AbstractContextManager[httpx.Client]:
        """Return a client of the gateway; use it as a context."""
        return client_of(self.gateway)


@pytest.fixture
def make_stage() -> Iterator[Callable[..., Stage]]:
    """Make stages, which are closed at the end of the test."""
    made: list[Stage] = []

    def make(**parts: Any) -> Stage:
        made.append(Stage(**parts))
        return made[-1]

    yield make
    for one in made:
        one.gateway.close()


@pytest.fixture
def stage(make_stage: Callable[..., Stage]) -> Stage:
    return make_stage()


@pytest.fixture
def client(stage: Stage, classifiers: tuple[Bundle, Bundle]) -> Iterator[httpx.Client]:
    """A client of a gateway that serves one classifier as version 1."""
    stage.publish(classifiers[0])
    with stage.client() as client:
        yield client


@pytest.fixture(scope="session")
def batched(classifiers: tuple[Bundle, Bundle]) -> Iterator[Gateway]:
    """A gateway to be asked several things in one tick."""
    stage = Stage()
    stage.publish(classifiers[0])
    yield stage.gateway
    stage.gateway.close()


@pytest.fixture(scope="session")
def fuzzed(classifiers: tuple[Bundle, Bundle]) -> Iterator[httpx.Client]:
    """One client for many generated requests: nothing that a request does changes the next."""
    stage = Stage()
    stage.publish(classifiers[0])
    with stage.client() as client:
        yield client


@pytest.fixture(scope="session")
def body() -> Callable[..., dict[str, Any]]:
    """A request of n rows."""

    def make(n: int = 1, **fields: Any) -> dict[str, Any]:
        return {
            "inputs": [
                {
                    "name": "age",
                    "shape": [n],
                    "datatype": "FP64",
                    "data": [20.0 + i for i in range(n)],
                },
                {"name": "job", "shape": [n, 1], "datatype": "BYTES", "data": ["retired"] * n},
                {"name": "fee", "shape": [n], "datatype": "FP64", "data": [0.5] * n},
            ],
            **fields,
        }

    return make
