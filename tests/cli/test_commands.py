"""The way of a version through the commands, and the rules on JSON and exit codes."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assay.cli import output
from assay.cli.root import COMMANDS
from assay.workspace import Workspace

Run = Callable[..., Any]


def _sign(run: Run, folder: Path) -> None:
    assert run("sign", folder, "--as", "Ana Costa", "--role", "product_manager").code == 0
    assert run("sign", folder, "--as", "rui matos", "--role", "risk officer").code == 0


def test_release_without_a_sign_off_is_refused_with_who_could_sign(
    run: Run, campaign: Path
) -> None:
    answer = run("release", campaign)
    assert answer.code == 1
    assert "sign-off of a product_manager is missing (who can sign: Ana Costa)" in answer.paragraph
    assert "(who can sign: Rui Matos or Eva Lima)" in answer.paragraph
    assert run("status", campaign, "--json").document["champion"] is None


def test_release_after_both_lines_signed(run: Run, campaign: Path) -> None:
    _sign(run, campaign)
    gate = run("gate", campaign)
    assert (gate.code, "is open" in gate.out) == (0, True)
    answer = run("release", campaign)
    assert answer.code == 0, answer.err
    assert "Champion: version 1, 100% of traffic" in answer.out
    again = run("release", campaign)
    assert (again.code, "serves already" in again.paragraph) == (1, True)
    status = run("status", campaign)
    assert "champion         version 1" in status.out
    assert "Next: assay monitor" in status.out


def test_release_of_a_version_made_after_signing_is_refused(run: Run, campaign: Path) -> None:
    _sign(run, campaign)
    assert run("build", campaign, "--trials", 1, "--json").document["version"] == 2
    answer = run("release", campaign)
    assert answer.code == 1
    assert "model:campaign/2 is closed" in answer.paragraph
    assert "sign-off of a risk_officer is missing" in answer.paragraph
    assert run("release", campaign, "--version", 1).code == 0


def test_one_person_on_both_lines_is_refused(run: Run, campaign: Path) -> None:
    charter = campaign / "charter.yaml"
    charter.write_text(
        charter.read_text().replace("[Rui Matos, Eva Lima]", "[Rui Matos, Ana Costa]")
    )
    assert run("sign", campaign, "--as", "Ana Costa", "--role", "product_manager").code == 0
    answer = run("sign", campaign, "--as", "ANA  costa", "--role", "risk_officer")
    assert answer.code == 1
    assert "may not sign it as risk_officer" in answer.paragraph
    assert "line of defence 1" in answer.paragraph
    assert run("release", campaign).code == 1


@pytest.mark.parametrize(
    ("person", "role", "code", "words"),
    [
        ("Zoe Nobody", "risk_officer", 1, "the charter names Rui Matos, Eva Lima"),
        ("Ana Costa", "wizard", 2, "The roles are: sponsor"),
        (" ", "risk_officer", 1, "needs the name of a person"),
    ],
)
def test_who_may_not_sign(
    run: Run, campaign: Path, person: str, role: str, code: int, words: str
) -> None:
    before = _entries(campaign)
    answer = run("sign", campaign, "--as", person, "--role", role)
    assert answer.code == code
    assert words in answer.paragraph
    # The charter may be entered on the way; a signature is not.
    assert "signed" not in {type_ for _, type_, _ in _entries(campaign)[len(before) :]}


def test_a_changed_payoff_voids_sign_offs_and_evidence_and_a_changed_title_nothing(
    run: Run, campaign: Path
) -> None:
    _sign(run, campaign)
    charter = campaign / "charter.yaml"
    charter.write_text(charter.read_text().replace("Whom to call (simulated)", "Another title"))
    assert run("gate", campaign).code == 0
    charter.write_text(charter.read_text().replace('"yes": 54', '"yes": 5'))
    answer = run("gate", campaign, "--json")
    assert answer.code == 1
    reasons = " ".join(answer.document["reasons"])
    assert "The sign-off of Ana Costa as product_manager is void" in reasons
    assert "evaluation evidence" in reasons
    assert "is void" in reasons
    assert run("release", campaign).code == 1
    charter.write_text(charter.read_text().replace('"yes": 5', '"yes": 54'))
    assert run("gate", campaign).code == 0, "as it was signed, it stands"


def test_a_waiver_lets_a_failed_check_pass_and_is_told(run: Run, campaign: Path) -> None:
    charter = campaign / "charter.yaml"
    text = charter.read_text().replace("at_least: 0.55", "at_least: 0.99")
    charter.write_text(text)
    assert run("build", campaign, "--trials", 1).code == 0
    _sign(run, campaign)
    closed = run("gate", campaign)
    assert "The evaluation check roc_auc failed" in closed.out
    given = ("--check", "roc_auc", "--as", "Rui Matos", "--role", "risk_officer")
    told = run("waive", campaign, *given, "--reason", "a trial", "--days", 3)
    assert "waived evaluation: roc_auc" in told.out
    opened = run("gate", campaign)
    assert opened.code == 0, opened.out
    assert "Waived by Rui Matos as risk_officer" in opened.out
    other = ("--check", "roc_auc", "--as", "Ana Costa", "--role", "product_manager")
    refused = run("waive", campaign, *other, "--reason", "please")
    assert (refused.code, "may not waive" in refused.paragraph) == (1, True)


def test_solo_in_the_low_tier_signs_alone_and_every_page_says_so(run: Run, campaign: Path) -> None:
    charter = campaign / "charter.yaml"
    text = charter.read_text().replace("tier: medium", "tier: low")
    people = text[text.index("people:") : text.index("data:")]
    charter.write_text(text.replace(people, "people: solo\n"))
    assert run("build", campaign, "--trials", 1).code == 0
    for role in Workspace(campaign).charter.risk.signers:
        assert run("sign", campaign, "--as", "Only Me", "--role", role.value).code == 0
    assert run("release", campaign).code == 0
    assert "one person holds every role" in run("status", campaign).out
    assert run("status", campaign, "--json").document["solo"] is True
    assert run("report", campaign).code == 0
    assert "One person holds every role here" in (campaign / "report.html").read_text()


COMMANDS_AS_JSON: dict[str, tuple[str, ...]] = {
    "check": (),
    "gate": (),
    "sign": ("--as", "Ana Costa", "--role", "product_manager"),
    "waive": ("--check", "roc_auc", "--as", "Eva Lima", "--role", "risk_officer", "--reason", "r"),
    "release": (),
    "monitor": (),
    "alerts": (),
    "value": (),
    "status": (),
    "report": (),
    "replay": ("--first", "1800", "--labels", "all"),
    "build": ("--trials", "1"),
    "policy": (),
}


@pytest.mark.parametrize("command", COMMANDS_AS_JSON)
def test_json_is_one_document_on_stdout(run: Run, campaign: Path, command: str) -> None:
    answer = run(command, campaign, *COMMANDS_AS_JSON[command], "--json")
    assert answer.document
    if command in ("gate", "release"):
        assert answer.code == 1
    else:
        assert (answer.code, answer.err) == (0, "")
    if answer.code and "error" in answer.document:
        assert answer.document["exit_code"] == answer.code


def test_json_of_commands_that_take_more_than_a_folder(
    run: Run, campaign: Path, tmp_path: Path
) -> None:
    assert run("audit", "verify", campaign, "--json").document["intact"] is True
    assert run("schema", "charter", "--json").document["$schema"]
    assert run("schema").document["title"]
    table = campaign / "history.parquet"
    drafted = run("new", tmp_path / "n", "--from-data", table, "--outcome", "deposit", "--json")
    assert Path(drafted.document["charter"]).is_file()
    outcomes = tmp_path / "o.csv"
    pl.DataFrame({"id": ["x"], "outcome": ["yes"]}).write_csv(outcomes)
    taken = {"rows": 1, "new": True, "strangers": 1}
    assert run("outcomes", outcomes, campaign, "--json").document == taken
    assert run("outcomes", outcomes, campaign, "--json").document == {**taken, "new": False}
    assert (
        "1 of them have an id that nothing was served under"
        in run("outcomes", outcomes, campaign).out
    )


def test_json_on_errors_of_every_kind(run: Run, campaign: Path, tmp_path: Path) -> None:
    no = run("release", campaign, "--json")
    wrong = run("check", tmp_path / "nowhere", "--json")
    usage = run("sign", campaign, "--json")
    unknown = run("biuld", "--json")
    for answer, code in ((no, 1), (wrong, 2), (usage, 2), (unknown, 2)):
        assert answer.code == code
        assert answer.document["exit_code"] == code
        assert answer.document["error"] in answer.err
        assert answer.paragraph
    assert "did you mean `build`?" in unknown.paragraph
    assert "--as" in usage.paragraph


def test_a_fault_of_our_own_is_told_without_a_traceback_unless_asked_for(
    run: Run, campaign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr(Workspace, "status", broken)
    answer = run("status", campaign)
    assert answer.code == 3
    assert "RuntimeError: out of order" in answer.paragraph
    shown = run("status", campaign, "--debug")
    assert shown.code == 3
    assert "Traceback" in shown.err


def test_a_broken_world_is_exit_code_3(run: Run, campaign: Path) -> None:
    for left in (campaign / ".assay").glob("ledger.sqlite*"):
        left.unlink()
    (campaign / ".assay" / "ledger.sqlite").write_bytes(b"not a database, for sure" * 400)
    answer = run("status", campaign)
    assert answer.code == 3
    assert "is damaged or no SQLite file" in answer.paragraph


def test_stopped_by_hand(run: Run, campaign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Workspace, "status", stopped)
    answer = run("status", campaign)
    assert (answer.code, answer.paragraph) == (130, "stopped by hand")


def test_audit_names_the_entry_that_was_changed(run: Run, campaign: Path) -> None:
    _sign(run, campaign)
    assert "holds together" in run("audit", "verify", campaign).out
    seq, _, content = next(one for one in _entries(campaign) if one[1] == "signed")
    changed = content.replace(b"Ana Costa", b"Eve Costa")
    _tamper(campaign, "UPDATE ledger SET bytes = ? WHERE seq = ?", changed, seq)
    answer = run("audit", "verify", campaign)
    assert answer.code == 1
    assert f"ntry {seq}" in answer.paragraph
    assert run("audit", "verify", campaign, "--json").document["exit_code"] == 1
    assert run("report", campaign).code == 0
    page = (campaign / "report.html").read_text()
    assert "ledger broken" in page
    assert f"ntry {seq}" in page


def test_audit_finds_the_last_entry_missing(run: Run, campaign: Path) -> None:
    _tamper(campaign, "DELETE FROM ledger WHERE seq = (SELECT max(seq) FROM ledger)")
    answer = run("audit", "verify", campaign)
    assert answer.code == 1
    assert "last" in answer.paragraph


def test_up_has_nothing_to_serve_before_a_release(run: Run, campaign: Path) -> None:
    answer = run("up", campaign, "--port", 0, "--json")
    assert answer.code == 1
    assert "`assay release`" in answer.document["error"]


def test_a_real_process_keeps_stdout_for_json_and_leaves_with_the_code(campaign: Path) -> None:
    def real(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "assay", *arguments, str(campaign), "--json"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = real("gate")
    assert done.returncode == 1
    assert json.loads(done.stdout)["open"] is False
    refused = real("release")
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["exit_code"] == 1
    assert "Traceback" not in refused.stderr


def test_progress_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with output.bar("building", quiet=False) as progress:
        progress(0.5, "half")
    assert capsys.readouterr().out == ""


def test_json_knows_no_infinity(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"payback": float("inf"), "rows": [{"mean": float("nan")}], "n": 3}
    output.show(document, lambda: None, json=True)
    expected = {"payback": None, "rows": [{"mean": None}], "n": 3}
    assert json.loads(capsys.readouterr().out) == expected


def test_demo_touches_no_folder_that_is_not_its_own(run: Run, tmp_path: Path) -> None:
    mine = tmp_path / "thesis.txt"
    mine.write_text("mine")
    answer = run("demo", tmp_path)
    assert answer.code == 2
    assert "is no earlier demo" in answer.paragraph
    assert mine.read_text() == "mine"


def test_every_command_is_tried_here_or_in_the_readme() -> None:
    tried = {
        *COMMANDS_AS_JSON,
        "audit",
        "schema",
        "new",
        "outcomes",
        "triage",
        "up",
        "server",
        "keys",
        "demo",
    }
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    for name in set(COMMANDS) - tried:
        assert f"assay {name}" in readme


def test_a_damaged_blob_is_not_served_as_evidence(run: Run, campaign: Path) -> None:
    shutil.rmtree(campaign / ".assay" / "blobs")
    answer = run("gate", campaign)
    assert answer.code == 1
    assert "cannot be read: find its blob again" in answer.out


def _entries(folder: Path) -> list[tuple[int, str, bytes]]:
    return [(one.seq, one.type, one.content) for one in Workspace(folder).ports.ledger.events()]


def _tamper(folder: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(folder / ".assay" / "ledger.sqlite")) as database:
        database.execute(statement, values)
        database.commit()
