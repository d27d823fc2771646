"""The simulations of watched rollouts in their short form; `make simulate` runs 1,000 of each."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


def _loaded() -> ModuleType:
    place = ROOT / "bench" / "simulate" / "rollouts.py"
    spec = importlib.util.spec_from_file_location("simulated_rollouts", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


rollouts: Any = _loaded()
SCENES = {scene.true: scene for scene in rollouts.SCENES}


@pytest.mark.parametrize("true", SCENES)
def test_no_scene_is_decided_wrongly_more_often_than_agreed(true: str) -> None:
    found = rollouts.rates(SCENES[true], runs=25, seed=4100)
    assert found.watched / found.runs <= found.most


@pytest.mark.parametrize(
    "true", ["worse by the tolerance, half of traffic", "alike, half of traffic"]
)
def test_watching_errs_at_most_alpha_where_a_z_test_peeked_at_errs_far_more(true: str) -> None:
    found = rollouts.rates(SCENES[true], runs=120, seed=4201)
    assert found.watched / found.runs <= found.most
    assert found.peeked / found.runs > found.most, "beyond what luck explains"
    assert found.peeked > 3 * found.watched


def test_outcomes_that_come_late_promote_nobody_wrongly() -> None:
    found = rollouts.late(runs=15, seed=4300)
    assert found.watched / found.runs <= found.most
    assert found.peeked / found.runs > 0.5, "who takes what came is fooled"


def test_promotions_come_about_when_planned_and_in_the_order_of_fixed_tests() -> None:
    (plan, challenger, share, n), *_ = (row[1:] for row in rollouts.SIZES if "0.5, half" in row[0])
    one = rollouts.size(plan, challenger, share, runs=40, seed=4400, n=n)
    assert one.promoted == 1.0
    assert 0.7 < one.simulated / one.planned < 1.4
    assert 1.0 < one.simulated / one.fixed < 4.0


def test_the_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    rollouts.main(runs=1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Wrong decisions in 1 rollouts, alpha 5%, a look each 100 units"
    assert sum(any(line.startswith(true) for true in SCENES) for line in lines) >= len(SCENES)
