"""What every test may ask for."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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
