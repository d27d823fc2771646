"""What every test may ask for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from tests.tracing import pytest_make_collect_report, pytest_runtest_call

if TYPE_CHECKING:
    import polars as pl

    from assay.workspace import Workspace

__all__ = ["pytest_make_collect_report", "pytest_runtest_call"]

settings.register_profile(
    "assay", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("assay")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets; a test that needs it is skipped where it is absent."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("ASSAY_DATA", root.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set ASSAY_DATA to a folder that holds them")
    return folder


CAMPAIGN = """\
name: campaign
title: Whom to call (simulated)
problem: {business: Calls cost, analytical: The chance of a deposit, hypothesis: Call fewer}
strategy: {objective: Grow deposits, kpi: Margin a month}
people: {product_manager: Ana Costa, risk_officer: [Rui Matos, Eva Lima]}
data:
  source: history.parquet
  outcome: deposit
  positive: "yes"
  order: rows
  entity: client
  sensitive: [age]
  label_delay: 1 window
  revealed_by: [call]
value:
  currency: EUR
  actions:
    call: {"yes": 54, "no": -6}
    skip: 0
  baselines: {nobody: skip, everybody: call}
  baseline: nobody
  decisions_per_month: 5000
acceptance: {roc_auc: {at_least: 0.55}}
guardrails:
  - {metric: value_kept_under_noise, at_least: 0.5}
risk:
  tier: medium
  register:
    - {risk: Clients complain, likelihood: low, impact: low, mitigation: Ask, owner: risk_officer}
build: {families: [linear], trials: 2, folds: 2}
release: {strategy: immediate}
monitoring: {window: 200 rows}
"""


@pytest.fixture(scope="session")
def built_campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small simulated campaign with one version that nobody has signed.

    It is made once: tests that write take a copy of it, `campaign`.
    """
    from assay.lifecycle.campaign import Campaign
    from assay.workspace import Workspace

    folder = tmp_path_factory.mktemp("built") / "campaign"
    folder.mkdir()
    (folder / "charter.yaml").write_text(CAMPAIGN)
    Campaign(seed=5).history(2400).write_parquet(folder / "history.parquet")
    Workspace(folder).build()
    return folder


@pytest.fixture
def campaign(built_campaign: Path, tmp_path: Path) -> Path:
    """A copy of the campaign's folder that a test may write to."""
    return Path(shutil.copytree(built_campaign, tmp_path / "campaign"))


Traffic = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def traffic() -> Traffic:
    """Answer clients with a registered version as a gateway does, and return what it captures."""
    from assay.adapters.onnx_engine import OnnxEngine
    from assay.build.columns import to_columns
    from assay.deploy.fetch import fetch_bundle
    from assay.deploy.scoring import Scorer, read_signature

    def answer(
        workspace: Workspace,
        clients: pl.DataFrame,
        request: str,
        at: datetime,
        *,
        version: int = 1,
        arm: str = "champion",
    ) -> list[dict[str, Any]]:
        digest = workspace.versions().versions[version].bundle
        bundle = fetch_bundle(workspace.ports.blobs, digest)
        inputs = read_signature(bundle).inputs
        scorer = Scorer.from_bundle(bundle, OnnxEngine(bundle.files["model.onnx"], inputs))
        scored = scorer.score(to_columns(clients, inputs), by_baseline=arm == "baseline")
        decisions = scorer.valuation.names(scored.decision)
        rows = clients.select(one.name for one in inputs).to_dicts()
        return [
            {
                "id": f"{request}/{row}",
                "at": (at + timedelta(seconds=row)).isoformat(),
                "model": workspace.charter.name,
                "version": version,
                "bundle": digest,
                "arm": arm,
                "entity": clients["client"][row],
                "inputs": values,
                "score": float(scored.score[row]),
                "probability": float(scored.probability[row]),
                "decision": decisions[row],
                "expected_value": float(scored.expected_value[row]),
                "explored": False,
                "propensity": 1.0,
            }
            for row, values in enumerate(rows)
        ]

    return answer
