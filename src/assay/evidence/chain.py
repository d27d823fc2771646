"""The chain of the ledger: what holds it together, and where it is broken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from assay.evidence.event import GENESIS, Event, chained

__all__ = ["EMPTY", "Head", "first_break", "holds"]


@dataclass(frozen=True)
class Head:
    """The last entry's number and digest, kept apart from the entries themselves."""

    seq: int
    digest: str


EMPTY = Head(0, GENESIS)
"""The head of a ledger without entries."""


def holds(event: Event) -> bool:
    """Whether an entry's digest is that of its place, words, bytes and predecessor."""
    return _digest_at(event, event.seq) == event.digest


def first_break(events: Iterable[Event], head: Head | None) -> str | None:
    """Name the first entry that does not hold and how it is broken; None for an intact ledger.

    `events` come in the order in which they are stored; they are read once. `head` is None where
    it is missing, which is a break as well. A head that names an earlier entry of an intact chain
    is none: a writer was killed between writing an entry and the head, before it acknowledged
    the entry. Without a copy of the head kept elsewhere, nobody can tell a ledger that was cut
    together with its head from a younger one.

    >>> one = chained(1, "model:a/1", 1, "signed", b'{"note":"yes"}', GENESIS)
    >>> two = chained(2, "model:a/1", 2, "signed", b'{"note":"no"}', one.digest)
    >>> first_break([one, two], Head(2, two.digest)) is None
    True
    >>> print(first_break([one], Head(2, two.digest)))
    Entry 2 is gone: the ledger ends with entry 1, but its head names entry 2 as the last. It was
    removed from the end.
    """
    walk = iter(events)
    passed = [GENESIS, GENESIS]  # digests of the last two entries that held
    revisions: dict[str, int] = {}
    seq, named = 0, GENESIS  # `named`: the digest at the place that the head names
    for event in walk:
        seq += 1
        if event.seq != seq or event.previous != passed[-1] or not holds(event):
            return _Break(seq, event, passed, list(walk), head).text()
        revisions[event.subject] = revisions.get(event.subject, 0) + 1
        if event.revision != revisions[event.subject]:
            return (
                f"Entry {seq} has the wrong revision: {event.subject} should be at revision "
                f"{revisions[event.subject]} there and is at {event.revision}."
            )
        passed = [passed[-1], event.digest]
        named = event.digest if head is not None and head.seq == seq else named
    return _head_break(seq, named, head)


def _head_break(last: int, named: str, head: Head | None) -> str | None:
    if head is None:
        return (
            f"The head is missing: {last} entries hold together, but without the head nobody can "
            "tell whether later ones were removed from the end."
        )
    if head.seq > last:
        gone = "Entry" if head.seq == last + 1 else f"Entries {last + 1} to"
        verb, it = ("is", "It was") if head.seq == last + 1 else ("are", "They were")
        end = f"with entry {last}" if last else "before its first entry"
        return (
            f"{gone} {head.seq} {verb} gone: the ledger ends {end}, but its head names "
            f"entry {head.seq} as the last. {it} removed from the end."
        )
    if head.digest != named:
        return (
            f"Entry {head.seq} is not the one that the head names: it was rewritten, with or "
            "without entries before it, or the head was changed."
        )
    return None


@dataclass(frozen=True)
class _Break:
    """The place where the walk stopped, and what is known around it."""

    seq: int  # the place
    event: Event  # what is found there
    passed: Sequence[str]  # digests of the entries before the last one, and of the last one
    rest: Sequence[Event]  # what comes after
    head: Head | None

    def text(self) -> str:
        """Name the entry and how it is broken."""
        if self.event.seq != self.seq:
            return self._out_of_step()
        if holds(self.event):
            return self._wrong_link()
        return self._moved() or self._changed()

    def _out_of_step(self) -> str:
        found, seq = self.event.seq, self.seq
        if found < seq:
            return f"Entry {found} stands there twice: one of the two was inserted."
        if any(event.seq == seq for event in self.rest):
            return f"Entry {seq} was swapped with another: entry {found} stands before it."
        return f"Entry {seq} is gone: it was removed, and entry {found} comes in its place."

    def _wrong_link(self) -> str:
        """The entry fits its own digest, but does not follow on the one before it."""
        seq = self.seq
        if seq > 1 and self._vouched() and self.head != Head(seq - 1, self.passed[-1]):
            return (
                f"Entry {seq - 1} was changed and given a new digest: entry {seq}, which is "
                "intact, names another predecessor."
            )
        return (
            f"Entry {seq} does not follow on {self._before()}: it was changed or inserted, and "
            "given a new digest."
        )

    def _before(self) -> str:
        return f"entry {self.seq - 1}" if self.seq > 1 else "the beginning"

    def _vouched(self) -> bool:
        """Whether the next entry, or the head, names this one by its stored digest."""
        if self.rest:
            return self.rest[0].previous == self.event.digest
        return self.head is not None and self.head.digest == self.event.digest

    def _moved(self) -> str | None:
        """Say where the entry comes from, where it is whole but belongs at another place."""
        seq, event = self.seq, self.event
        last = max(seq + len(self.rest), self.head.seq if self.head else 0)
        home = next((n for n in range(1, last + 1) if _digest_at(event, n) == event.digest), None)
        if home is None:
            return None
        if home == seq - 1 and event.previous == self.passed[0]:
            return f"Entry {seq - 1} was inserted: the true entry {home} now stands after it."
        true = next((other.seq for other in self.rest if self._fits(other)), None)
        if true == home:
            return f"Entries {seq} and {home} were swapped: each stands for the other."
        if true is not None and home > seq:
            return f"Entry {seq} was moved: it now stands at place {true}, and entry {home} here."
        if home > seq:
            return f"Entry {seq} is gone: it was removed, and entry {home} moved to its place."
        return f"Entry {seq} was inserted or overwritten: it is a copy of entry {home}."

    def _fits(self, other: Event) -> bool:
        """Whether another entry is the one that belongs at this place."""
        follows = other.previous == self.passed[-1]
        return follows and _digest_at(other, self.seq) == other.digest

    def _changed(self) -> str:
        seq, event = self.seq, self.event
        for other in self.rest:
            if _digest_at(replace(event, content=other.content), seq) == event.digest:
                return f"Entries {seq} and {other.seq} were swapped: each has the other's content."
        remade = _digest_at(event, seq)
        if event.previous == self.passed[-1] and self.rest and self.rest[0].previous == remade:
            return f"Entry {seq} was changed: its stored digest is not that of its content."
        if event.previous != self.passed[-1]:
            relinked = replace(event, previous=self.passed[-1])
            if _digest_at(relinked, seq) == event.digest:
                return f"Entry {seq} was changed: its link to {self._before()} was overwritten."
        return (
            f"Entry {seq} was changed: its content, subject, revision or type does not give its "
            "digest any more."
        )


def _digest_at(event: Event, seq: int) -> str:
    """Return the digest that an entry would have at a place."""
    return chained(
        seq, event.subject, event.revision, event.type, event.content, event.previous
    ).digest
