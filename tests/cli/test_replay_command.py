from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import yaml

from .conftest import Answer

Run = Callable[..., Answer]

POLICY = """
def cautious(known):
    if known.findings and known.candidate("recalibrate"):
        return known.candidate("recalibrate")


def wrong(known):
    return "retrian"
"""


def _replay(run: Run, folder: Path, *given: str) -> Answer:
    return run("replay", folder, "--first", "1800", "--family", "linear", *given)


def _prepared(folder: Path) -> Path:
    (folder / "mine.py").write_text(POLICY, encoding="utf-8")
    path = folder / "charter.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document["data"]["revealed_by"] = ["call"]
    document.setdefault("release", {})["exploration_share"] = 0.1
    document.setdefault("monitoring", {})["window"] = "200 rows"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return folder


def test_a_function_beside_the_charter_is_a_policy(run: Run, campaign: Path) -> None:
    answer = _replay(run, _prepared(campaign), "--policy", "static", "--policy", "mine:cautious")
    assert answer.code == 0, answer.err
    said = " ".join(answer.out.split())
    assert "cautious - static" in said
    assert "random actions cost" in said
    assert "against all outcomes shown, none explored" in said
    assert "against outcomes selected, none explored" in said
    page = (campaign / "replay.html").read_text(encoding="utf-8")
    for words in ("What it cost", "What it costs not to see every outcome", "cautious"):
        assert words in page


def test_json_holds_every_cost(run: Run, campaign: Path) -> None:
    answer = _replay(run, _prepared(campaign), "--policy", "triggered", "--no-compare", "--json")
    document = answer.document
    assert document["format"] == 2
    assert document["unseen"] == {}
    costs = document["policies"]["triggered"]["costs"]
    assert set(costs["cases"]) == {"call", "skip"}
    assert costs["exploring"]["unit"] == document["currency"]


def test_a_policy_that_is_no_good_is_told_in_a_paragraph(run: Run, campaign: Path) -> None:
    folder = _prepared(campaign)
    for given, said in (
        ("mine:wrong", "did you mean `retrain`"),
        ("mine:rough", "has no function rough"),
        ("yours:rough", "there is no file"),
        ("tiggered", "did you mean `triggered`"),
    ):
        answer = _replay(run, folder, "--policy", given)
        assert answer.code == 2
        assert said in answer.paragraph
    assert not (folder / "replay.html").exists()
