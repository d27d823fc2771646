"""What a gateway elsewhere was told goes home: a faulty outcome costs no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from assay.adapters.log_outcome_inbox import LogOutcomeInbox
from assay.errors import ServiceError
from assay.gateway.sending import send_home
from assay.ports.outcome_inbox import Happened


class _Plane:
    """A server that refuses a request with an amount beyond 100, or with two words on one id."""

    def __init__(self) -> None:
        self.taken: dict[str, Happened] = {}
        self.asked = 0
        self.refuses_all = self.away = False

    def watch(self, told: Mapping[str, str]) -> bytes:
        raise ServiceError(str(told))

    def blob(self, digest: str) -> bytes:
        raise ServiceError(digest)

    def take_captures(self, model: str, environment: str, name: str, raw: bytes) -> str:
        raise ServiceError(name)

    def take_outcomes(self, model: str, outcomes: Sequence[tuple[str, Happened]]) -> str:
        self.asked += 1
        if self.away:
            raise ServiceError("away")
        beyond = any(float(one) > 100 for _, one in outcomes)
        if self.refuses_all or beyond or len(dict(outcomes)) < len(outcomes):
            return "422: no"
        self.taken.update(outcomes)
        return ""


def _inbox(folder: Path, *told: tuple[str, Happened]) -> Path:
    inbox = LogOutcomeInbox(folder / "bank" / "outcomes" / "inbox")
    inbox.append("bank", told).result()
    inbox.close()
    return folder / "bank"


def _left(model: Path) -> list[Path]:
    return list((model / "outcomes" / "inbox").glob("*.log"))


def test_faulty_outcomes_are_left_out_alone(tmp_path: Path) -> None:
    plane = _Plane()
    told = [(f"a/{n}", 1000.0 if n in (7, 300, 301) else float(n % 50)) for n in range(500)]
    model = _inbox(tmp_path, *told)
    send_home(plane, model, "production", {})
    assert len(plane.taken) == 497
    assert {"a/7", "a/300", "a/301"}.isdisjoint(plane.taken)
    assert plane.asked < 60
    assert _left(model) == []


def test_a_corrected_outcome_is_sent_as_it_was_told_last(tmp_path: Path) -> None:
    plane = _Plane()
    model = _inbox(tmp_path, ("a/0", 1.0), ("a/1", 2.0), ("a/0", 3.0))
    send_home(plane, model, "production", {})
    assert plane.taken == {"a/0": 3.0, "a/1": 2.0}
    assert plane.asked == 1


def test_a_server_that_refuses_whatever_comes_is_not_asked_for_ever(tmp_path: Path) -> None:
    plane = _Plane()
    plane.refuses_all = True
    model = _inbox(tmp_path, *((f"a/{n}", 1.0) for n in range(5000)))
    send_home(plane, model, "production", {})
    assert plane.asked <= 220
    assert _left(model) == []


def test_where_the_server_is_away_everything_stays(tmp_path: Path) -> None:
    plane = _Plane()
    plane.away = True
    model, position = _inbox(tmp_path, ("a/0", 1.0)), dict[str, int]()
    with pytest.raises(ServiceError):
        send_home(plane, model, "production", position)
    assert (position, len(_left(model))) == ({}, 1)
    plane.away = False
    send_home(plane, model, "production", position)
    assert plane.taken == {"a/0": 1.0}
