"""The worked examples print and draw what their pages show."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest

from assay.charter.load import load_charter
from assay.lifecycle.books import Replay
from assay.lifecycle.replay import replay

DOCS = Path(__file__).parents[1] / "docs"
SCRIPTS = sorted((DOCS / "value").glob("[a-z]*.py"))
REPLAYS = sorted((DOCS / "monitoring").glob("[a-z]*.py"))


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_worked", DOCS / "make_worked.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("script", [*SCRIPTS, *REPLAYS], ids=lambda path: path.stem)
def test_a_page_is_what_its_script_prints(script: Path, maker: ModuleType) -> None:
    try:
        # Replays take minutes: here a page is held to the figures kept of them.
        text, pictures = maker.rendered(script, anew=script not in REPLAYS)
    except FileNotFoundError as error:
        pytest.skip(f"the example's data set is not here: {error}")
    page = script.with_suffix(".md").read_text(encoding="utf-8")
    (words, numbers), (page_words, page_numbers) = _apart(text), _apart(page)
    assert words == page_words, "run `make docs`"
    # Another processor rounds sums otherwise, and trees may then split a case otherwise.
    np.testing.assert_allclose(numbers, page_numbers, rtol=0.03, atol=0.05, err_msg="make docs")
    for name, raw in pictures.items():
        assert raw.startswith(b"\x89PNG")
        assert (script.parent / "pictures" / name).exists()


def _apart(text: str) -> tuple[str, list[float]]:
    """Return a page without its numbers, and the numbers."""
    number = re.compile(r"\d[\d,]*(?:\.\d+)?")
    found = [float(each.replace(",", "")) for each in number.findall(text)]
    return re.sub(r"\s+", " ", number.sub("#", text)), found


def test_the_yardsticks_of_the_banks_calls_come_out_exactly(shared_data: Path) -> None:
    bank = pl.read_parquet(shared_data / "bank_marketing" / "bank-full.parquet")
    bank = bank.filter(pl.col("balance") > 0)
    missed = np.maximum(bank["balance"].to_numpy() * 0.25 * 0.02463333, 1)
    bought = bank["y"].to_numpy() == "yes"
    nobody, everybody, perfect = missed[bought].sum(), len(bank), bought.sum()
    assert [round(cost) for cost in (nobody, everybody, perfect)] == [59_507, 37_931, 4_787]
    page = (DOCS / "value" / "per_case_payoffs.md").read_text(encoding="utf-8")
    for name, cost in (("everybody", everybody), ("nobody", nobody), ("knowing who buys", perfect)):
        assert f"{name:17} costs {cost:7,.0f} EUR\n" in page


def test_every_kind_of_value_model_has_an_example() -> None:
    known = {path.stem for path in SCRIPTS}
    assert known >= {
        "amounts",
        "capacity",
        "control_share",
        "first_look",
        "per_case_payoffs",
        "referring",
        "several_outcomes",
    }
    _indexed("value", SCRIPTS)


def _indexed(folder: str, scripts: list[Path]) -> None:
    index = (DOCS / folder / "README.md").read_text(encoding="utf-8")
    assert all(f"({script.stem}.md)" in index for script in scripts)


def test_the_replays_of_three_histories_are_worked_out() -> None:
    assert {path.stem for path in REPLAYS} >= {"bank", "bike", "breaches", "elec2"}
    _indexed("monitoring", REPLAYS)


def _kept(name: str) -> Replay:
    path = DOCS / "monitoring" / "figures" / f"{name}.json"
    return Replay.from_document(json.loads(path.read_text(encoding="utf-8")))


def test_the_banks_figures_keep_what_is_claimed_of_them() -> None:
    found, ideal = _kept("bank-1"), _kept("bank-2").policies["scheduled"].value.mean
    value = {name: book.value.mean for name, book in found.policies.items()}
    fixed = {name: total.mean for name, total in found.baseline_totals.items()}
    others = {**value, **fixed}
    triggered = others.pop("triggered")
    assert triggered > max(others.values())
    assert found.policies["triggered"].retrainings <= len(found.windows) / 2
    assert triggered >= 0.85 * ideal
    assert found.policies["triggered"].over["everybody"].low > 0


def test_the_model_of_electricity_prices_beats_the_last_label() -> None:
    found = _kept("elec2-1")
    last = found.baseline_totals["repeat_last"].mean
    # Right in a share a of the cases is worth 2 a - 1 each.
    assert (1 + last / found.n) / 2 == pytest.approx(0.862, abs=0.001)
    assert all(book.over["repeat_last"].low > 0 for book in found.policies.values())


def test_a_kept_replay_is_what_a_replay_finds_today(shared_data: Path) -> None:
    hours = pl.read_parquet(shared_data / "bike_sharing" / "hour.parquet")
    charter = load_charter(DOCS.parent / "examples" / "bike")
    kept = _kept("bike-1")
    found = replay(
        hours,
        charter,
        first=kept.first,
        policies=["static", "triggered"],
        families=["lightgbm"],
        trials=4,
    )
    for name, book in found.policies.items():
        assert book.value.mean == pytest.approx(kept.policies[name].value.mean, rel=0.03), (
            "make docs"
        )


@pytest.mark.parametrize("script", [*SCRIPTS, *REPLAYS], ids=lambda path: path.stem)
def test_a_page_shows_each_of_its_pictures(script: Path) -> None:
    page = script.with_suffix(".md").read_text(encoding="utf-8")
    shown = set(re.findall(r"\(pictures/([^)]+)\)", page))
    kept = {path.name for path in (script.parent / "pictures").glob(f"{script.stem}-*.png")}
    assert shown == kept
    assert 2 <= len(shown) <= 5


def test_what_did_not_move_raises_no_alarm_of_performance_and_what_moved_does() -> None:
    page = (DOCS / "monitoring" / "breaches.md").read_text(encoding="utf-8")
    census, bank = page.split("## A bank: the world moved")
    loud = ("performance", "concept", "stale", "value", "plan")
    told = [set(re.findall(r"(?m)^(\w+) +.+ in \d+ windows$", part)) for part in (census, bank)]
    assert not told[0] & set(loud)
    assert told[1] >= set(loud)
