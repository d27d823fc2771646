from __future__ import annotations

from typing import Any

from assay.adapters.memory_ledger import MemoryLedger
from assay.charter.people import Role
from assay.evidence.digest import canonical_bytes
from assay.evidence.event import GENESIS, Event, chained
from assay.evidence.folds import Live, alerts, charters, models, releases


class Story:
    """Writes entries one minute after the other."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()

    def say(self, subject: str, type_: str, **content: Any) -> Story:
        at = f"2026-01-02T00:{self.ledger.head.seq:02d}:00+00:00"
        self.ledger.append(subject, type_, canonical_bytes({"at": at, **content}), None)
        return self

    @property
    def events(self) -> list[Event]:
        return list(self.ledger.events())


def test_an_empty_ledger_folds_to_nothing() -> None:
    assert (charters([]), models([]), releases([]), alerts([])) == ({}, {}, {}, ())


def test_charters_tell_what_changed() -> None:
    story = Story()
    for digest, value in (("c1", "v1"), ("c2", "v2")):
        story.say(
            "charter:bank",
            "charter.submitted",
            digest=digest,
            sections={"value": value, "data": "d"},
            by="Ana",
        )
    state = charters(story.events)["bank"]
    assert [one.number for one in state.versions] == [1, 2]
    assert [one.changed for one in state.versions] == [("data", "value"), ("value",)]
    assert (state.current.digest, state.current.by, state.revision) == ("c2", "Ana", 2)


def registered(story: Story, version: int, bundle: str = "b1") -> Story:
    return story.say(
        f"model:bank/{version}",
        "model.registered",
        bundle=bundle,
        charter="c1",
        sections={"value": "v"},
        origin={"seed": 7},
    )


def test_a_model_version_gathers_what_was_said_about_it() -> None:
    subject = "model:bank/1"
    story = registered(Story(), 1)
    story.say(subject, "evidence.recorded", evidence="e1", kind="quality", passed=True)
    digest = models(story.events)["bank"].versions[1].candidate.digest
    story.say(subject, "signed", subject_digest=digest, person="Ana", role="sponsor", note="ok")
    story.say(
        subject,
        "waived",
        subject_digest=digest,
        check="roc_auc",
        person="Rui",
        role="risk_officer",
        reason="known",
        expires="2026-02-01T00:00:00+00:00",
    )
    story.say(subject, "gate.decided", subject_digest=digest, open=False, reasons=["no"])
    story.say(subject, "permission.granted", what="pickle", why="old", by="Dee")
    state = models(story.events)["bank"].versions[1]
    assert (state.bundle, state.charter, state.revision) == ("b1", "c1", 6)
    assert [(one.digest, one.kind, one.passed) for one in state.evidence] == [
        ("e1", "quality", True)
    ]
    assert state.sign_offs[0].role is Role.SPONSOR
    assert state.sign_offs[0].subject_digest == state.candidate.digest
    assert state.waivers[0].check == "roc_auc"
    assert state.gates[0].reasons == ("no",)
    assert state.permissions[0].what == "pickle"


def test_versions_are_numbered_beyond_whatever_was_used() -> None:
    story = registered(registered(Story(), 1), 2)
    story.say("model:bank/3", "permission.granted", what="pickle", why="old", by="Dee")
    state = models(story.events)["bank"]
    assert [one.version for one in state.registered] == [1, 2]
    assert state.newest is not None
    assert (state.newest.version, state.next_version) == (2, 4)
    assert "bike" not in models(story.events)


def test_registering_again_gives_another_digest() -> None:
    story = registered(Story(), 1)
    before = models(story.events)["bank"].versions[1].candidate.digest
    registered(story, 1, bundle="b2")
    assert models(story.events)["bank"].versions[1].candidate.digest != before


def started(story: Story, version: int, strategy: str, weight: float = 0.1) -> Story:
    return story.say(
        "release:bank",
        "release.started",
        version=version,
        bundle=f"b{version}",
        strategy=strategy,
        weight=weight,
        salt=f"s{version}",
        replaces=version - 1 or None,
    )


def test_a_canary_is_stepped_and_promoted() -> None:
    story = started(Story(), 1, "immediate", 1.0)
    state = releases(story.events)["bank"]
    assert (state.champion, state.challenger, state.weight) == (Live(1, "b1"), None, 0.0)
    started(story, 2, "canary")
    state = releases(story.events)["bank"]
    assert (state.champion, state.challenger) == (Live(1, "b1"), Live(2, "b2"))
    assert (state.weight, state.salt, state.running) == (0.1, "s2", True)
    story.say("release:bank", "release.stepped", version=2, weight=0.5, reason="holds")
    assert releases(story.events)["bank"].weight == 0.5
    story.say("release:bank", "release.promoted", version=2, bundle="b2", reason="better")
    state = releases(story.events)["bank"]
    assert (state.champion, state.challenger, state.weight) == (Live(2, "b2"), None, 0.0)
    assert [(one.what, one.version, one.weight) for one in state.history] == [
        ("started", 1, 0.0),
        ("started", 2, 0.1),
        ("stepped", 2, 0.5),
        ("promoted", 2, 0.0),
    ]
    assert state.revision == 4


def test_rolling_back_a_challenger_keeps_the_champion() -> None:
    story = started(started(Story(), 1, "immediate"), 2, "canary")
    story.say("release:bank", "release.rolled_back", version=2, to=1, reason="worse")
    state = releases(story.events)["bank"]
    assert (state.champion, state.challenger, state.weight) == (Live(1, "b1"), None, 0.0)


def test_a_first_canary_has_the_baseline_beside_it_until_it_is_promoted_or_rolled_back() -> None:
    state = releases(started(Story(), 1, "canary").events)["bank"]
    assert (state.champion, state.challenger, state.weight) == (None, Live(1, "b1"), 0.1)
    assert (state.against, state.running) == ("baseline", True)
    story = started(Story(), 1, "canary")
    story.say("release:bank", "release.rolled_back", version=1, to=None, reason="worse")
    state = releases(story.events)["bank"]
    assert (state.champion, state.challenger, state.weight) == (None, None, 0.0)
    story = started(Story(), 1, "canary")
    story.say("release:bank", "release.promoted", version=1, bundle="b1", reason="better")
    state = releases(story.events)["bank"]
    assert (state.champion, state.challenger, state.against) == (Live(1, "b1"), None, "champion")


def test_rolling_back_the_champion_brings_the_one_before_back() -> None:
    story = started(started(Story(), 1, "immediate"), 2, "immediate")
    story.say("release:bank", "release.rolled_back", version=2, to=1, reason="worse")
    assert releases(story.events)["bank"].champion == Live(1, "b1")
    story.say("release:bank", "release.rolled_back", version=1, to=None, reason="worse still")
    assert releases(story.events)["bank"].champion is None


def alert(story: Story, window: int, id_: str = "a1", measured: float = 1.0) -> Story:
    return story.say(
        "alert:bank",
        "alert.raised",
        id=id_,
        kind="value",
        metric="uplift",
        window=window,
        measured=measured,
        limit="at least 2",
        text=f"window {window}",
        value_per_day=-5,
    )


def test_an_alert_opens_repeats_closes_and_opens_anew() -> None:
    story = alert(alert(alert(Story(), 1), 1, "a2"), 2, measured=0.5)
    one, two = alerts(story.events)
    assert (one.id, one.windows, one.open, one.text) == ("a1", (1, 2), True, "window 2")
    assert (one.data["measured"], two.windows) == (0.5, (1,))
    story.say("alert:bank", "alert.closed", id="a1", reason="retrained")
    alert(story, 5)
    states = alerts(story.events)
    assert [(one.id, one.open) for one in states] == [("a1", False), ("a2", True), ("a1", True)]
    assert states[0].closed_because == "retrained"
    assert states[0].closed_at is not None


def test_closing_an_unknown_alert_does_nothing() -> None:
    story = Story().say("alert:bank", "alert.closed", id="a9", reason="?")
    assert alerts(story.events) == ()


def test_entries_of_a_type_from_the_future_are_passed_over() -> None:
    story = started(registered(Story(), 1), 1, "immediate")
    before = models(story.events), releases(story.events)
    last = story.events[-1]
    later = [
        chained(3, "model:bank/1", 2, "model.praised", b"{}", last.digest),
        chained(4, "release:bank", 2, "release.praised", b"{}", GENESIS),
        chained(5, "song:bank", 1, "song.sung", b"{}", GENESIS),
    ]
    after = models([*story.events, *later]), releases([*story.events, *later])
    assert after[0]["bank"].versions[1].bundle == before[0]["bank"].versions[1].bundle
    assert after[1]["bank"].champion == before[1]["bank"].champion
    assert after[1]["bank"].revision == 2
