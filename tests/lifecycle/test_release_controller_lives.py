"""Releases lived through by controllers that are killed, raced and told anything at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.lifecycle.release_world import REGIONS, Killed, World, make_charter

from assay.deploy.desired import Desired, desired_state
from assay.deploy.freeze import frozen
from assay.deploy.release import before
from assay.deploy.release_step import Ruling
from assay.errors import CheckFailed
from assay.evidence.states import Live, ReleaseState, ReleaseStep

STRATEGIES = ("immediate", "blue_green", "shadow", "canary", "staged")
WEEKEND = [{"weekdays": ["sat", "sun"], "why": "nobody is there"}]
CHARTERS = {
    (strategy, soak, price): make_charter(
        strategy, soak=f"{soak} hours", freeze=WEEKEND, price=price
    )
    for strategy in STRATEGIES
    for soak in (0, 6)
    for price in (9, 8)
}
RULINGS = (
    None,
    Ruling("hold", "not yet"),
    Ruling("hold", "the split is broken", sound=False),
    Ruling("promote", "better"),
    Ruling("roll_back", "worse"),
)
POINTS = ("before append", "after append", "before publish", "after publish")
TROUBLES = ("", *POINTS, "raced while it decides", "raced while it acts")
FORWARD = {"started", "stepped", "promoted"}
FLEET: tuple[dict[str, str], ...] = (
    {},
    {"region": "north"},
    {"region": "south"},
    {"region": "west"},
)


class Lives(RuleBasedStateMachine):
    """A ledger beside what must have come of it: who was champion, and which step comes next."""

    @initialize()
    def begin(self) -> None:
        self.soak = 0
        self.world = World(CHARTERS["immediate", 0, 9])
        self.told = True
        self.seen = 0
        self.line: list[int] = []

    @property
    def state(self) -> ReleaseState:
        return self.world.state

    def _news(self) -> tuple[ReleaseStep, ...]:
        fresh = self.state.history[self.seen :]
        self.seen += len(fresh)
        for step in fresh:
            at_once = step.what == "started" and step.strategy == "immediate"
            if at_once or step.what == "promoted":
                self.line.append(step.version)
        return fresh

    @property
    def _closed(self) -> bool:
        return self.world.charter.value == CHARTERS["immediate", 0, 8].value

    def _charter(self, strategy: str, price: int) -> None:
        self.world.charter = CHARTERS[strategy, self.soak, price]

    @precondition(lambda self: not self.state.running)
    @rule(strategy=st.sampled_from(STRATEGIES), soak=st.sampled_from((0, 6)), thaw=st.booleans())
    def start(self, strategy: str, soak: int, thaw: bool) -> None:
        self.soak = soak
        self._charter(strategy, 9)
        freeze = frozen(self.world.charter, self.world.now)
        if freeze is not None and freeze.until is not None and thaw:
            self.world.now = freeze.until.astimezone(UTC)
        version = self.world.register()
        self.world.sign(version)
        was = self.state
        if frozen(self.world.charter, self.world.now):
            _refused(lambda: self.world.release(version))
            assert self.state == was
            return
        state = self.world.release(version)
        live = Live(version, f"{version:064d}")
        if strategy == "immediate":
            assert (state.champion, state.challenger) == (live, None)
        else:
            assert (state.champion, state.challenger) == (was.champion, live)
        self.told = True
        self._news()

    @precondition(lambda self: self.state.running or not self.told)
    @rule(
        ruling=st.sampled_from(RULINGS),
        other=st.sampled_from(RULINGS),
        trouble=st.sampled_from(TROUBLES),
        hours=st.sampled_from((7, 0)),
        loaded=st.booleans(),
    )
    def look(
        self, ruling: Ruling | None, other: Ruling | None, trouble: str, hours: int, loaded: bool
    ) -> None:
        """A controller looks, is killed while it acts, or another acts while it looks."""
        self.world.wait(hours)
        was, self.told = self.state, True
        said = [ruling]
        if trouble in POINTS:
            self._killed(ruling, trouble, loaded=loaded)
        elif trouble:
            said.append(other)
            self._raced(ruling, other, early=trouble == "raced while it decides", loaded=loaded)
        else:
            step = self.world.reconcile(ruling, loaded=loaded).step
            assert (step is not None and step.do != "hold") == (self.state != was)
            watched = was.running and was.strategy in {"canary", "shadow", "staged"}
            if watched and ruling is not None and ruling.verdict == "roll_back":
                assert not self.state.running, "evidence takes it back, whatever else holds"
        news = self._news()
        assert len(news) <= 1, "one state is moved once, whoever looks at it"
        self._allowed(was, news, said, loaded=loaded)

    def _killed(self, ruling: Ruling | None, point: str, *, loaded: bool) -> None:
        self.world.kill.at = point
        try:
            self.world.reconcile(ruling, loaded=loaded)
        except Killed:
            self.told = False
        self.world.kill.at = None

    def _raced(
        self, ruling: Ruling | None, other: Ruling | None, *, early: bool, loaded: bool
    ) -> None:
        def meanwhile() -> None:
            self.world.reconcile(other, loaded=loaded)

        if early:
            self.world.reconcile(ruling, loaded=loaded, meanwhile=meanwhile)
            return
        self.world.kill.meanwhile = meanwhile
        self.world.reconcile(ruling, loaded=loaded)
        self.world.kill.meanwhile = None

    @rule(
        what=st.sampled_from(("pause", "charter", "roll back", "fall back", "wait")),
        once=st.booleans(),
    )
    def interfere(self, what: str, once: bool) -> None:
        """Somebody pauses or resumes, changes the charter or puts it back, goes back, or waits."""
        if what == "pause" and self.state.running:
            self.world.act("resume" if self.state.paused else "pause")
            self.told = True
        elif what == "charter" and (self.state.running or self._closed):
            self._charter(self.world.charter.release.strategy, 9 if self._closed else 8)
        elif what == "roll back" and once:
            self._go_back()
        elif what == "fall back" and once:
            self._fall_back()
        elif what == "wait":
            self.world.wait(30)
        self._news()

    def _allowed(
        self,
        was: ReleaseState,
        news: tuple[ReleaseStep, ...],
        said: list[Ruling | None],
        *,
        loaded: bool,
    ) -> None:
        """What went forward was free to go from where the release stood."""
        if not any(step.what in FORWARD for step in news):
            return
        assert was.running
        assert not was.paused
        assert not self._closed
        assert frozen(self.world.charter, self.world.now) is None
        assert was.began is not None
        assert self.world.now - was.began >= timedelta(hours=self.soak)
        if was.strategy == "blue_green":
            assert loaded
        elif news[0].what == "promoted":
            assert "promote" in [one.verdict for one in said if one is not None]

    def _go_back(self) -> None:
        was = self.state
        back = was.champion if was.running else before(was)
        if was.fallen is None and not was.running:
            champions = [None, None, *self.line]
            assert (back and back.version) == champions[-2], "back to the champion before"
        if back is not None and not was.running and was.fallen is None:
            self.line.pop()
        if back is None and not was.running:
            _refused(lambda: self.world.act("roll_back"))
            return
        state = self.world.act("roll_back")
        self.told = True
        assert (state.champion, state.challenger, state.paused) == (back, None, False)

    def _fall_back(self) -> None:
        was = self.state
        if was.champion is None and not was.running and was.fallen is None:
            _refused(self.world.fall_back)
            return
        state = self.world.fall_back()
        self.told = True
        assert (state.champion, state.challenger) == (None, None)
        arms = desired_state(self.world.charter, state, state.revision).arms
        assert [(arm.name, arm.baseline, arm.weight) for arm in arms] == [
            ("baseline", "everybody", 1.0)
        ]

    @invariant()
    def no_step_is_lost_or_doubled(self) -> None:
        """Each release goes through its shares and stages in order, each once."""
        weights: list[float] = []
        stages = 0
        for step in self.state.history:
            if step.what == "started":
                weights, stages = [step.weight], step.stage
                assert step.weight == (0.1 if step.strategy == "canary" else 0.0)
                assert stages == (step.strategy == "staged")
            elif step.what == "stepped":
                weights.append(step.weight)
                assert step.stage == stages + (step.strategy == "staged")
                stages = step.stage
            if step.strategy == "canary" and step.what in {"started", "stepped"}:
                assert weights == [0.1, 0.3, 0.6][: len(weights)]
        state = self.state
        assert list(state.stages) == list(REGIONS[: len(state.stages)])
        assert [step.revision for step in state.history] == list(
            range(1, len(state.history) + 1)
        ), "every entry is a step, and none is written twice"

    @invariant()
    def gateways_are_told_one_champion_and_whole_shares(self) -> None:
        state, charter = self.state, self.world.charter
        for labels in FLEET:
            desired = desired_state(charter, state, state.revision, labels)
            assert Desired.read(desired.encode()) == desired
            names = [arm.name for arm in desired.arms]
            assert names.count("champion") <= 1
            assert not ({"champion", "baseline"} <= set(names))
            assert not desired.arms or sum(arm.weight for arm in desired.arms) == 1.0
            assert all(arm.weight > 0 for arm in desired.arms)
            reached = any(labels == stage for stage in state.stages)
            if state.challenger is not None and reached:
                assert [arm.version for arm in desired.arms] == [state.challenger.version]
            elif state.champion is not None:
                assert desired.arms[0].version == state.champion.version
            if state.challenger is not None:
                assert state.challenger.bundle in desired.bundles, "what is tried is loaded"
            if not state.running and state.champion and state.previous:
                assert state.previous.bundle in desired.bundles, "the way back waits for nothing"

    @invariant()
    def what_was_told_is_what_the_ledger_says(self) -> None:
        if not self.told or not self.state.history:
            return
        raw = self.world.ports.desired.read()
        assert raw is not None
        told, state = Desired.read(raw), self.state
        assert told.revision == state.revision
        assert told.arms == desired_state(self.world.charter, state, state.revision).arms


def _refused(act: Callable[[], object]) -> None:
    try:
        act()
    except CheckFailed:
        return
    raise AssertionError("it should have been refused")


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
