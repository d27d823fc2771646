from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.evidence.chain import EMPTY, Head, first_break, holds
from assay.evidence.event import GENESIS, Event, chained


def chain(count: int, subjects: int = 2) -> list[Event]:
    events: list[Event] = []
    revisions: dict[str, int] = {}
    previous = GENESIS
    for seq in range(1, count + 1):
        subject = f"model:bank/{seq % subjects + 1}"
        revisions[subject] = revisions.get(subject, 0) + 1
        content = b'{"n":%d}' % seq
        events.append(chained(seq, subject, revisions[subject], "signed", content, previous))
        previous = events[-1].digest
    return events


def head_of(events: list[Event]) -> Head:
    return Head(events[-1].seq, events[-1].digest) if events else EMPTY


def renumbered(events: list[Event]) -> list[Event]:
    return [replace(event, seq=seq) for seq, event in enumerate(events, start=1)]


def redigested(event: Event) -> Event:
    return chained(
        event.seq, event.subject, event.revision, event.type, event.content, event.previous
    )


@given(count=st.integers(0, 12), lag=st.integers(0, 12))
def test_an_intact_chain_holds_even_with_a_head_that_lags(count: int, lag: int) -> None:
    events = chain(count)
    kept = events[: max(0, count - lag)]
    assert first_break(events, head_of(kept)) is None


@given(
    count=st.integers(1, 10),
    at=st.integers(0, 9),
    where=st.integers(0, 200),
    flip=st.integers(1, 255),
)
def test_a_changed_byte_of_content_is_named(count: int, at: int, where: int, flip: int) -> None:
    events, at = chain(count), at % count
    content = bytearray(events[at].content)
    content[where % len(content)] ^= flip
    head = head_of(events)
    events[at] = replace(events[at], content=bytes(content))
    said = first_break(events, head)
    assert said is not None
    assert said.startswith(f"Entry {at + 1} was changed: its content")


@pytest.mark.parametrize("field", ["subject", "type", "previous", "digest"])
@given(count=st.integers(1, 8), at=st.integers(0, 7))
def test_a_changed_field_is_named(field: str, count: int, at: int) -> None:
    events, at = chain(count), at % count
    head = head_of(events)
    changed: Any = {"subject": "model:other/1", "type": "waived"}.get(field, "f" * 64)
    events[at] = replace(events[at], **{field: changed})
    said = first_break(events, head)
    assert said is not None
    assert said.startswith(f"Entry {at + 1} was changed")


@given(count=st.integers(1, 10), at=st.integers(0, 9), close_gap=st.booleans())
def test_a_removed_entry_is_named(count: int, at: int, close_gap: bool) -> None:
    events, at = chain(count), at % count
    head = head_of(events)
    del events[at]
    said = first_break(renumbered(events) if close_gap else events, head)
    assert said is not None
    assert said.startswith(f"Entry {at + 1} is gone")
    assert ("removed from the end" in said) == (at + 1 == count)


@given(count=st.integers(2, 10), pair=st.tuples(st.integers(0, 9), st.integers(0, 9)))
def test_two_swapped_entries_are_named(count: int, pair: tuple[int, int]) -> None:
    one, two = sorted(n % count for n in pair)
    if one == two:
        return
    events = chain(count)
    head = head_of(events)
    events[one], events[two] = events[two], events[one]
    said = first_break(events, head)
    assert said is not None
    assert said.startswith(f"Entry {one + 1} was swapped")
    said = first_break(renumbered(events), head)
    assert said is not None
    assert said.startswith(f"Entries {one + 1} and {two + 1} were swapped")


def test_a_moved_entry_is_named() -> None:
    events = chain(6)
    head = head_of(events)
    said = first_break(renumbered([events[0], *events[2:5], events[1], events[5]]), head)
    assert said == "Entry 2 was moved: it now stands at place 5, and entry 3 here."


def test_two_swapped_contents_are_named() -> None:
    events = chain(5)
    head = head_of(events)
    events[1], events[3] = (
        replace(events[1], content=events[3].content),
        replace(events[3], content=events[1].content),
    )
    assert (
        first_break(events, head) == "Entries 2 and 4 were swapped: each has the other's content."
    )


def test_an_inserted_entry_is_named() -> None:
    events = chain(5)
    head = head_of(events)
    forged = chained(3, "model:bank/9", 1, "signed", b"{}", events[1].digest)
    said = first_break(renumbered([*events[:2], forged, *events[2:]]), head)
    assert said is not None
    assert said.startswith("Entry 3 was inserted")
    said = first_break([*events[:2], events[1], *events[2:]], head)
    assert said == "Entry 2 stands there twice: one of the two was inserted."
    said = first_break(renumbered([*events[:2], events[0], *events[2:]]), head)
    assert said is not None
    assert said.startswith("Entry 3 was inserted or overwritten: it is a copy of entry 1")


def test_an_entry_with_a_new_digest_is_named() -> None:
    events = chain(5)
    head = head_of(events)
    events[2] = redigested(replace(events[2], content=b'{"n":99}'))
    said = first_break(events, head)
    assert said is not None
    assert said.startswith("Entry 3 was changed and given a new digest")


def test_a_first_entry_that_does_not_begin_the_chain_is_named() -> None:
    events = chain(2)
    head = head_of(events)
    events[0] = redigested(replace(events[0], previous="f" * 64))
    said = first_break(events, head)
    assert said is not None
    assert said.startswith("Entry 1 does not follow on the beginning")


def test_an_entry_put_behind_the_head_without_its_link_is_named() -> None:
    events = chain(3)
    forged = chained(4, "model:bank/1", 2, "signed", b"{}", "f" * 64)
    said = first_break([*events, forged], head_of(events))
    assert said is not None
    assert said.startswith("Entry 4 does not follow on entry 3")


def test_a_chain_rewritten_to_its_end_does_not_fit_its_head() -> None:
    events = chain(5)
    head = head_of(events)
    previous = events[1].digest
    for at in range(2, 5):
        events[at] = redigested(replace(events[at], content=b"{}", previous=previous))
        previous = events[at].digest
    said = first_break(events, head)
    assert said is not None
    assert said.startswith("Entry 5 is not the one that the head names")


def test_a_missing_head_is_a_break() -> None:
    said = first_break(chain(2), None)
    assert said is not None
    assert said.startswith("The head is missing: 2 entries")


def test_all_entries_gone_is_a_break() -> None:
    said = first_break([], head_of(chain(3)))
    assert said is not None
    assert said.startswith("Entries 1 to 3 are gone: the ledger ends before its first entry")


def test_a_revision_that_was_skipped_is_a_break() -> None:
    event = chained(1, "model:bank/1", 2, "signed", b"{}", GENESIS)
    assert holds(event)
    said = first_break([event], Head(1, event.digest))
    assert said is not None
    assert "wrong revision" in said
