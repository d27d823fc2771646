"""`assay sweep`: many models in one command, judged together, and once more without news."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench.sweep import add_window, make_models

from assay.adapters.file_lock import locked
from assay.cli.up import monitor_beside
from assay.workspace import Workspace
from assay.workspace.sweeping import model_directories

Run = Callable[..., Any]
ROWS = 600


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Three models with a window each; the first one's next window has moved."""
    make_models(tmp_path, 3, ROWS)
    return tmp_path


def test_models_are_swept_and_what_moved_is_listed(run: Run, models: Path) -> None:
    first = run("sweep", models / "models", "--json")
    assert first.code == 0
    assert [one["measured"] for one in first.document["models"]] == [1, 1, 1]
    assert {one["model"] for one in first.document["models"]} == {"m0000", "m0001", "m0002"}
    add_window(models)
    second = run("sweep", models / "models", "--json").document
    assert [one["measured"] for one in second["models"]] == [1, 1, 1]
    moved = {one["model"] for one in second["alerts"] if one["kind"] == "drift"}
    assert moved == {"m0000"}
    again = run("sweep", models / "models", "--json").document
    assert [one["measured"] + one["posted"] + one["raised"] for one in again["models"]] == [0] * 3
    assert again["alerts"] == second["alerts"]
    told = run("sweep", models / "models" / "m0000", models / "models" / "m0001")
    assert "2 models, 0 windows measured" in told.out
    assert "m0000: 1 of 30 inputs moved" in told.out


def test_amounts_of_different_currencies_are_never_ranked_together(run: Run, models: Path) -> None:
    own = models / "models" / "m0001"
    charter = (own / "charter.yaml").read_text()
    (own / "charter.yaml").write_text(charter.replace("currency: EUR", "currency: CHF"))
    run("sweep", models / "models")
    add_window(models)
    (own / "log" / "1.parquet").unlink()
    (own / "log" / "1.parquet").hardlink_to(models / "moved.parquet")
    told = run("sweep", models / "models")
    assert "Open alerts in CHF" in told.out
    assert "Open alerts in EUR" in told.out
    alerts = run("sweep", models / "models", "--json").document["alerts"]
    currencies = [one["currency"] for one in alerts]
    assert set(currencies) == {"CHF", "EUR"}
    assert currencies == sorted(currencies)
    for one in alerts:
        assert one["value_per_day"] is None or one["value_per_day"]["unit"].startswith(
            one["currency"]
        )
    for currency in ("CHF", "EUR"):
        costs = [
            one["value_per_day"]["mean"]
            for one in alerts
            if one["currency"] == currency and one["value_per_day"]
        ]
        assert costs == sorted(costs, reverse=True)


def test_a_floor_in_currency_keeps_small_drift_out_of_a_sweep(run: Run, models: Path) -> None:
    own = models / "models" / "m0000"
    floor = "monitoring:\n  least_per_day: 1000000000"
    charter = (own / "charter.yaml").read_text().replace("monitoring:", floor)
    (own / "charter.yaml").write_text(charter)
    run("sweep", models / "models")
    add_window(models)
    swept = run("sweep", models / "models", "--json").document
    assert not [one for one in swept["alerts"] if one["kind"] == "drift"]
    alone = run("monitor", own, "--json").document["windows"][-1]
    assert "n0" in [one["feature"] for one in alone["drift"]["features"] if one["moved"]]


def test_what_a_sweep_judged_stays_so_for_a_model_alone(run: Run, models: Path) -> None:
    add_window(models)
    run("sweep", models / "models")
    workspace = Workspace(models / "models" / "m0000")
    assert workspace.ports.profiles.readings()
    alone = workspace.monitor()
    assert (alone.raised, alone.closed, alone.posted) == (0, 0, 0)


def test_monitor_says_what_moved_how_well_scores_did_and_where_money_is_lost(
    run: Run, models: Path
) -> None:
    add_window(models)
    told = " ".join(run("monitor", models / "models" / "m0000").out.split())
    assert "rows 601-1200, champion 1: moved: n0 (mean" in told
    assert "performance from labels: roc_auc 0." in told
    found = run("monitor", models / "models" / "m0000", "--json").document
    newest = found["windows"][-1]
    assert {one["column"] for one in newest["segments"]} == {"c0"}
    assert newest["performance"]["basis"] == "realised"
    assert newest["creep"]["note"] == ""
    assert newest["concept"]["n"] > 600
    assert (found["repeats"], found["channels"], found["control"]) == (0, [], None)


def test_one_model_that_fails_does_not_stop_the_others(run: Run, models: Path) -> None:
    (models / "models" / "m0001" / "reference.parquet").unlink()
    swept = run("sweep", models / "models", "--json")
    assert swept.code == 2
    assert [bool(one["error"]) for one in swept.document["models"]] == [False, True, False]
    assert "There is no reference" in swept.document["models"][1]["error"]
    assert "was not monitored" in run("sweep", models / "models").out


def test_directories_are_named_one_by_one_together_or_by_a_pattern(
    run: Run, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = [models / "models" / f"m{one:04d}" for one in range(3)]
    assert model_directories([models / "models"]) == every
    assert model_directories([every[1], every[1]]) == [every[1]]
    monkeypatch.chdir(models)
    assert model_directories(["models/m*2"]) == [Path("models/m0002")]
    nothing = run("sweep", models / "nowhere")
    assert nothing.code == 2
    assert "There is no charter.yaml" in nothing.paragraph


def test_two_at_once_wait_in_line_and_post_once(models: Path) -> None:
    own = models / "models" / "m0000"
    Workspace(own).ports.profiles.note("nothing")
    posted: list[int] = []
    with locked(own / ".assay" / "monitor" / "lock"):
        runs = [
            threading.Thread(target=lambda: posted.append(Workspace(own).monitor().posted))
            for _ in range(2)
        ]
        for one in runs:
            one.start()
        runs[0].join(timeout=0.3)
        assert posted == [], "both wait for the lock"
    for one in runs:
        one.join(timeout=60)
    assert sorted(posted) == [0, 1]


def test_monitoring_beside_serving_tells_how_it_went(
    models: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    own, stopped = models / "models" / "m0000", threading.Event()
    beside = threading.Thread(target=monitor_beside, args=(own, 0.05, stopped))
    beside.start()
    waited, told = threading.Event(), ""
    for _ in range(3000):
        told += capfd.readouterr().err
        if "monitored" in told:
            break
        waited.wait(0.1)
    stopped.set()
    beside.join(timeout=120)
    assert not beside.is_alive()
    assert "monitored: " in told
