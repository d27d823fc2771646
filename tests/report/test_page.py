"""The report's page stands alone, is sound HTML, and lets nobody's text do anything."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from assay.workspace import Workspace

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
LOADS = {"src", "srcset", "href", "xlink:href", "data", "poster", "action", "background"}


class Page(HTMLParser):
    """Reads a page strictly: each element is closed by its own tag, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.handlers: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in LOADS:
                self.references.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)
            self.references += re.findall(r"url\(([^)]*)\)", value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        """All that a reader sees."""
        return " ".join(" ".join(self.words).split())


def _reported(folder: Path) -> tuple[str, Page]:
    text = Workspace(folder).report().read_text()
    return text, Page(text)


@pytest.fixture(scope="module")
def signed_and_released(built_campaign: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(shutil.copytree(built_campaign, tmp_path_factory.mktemp("report") / "campaign"))
    workspace = Workspace(folder)
    workspace.sign("Ana Costa", "product_manager", note="looks <b>fine</b>")
    workspace.sign("Rui Matos", "risk_officer")
    workspace.release()
    return folder


def test_the_page_is_sound_and_needs_nothing_else(signed_and_released: Path) -> None:
    text, page = _reported(signed_and_released)
    assert text.startswith("<!doctype html>")
    assert not {"script", "link", "iframe", "img", "object", "embed", "base"} & set(page.tags)
    assert page.handlers == []
    assert "@import" not in text
    assert [one for one in page.references if not one.startswith("#")] == []
    assert page.tags.count("svg") == text.count('<svg role="img" aria-label="') >= 4
    assert 'aria-label="What each threshold is worth"' in text
    assert 'aria-label="What moves the net present value"' in text
    assert 'aria-label="Money in hand, month by month"' in text
    assert page.tags.count("html") == page.tags.count("title") == 1


def test_ids_are_unique_and_references_lead_to_them(signed_and_released: Path) -> None:
    _, page = _reported(signed_and_released)
    assert len(page.ids) == len(set(page.ids)) > 50
    assert {one.removeprefix("#") for one in page.references} <= set(page.ids)


def test_the_page_tells_everything_that_is_asked_of_it(signed_and_released: Path) -> None:
    _, page = _reported(signed_and_released)
    for words in (
        "Whom to call (simulated)",
        "medium risk",
        "What each decision is worth (EUR)",
        "Clients complain",
        "Uplift per month",
        "Ceiling (perfect information)",
        "Net present value",
        "call from 0.5 on would ",
        "How many cases get each action",
        "A threshold is the probability of yes from which a case gets call ; below it, it gets",
        "Uplift kept per year 100 % taken as certain",
        "the action of highest expected payoff",
        "Business case",
        "How good a model must be",
        "Net per month, after running costs",
        "What moves the net present value most is ",
        "The business case takes all but the uplift as certain",
        "the chance of it within 12 months is ",
        "roc_auc",
        "value_kept_under_noise",
        "The gate is open.",
        "Ana Costa",
        "product manager",
        "looks <b>fine</b>",
        "Nothing has been served yet.",
        "ledger verified",
        "version 1 serves",
        "signed by Rui Matos as risk officer",
        "release of version 1 started, immediate",
    ):
        assert words in page.text, words
    assert "One person holds every role" not in page.text


def test_the_page_says_what_closes_the_gate(built_campaign: Path, campaign: Path) -> None:
    _, page = _reported(campaign)
    assert "The gate is closed." in page.text
    assert "The sign-off of a risk_officer is missing" in page.text
    assert "Nobody has signed this version." in page.text
    assert "nothing serves" in page.text


def test_the_same_state_gives_the_same_page(signed_and_released: Path) -> None:
    def without_the_moment() -> str:
        return re.sub(r"written [0-9: -]+", "", _reported(signed_and_released)[0])

    assert without_the_moment() == without_the_moment()


def test_the_threshold_in_use_is_marked(campaign: Path) -> None:
    charter = campaign / "charter.yaml"
    best_action = Workspace(campaign).report().read_text()
    assert "in use: 0.1 " in best_action, "equal payoffs for all: best action is a threshold"
    policy = "baseline: nobody\n  policy: {kind: threshold, action: call}"
    charter.write_text(charter.read_text().replace("baseline: nobody", policy))
    Workspace(campaign).build(trials=1)
    assert "in use:" in _reported(campaign)[0]


def test_hostile_text_stays_text(campaign: Path) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>$\\frac{1}$-->"
    charter = campaign / "charter.yaml"
    text = charter.read_text()
    text = text.replace("title: Whom to call (simulated)", f"title: '{evil}'")
    text = text.replace("business: Calls cost", f"business: '</style>{evil}'")
    text = text.replace("risk: Clients complain", f"risk: '\"{evil}'")
    text = text.replace("product_manager: Ana Costa", f"product_manager: '{evil}'")
    text = text.replace("baselines: {nobody:", f"baselines: {{'{evil}':")
    charter.write_text(text.replace("baseline: nobody", f"baseline: '{evil}'"))
    workspace = Workspace(campaign)
    workspace.build(trials=1)
    workspace.sign(evil, "product_manager", note=evil)
    _, page = _reported(campaign)
    assert not {"script", "img"} & set(page.tags)
    assert page.handlers == []
    assert page.text.count(evil) >= 6
