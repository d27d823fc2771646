"""`assay keys`: made once, kept hashed, revoked."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def test_a_key_is_shown_once_and_kept_by_its_digest(run: Run, campaign: Path) -> None:
    made = run("keys", "add", campaign, "--scope", "infer", "--note", "shop", "--json").document
    path = campaign / ".assay" / "keys.json"
    kept = path.read_text()
    assert made["key"].startswith(f"assay_{made['id']}_")
    assert made["key"].split("_", 2)[2] not in kept
    assert hashlib.sha256(made["key"].encode()).hexdigest() in kept
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    listed = run("keys", "list", campaign, "--json").document["keys"]
    assert [(one["id"], one["scopes"], one["models"], one["note"]) for one in listed] == [
        (made["id"], ["infer"], ["*"], "shop")
    ]
    assert "shop" in run("keys", "list", campaign).out
    assert run("keys", "revoke", made["id"], campaign).code == 0
    assert run("keys", "list", campaign, "--json").document["keys"] == []
    assert "No key holds." in run("keys", "list", campaign).out
    again = run("keys", "revoke", made["id"], campaign)
    assert again.code == 2
    assert "no key" in again.paragraph


@pytest.mark.parametrize("scope", ["everything", ""])
def test_a_scope_that_is_not_there_is_named(run: Run, campaign: Path, scope: str) -> None:
    answer = run("keys", "add", campaign, "--scope", scope)
    assert answer.code == 2
    assert "infer, outcomes, metrics, admin" in answer.paragraph
    assert not (campaign / ".assay" / "keys.json").exists()


def test_the_key_is_told_to_people_too(run: Run, campaign: Path) -> None:
    said = run("keys", "add", campaign, "--scope", "metrics", "--model", "campaign").out
    assert said.startswith("assay_")
    assert "shown once" in said


def test_revoking_the_last_key_says_that_nobody_is_let_in(run: Run, campaign: Path) -> None:
    first, last = (run("keys", "add", campaign, "--json").document["id"] for _ in range(2))
    assert "last one" not in run("keys", "revoke", first, campaign).out
    said = " ".join(run("keys", "revoke", last, campaign).out.split())
    assert "the last one: nobody is let in until you add one" in said
    assert "keys.json" in said
