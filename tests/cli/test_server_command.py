"""`assay server` on the command line: tokens, and where it will not start."""

from __future__ import annotations

import json
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from assay.server.root import main
from assay.workspace import Workspace

Run = Callable[..., Any]


@pytest.fixture
def signals() -> Iterator[None]:
    """Put back what a server does about signals and logs."""
    before, limits = signal.getsignal(signal.SIGTERM), resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    signal.signal(signal.SIGTERM, before)
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    structlog.reset_defaults()


def test_a_token_is_made_listed_and_revoked(run: Run, campaign: Path) -> None:
    made = run(
        *("server", "token", "add", "ops", campaign),
        *("--scope", "sign", "--scope", "read", "--person", "Ana Costa", "--json"),
    )
    document = json.loads(made.out)
    assert (document["scopes"], document["person"]) == (["read", "sign"], "Ana Costa")
    assert document["secret"].startswith("assay_")
    listed = run("server", "token", "list", campaign, "--json")
    assert [one["name"] for one in json.loads(listed.out)["tokens"]] == ["ops"]
    assert document["secret"] not in listed.out
    twice = run("server", "token", "add", "ops", campaign, "--scope", "read")
    assert twice.code == 2
    assert "named 'ops' already" in twice.paragraph
    assert run("server", "token", "revoke", "ops", campaign).code == 0
    assert run("server", "token", "revoke", "ops", campaign).code == 2


def test_a_token_is_told_to_people_once(run: Run, campaign: Path) -> None:
    made = run("server", "token", "add", "gw", campaign, "--scope", "agent")
    assert "shown once" in made.out
    assert "It opens agent." in made.out
    assert "gw" in run("server", "token", "list", campaign).out


def test_a_token_that_cannot_sign_says_so(run: Run, campaign: Path) -> None:
    add = ("server", "token", "add")
    nobody = run(*add, "robot", campaign, "--scope", "sign")
    assert nobody.code == 2
    assert "only a person signs" in nobody.paragraph
    made = run(*add, "eve", campaign, "--scope", "sign", "--person", "Eve Nobody")
    told = " ".join(made.out.split())
    assert made.code == 0
    assert "does not name Eve Nobody, so that this token signs nothing there" in told
    assert "It names Ana Costa" in told
    assert (
        run(*add, "ana", campaign, "--scope", "sign", "--person", "ANA  costa").out.count("\n") < 5
    )
    again = run(*add, "e", campaign, "--scope", "sign", "--person", "Eve", "--json")
    assert "does not name Eve" in json.loads(again.out)["warning"]


def test_a_scope_that_is_not_known_is_named(run: Run, campaign: Path) -> None:
    answer = run("server", "token", "add", "x", campaign, "--scope", "raed")
    assert answer.code == 2
    assert "did you mean `read`?" in answer.paragraph


def test_the_command_becomes_the_server(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "assay", "server", str(tmp_path), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("assay: ")
    assert "charter.yaml" in done.stderr


def test_a_port_that_is_taken_is_named(
    campaign: Path, capsys: pytest.CaptureFixture[str], signals: None
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main([str(campaign), "--port", str(taken.getsockname()[1])]) == 3
    assert "cannot listen" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "code", "said"),
    [
        ("mysql://here/db", 2, "begins with `postgresql://`"),
        ("postgresql://nobody@127.0.0.1:1/none", 3, "does not answer"),
        ("postgresql://nobody:secret@127.0.0.1:1/none", 2, "PGPASSWORD"),
        ("nothing", 2, "no address of a database"),
    ],
)
def test_a_database_that_is_none_is_named(
    campaign: Path,
    capsys: pytest.CaptureFixture[str],
    signals: None,
    address: str,
    code: int,
    said: str,
) -> None:
    assert main([str(campaign), "--port", "0", "--database", address]) == code
    told = capsys.readouterr().err
    assert said in told
    assert "secret" not in told
    assert Workspace(campaign).ports.ledger.verify() > 0
    assert not (campaign / ".assay" / "ledger.url").exists()
