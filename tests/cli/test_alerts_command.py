"""Alerts as people see them, and the commands that the guide tells them to run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.bank_charter import CHARTER
from tests.receiver import Receiver

from assay.evidence.event import EventType
from assay.lifecycle.approval import write
from assay.stats.estimate import Estimate
from assay.workspace import Workspace

Run = Callable[..., Any]
GUIDE = Path(__file__).parents[2] / "docs" / "monitoring" / "alerts.md"
VARIABLES = {"BOOKS_ADDRESS": "http://{at}/books", "ALERTMANAGER_ADDRESS": "http://{at}"}


def _blocks(language: str) -> str:
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL))


def _raise(workspace: Workspace, id_: str, a_day: float | None) -> None:
    cost = None
    if a_day is not None:
        cost = Estimate(a_day, a_day / 2, 2 * a_day, 900, "simulated", "EUR per day").document()
    now = workspace.ports.clock.now() - timedelta(minutes=1)
    content = {"id": id_, "kind": "value", "metric": id_, "version": 1, "window": "w1"}
    content |= {"text": f"{id_} is wrong", "value_per_day": cost}
    write(workspace.ports.ledger, "alert:bank", EventType.ALERT_RAISED, content, now)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A use case with the guide's channels and three open alerts."""
    watched = yaml.safe_load(_blocks("yaml"))
    (tmp_path / "charter.yaml").write_text(yaml.safe_dump({**CHARTER, **watched}))
    workspace = Workspace(tmp_path)
    for id_, a_day in (("77aa", 20.0), ("3f2a9c", 900.0), ("51bb", None)):
        _raise(workspace, id_, a_day)
    return tmp_path


def test_the_guides_commands_do_what_it_says(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("BOOKS_KEY", "a key")
    receiver = Receiver()
    commands = [line.split("#")[0].strip() for line in _blocks("sh").splitlines()]
    with receiver.up() as at:
        monkeypatch.setenv("ONCALL_ADDRESS", f"json://{at}/chat")
        for name, address in VARIABLES.items():
            monkeypatch.setenv(name, address.format(at=at))
        answers = {line: run(*shlex.split(line)[1:]) for line in commands}
    assert {line: answer.err for line, answer in answers.items() if answer.code} == {}
    listed = answers["assay alerts"].out
    assert listed.index("3f2a9c") < listed.index("77aa") < listed.index("51bb")
    assert "900 EUR per day [450, 1,800]" in listed
    assert "not known" in listed
    assert "assay_alerts_open" in (folder / "assay.prom").read_text()
    paths = sorted(one.path for one in receiver.posts)
    assert paths == ["/api/v2/alerts"] * 3 + ["/books"] * 3 + ["/chat"] * 2  # 77aa costs too little
    assert run("alerts", "send", "--json").document["channels"][0]["complete"]


def test_alerts_of_a_folder_are_listed_without_naming_the_listing(run: Run, folder: Path) -> None:
    first, second = run("alerts", folder), run("alerts", "list", folder)
    assert (first.code, first.out) == (0, second.out)
    document = run("alerts", folder, "--json").document
    assert [one["id"] for one in document["alerts"]] == ["3f2a9c", "77aa", "51bb"]
    assert [one["waiting"] for one in document["channels"]] == [2, 3, 3]
    assert run("alerts", "--help").code == 0


def test_who_heard_and_what_is_muted_is_shown(run: Run, folder: Path) -> None:
    assert "Ana has acknowledged" in run("alerts", "ack", "3f", folder, "--as", "Ana").out
    muting = ("--as", "Rui", "--for", "2 hours", "--because", "known")
    assert run("alerts", "mute", "51bb", folder, *muting).code == 0
    rows = {row["id"]: row for row in run("alerts", folder, "--json").document["alerts"]}
    assert rows["3f2a9c"]["acknowledged_by"] == "Ana"
    assert (rows["51bb"]["open"], rows["51bb"]["muted_because"]) == (True, "known")
    shown = run("alerts", folder).out
    assert "acknowledged by Ana" in shown
    assert run("alerts", "unmute", "51bb", folder, "--as", "Rui").code == 0
    assert run("status", folder, "--json").document["alerts"][0]["id"] == "3f2a9c"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ack", "3f2b9c", "--as", "Ana"), "The nearest: 3f2a9c"),
        (("ack", "3f2a", "--as", " "), "needs your name"),
        (("mute", "3f2a", "--as", "A", "--for", "ever", "--because", "x"), "such as `7 days`"),
        (("mute", "3f2a", "--as", "A", "--for", "1 day", "--because", ""), "needs a reason"),
        (("ack", "3f2a"), "--as"),
    ],
)
def test_mistakes_get_one_paragraph_and_write_nothing(
    run: Run, folder: Path, arguments: tuple[str, ...], said: str
) -> None:
    before = len(list(Workspace(folder).ports.ledger.events()))
    answer = run("alerts", *arguments[:2], folder, *arguments[2:])
    assert (answer.code, said in answer.paragraph) == (2, True), answer.err
    assert len(list(Workspace(folder).ports.ledger.events())) == before


def test_what_could_not_be_delivered_is_said_and_shows_in_the_exit_code(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*VARIABLES, "ONCALL_ADDRESS", "BOOKS_KEY"):
        monkeypatch.delenv(name, raising=False)
    sent = run("alerts", "send", folder)
    assert sent.code == 3
    assert "The environment variable BOOKS_ADDRESS" in sent.out
    assert "3 waiting (next try at " in sent.out
    receiver = Receiver(answers=[(401, {})] * 3)
    with receiver.up() as at:
        monkeypatch.setenv("BOOKS_ADDRESS", f"http://{at}/secret-path")
        monkeypatch.setenv("BOOKS_KEY", "a key")
        assert run("alerts", "send", folder).code == 3  # not due yet
        assert receiver.posts == []
        refused = run("alerts", "send", folder, "--again")
        assert (refused.code, "3 refused" in refused.out) == (3, True)
        assert "401 Unauthorized" in refused.out
        assert "secret-path" not in refused.out
        assert "3 refused" in run("alerts", folder).out
        assert (
            'channel="books",model="bank",state="refused"} 3.0'
            in run("alerts", "metrics", folder).out
        )
        again = run("alerts", "send", folder, "--again", "--json")
    books = next(one for one in again.document["channels"] if one["channel"] == "books")
    assert (again.code, books["delivered"], books["complete"]) == (3, 3, True)


def test_without_channels_or_alerts_it_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "charter.yaml").write_text(yaml.safe_dump(CHARTER))
    assert run("alerts", tmp_path).out.strip() == "No alert is open."
    sent = run("alerts", "send", tmp_path)
    assert (sent.code, "names no channel" in sent.out) == (0, True)
