"""Releases in any order that is allowed: what gateways are told always holds together."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from assay.adapters.memory_ledger import MemoryLedger
from assay.charter.charter import Charter
from assay.deploy.desired import Desired, desired_state
from assay.deploy.release import Entry, promote, roll_back, start_release, step
from assay.deploy.router import to_challenger
from assay.errors import CheckFailed
from assay.evidence.candidate import Candidate
from assay.evidence.folds import ReleaseState, releases
from assay.evidence.gate import Verdict

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
CLIENTS = [f"client-{n}" for n in range(40)]


def _charter(strategy: str) -> Charter:
    return Charter.model_validate(
        {
            "name": "bank",
            "title": "Whom to call",
            "problem": {"business": "b", "analytical": "a", "hypothesis": "h"},
            "strategy": {"objective": "o", "kpi": "k"},
            "people": "solo",
            "data": {"source": "bank.csv", "outcome": "y", "positive": "yes"},
            "value": {
                "currency": "EUR",
                "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
                "baselines": {"nobody": "skip"},
                "baseline": "nobody",
                "decisions_per_month": 1000,
            },
            "risk": {"tier": "low"},
            "release": {"strategy": strategy, "steps": [0.1, 0.5]},
        }
    )


CHARTERS = {strategy: _charter(strategy) for strategy in ("immediate", "canary")}


class Releases(RuleBasedStateMachine):
    """The ledger of one release beside a model of it: who is champion, who is tried."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = MemoryLedger()
        self.champions: list[int] = []
        self.challenger: int | None = None
        self.newest = 0
        self.strategy = "immediate"
        self.on_challenger: set[str] = set()

    @property
    def state(self) -> ReleaseState:
        return releases(self.ledger.events()).get("bank", ReleaseState("bank"))

    @property
    def desired(self) -> Desired:
        return desired_state(CHARTERS[self.strategy], self.state, self.state.revision)

    def _judged(self, version: int) -> tuple[Candidate, Verdict]:
        sections = CHARTERS[self.strategy].digests()
        candidate = Candidate("bank", version, f"{version:064d}", (), sections)
        return candidate, Verdict(candidate.subject, candidate.digest)

    def _take(self, entry: Entry) -> None:
        self.ledger.append(entry.subject, entry.type, entry.content, entry.expected)

    @precondition(lambda self: self.challenger is None)
    @rule(strategy=st.sampled_from(sorted(CHARTERS)))
    def start(self, strategy: str) -> None:
        self.strategy, self.newest = strategy, self.newest + 1
        judged, salt = self._judged(self.newest), f"salt-{self.newest}"
        self._take(start_release(CHARTERS[strategy], *judged, self.state, salt=salt, at=NOW))
        self.on_challenger = set()
        if strategy == "canary":
            self.challenger = self.newest
        else:
            self.champions.append(self.newest)

    @precondition(lambda self: self.challenger is not None)
    @rule(by_step=st.booleans())
    def go_on(self, by_step: bool) -> None:
        assert self.challenger is not None
        forward = step if by_step else promote
        last = self.state.weight == 0.5
        judged = self._judged(self.challenger)
        self._take(forward(CHARTERS[self.strategy], *judged, self.state, reason="good", at=NOW))
        if last or not by_step:
            self.champions.append(self.challenger)
            self.challenger = None

    @rule()
    def go_back(self) -> None:
        if self.challenger is None and len(self.champions) < 2:
            try:
                roll_back(self.state, reason="bad", at=NOW)
            except CheckFailed:
                return
            raise AssertionError("there was nothing to go back to")
        self._take(roll_back(self.state, reason="bad", at=NOW))
        if self.challenger is not None:
            self.challenger = None
        else:
            self.champions.pop()

    @invariant()
    def gateways_are_told_what_the_ledger_says(self) -> None:
        desired = self.desired
        assert Desired.read(desired.encode()) == desired
        told = [(arm.name, arm.version) for arm in desired.arms]
        champion = self.champions[-1] if self.champions else None
        if self.challenger is None:
            assert told == ([] if champion is None else [("champion", champion)])
        elif champion is None:
            assert told == [("baseline", self.challenger), ("challenger", self.challenger)]
        else:
            assert told == [("champion", champion), ("challenger", self.challenger)]

    @invariant()
    def nobody_leaves_the_challenger_while_it_is_tried(self) -> None:
        if self.challenger is None:
            return
        desired = self.desired
        share = desired.arms[-1].weight
        now = {client for client in CLIENTS if to_challenger(desired.salt, client, share)}
        assert self.on_challenger <= now
        self.on_challenger = now


TestReleases = Releases.TestCase
TestReleases.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
