"""Responses to breaches, live: judged, proposed, signed, made, and released through the gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.charter.charter import Charter
from assay.charter.people import Role
from assay.charter.response import ResponseKind
from assay.errors import InputError, SignOffRefused
from assay.evidence.event import EventType
from assay.evidence.folds import alerts
from assay.evidence.response_fold import ResponsesState, ResponseState, responses
from assay.evidence.sign_off import SignOff, could_sign, refusal
from assay.evidence.states import AlertState, ReleaseState
from assay.lifecycle.approval import write
from assay.lifecycle.desk import Desk
from assay.lifecycle.judging import judged_now, stands_now
from assay.lifecycle.posting import served_cases
from assay.lifecycle.proposal import Proposal
from assay.lifecycle.proposing import Judged, Mark, plan, resting
from assay.lifecycle.taking import done_already, pending, take
from assay.lifecycle.telling import release_state
from assay.ports.ports import Ports

__all__ = ["Responded", "accept", "decline", "respond", "responses_of", "still_to_sign"]


@dataclass(frozen=True)
class Responded:
    """What stands after a look: what was judged, which response is in hand, and what was done."""

    judged: Judged | None
    response: ResponseState | None
    words: tuple[str, ...]

    @property
    def proposal(self) -> Proposal | None:
        """The proposal behind the response in hand."""
        if self.response is None or not self.response.proposed:
            return None
        return Proposal.from_document(self.response.proposed)

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        judged, response = self.judged, self.response
        return {
            "standing": None if judged is None else judged.standing,
            "judged_on": None
            if judged is None
            else {"cases": judged.cases, "windows": list(judged.windows), "data": judged.data},
            "remedies": [] if judged is None else [one.document() for one in judged.remedies],
            "response": None
            if response is None
            else {
                **response.proposed,
                "status": response.status,
                "signed": [one.document() for one in response.signatures],
                "reason": response.reason,
            },
            "words": list(self.words),
        }


def responses_of(ports: Ports, charter: Charter) -> ResponsesState:
    """Return every response to breaches of a use case, from the ledger."""
    found = responses(ports.ledger.events(f"response:{charter.name}"))
    return found.get(charter.name, ResponsesState(charter.name))


def respond(
    desk: Desk, *, asked: ResponseKind | None = None, shadow: bool | None = None
) -> Responded:
    """Judge each response, propose the best sure one, and act on what has its signatures.

    Fit to be run every hour: what waits is not proposed twice, what was interrupted goes on, and
    cool-down and cap hold. `asked` proposes one kind in any case. A retraining is judged by
    one made beside it (`shadow`), by default where an alert is open or it was asked for.
    """
    open_, muted = _open_alerts(desk)
    beside = bool(open_) or asked == "retrain" if shadow is None else shadow
    words = (*_written_down(desk), *pending(desk, responses_of(desk.ports, desk.charter))[1])
    judged = judged_now(desk, shadow=beside)
    states, release = responses_of(desk.ports, desk.charter), release_state(*_of(desk))
    waiting = _waiting(desk, states, release)
    planned = plan(desk.charter, judged, open_, states, muted=muted, waiting=waiting, asked=asked)
    revision = states.revision
    for id_, reason in planned.expired:
        content = {"id": id_, "reason": reason}
        _write(desk, EventType.RESPONSE_EXPIRED, content, revision)
        revision += 1
    words += planned.words
    if planned.proposal is not None:
        _write(desk, EventType.RESPONSE_PROPOSED, planned.proposal.document(), revision)
    words += _advanced(desk)
    states = responses_of(desk.ports, desk.charter)
    last = states.open or (states.every[-1] if planned.proposal is not None else None)
    return Responded(judged, last, words)


def accept(desk: Desk, id_: str, person: str, role: Role, note: str = "") -> Responded:
    """Sign a proposal in a role, and act where that was the last signature it needs.

    Raises SignOffRefused where the rules do not let this person sign in this role.
    """
    states = responses_of(desk.ports, desk.charter)
    one = _named(states, id_)
    proposal = Proposal.from_document(one.proposed)
    needs = _needed(desk.charter, proposal)
    if role not in needs and not desk.charter.people.solo:
        needed = ", ".join(need.value for need in needs)
        raise SignOffRefused(
            f"The response {one.id} is not for a {role.value} to sign: it needs {needed}."
        )
    why = refusal(desk.charter, one.signatures, person, role, proposal.digest)
    if why is not None:
        raise SignOffRefused(why)
    signed = SignOff(person, role, proposal.digest, desk.now, note, desk.user)
    content = {**signed.document(), "id": one.id}
    _write(desk, EventType.RESPONSE_SIGNED, content, states.revision)
    words = _advanced(desk)
    return Responded(None, responses_of(desk.ports, desk.charter).named(one.id), words)


def decline(desk: Desk, id_: str, person: str, reason: str) -> Responded:
    """Refuse a proposal with a reason that everybody can read; who could sign may refuse."""
    if not reason.strip():
        raise InputError("A refusal needs a reason that everybody can read; none was given.")
    states = responses_of(desk.ports, desk.charter)
    one = _named(states, id_)
    needs = _needed(desk.charter, Proposal.from_document(one.proposed))
    if all(refusal(desk.charter, (), person, role) for role in needs):
        named = ", ".join(role.value for role in needs)
        raise SignOffRefused(f"{person} may not decline this: that is for {named}.")
    content = {"id": one.id, "by": person, "reason": reason, "user": desk.user}
    _write(desk, EventType.RESPONSE_DECLINED, content, states.revision)
    return Responded(None, responses_of(desk.ports, desk.charter).named(one.id), ())


def still_to_sign(charter: Charter, one: ResponseState) -> tuple[Role, ...]:
    """Return the roles whose signature a proposal still lacks, by the charter as it is now."""
    proposal = Proposal.from_document(one.proposed)
    counted: list[SignOff] = []
    for signature in one.signatures:
        void = signature.subject_digest != proposal.digest
        if not void and refusal(charter, counted, signature.person, signature.role) is None:
            counted.append(signature)
    signed = {signature.role for signature in counted}
    alone = proposal.alone and proposal.chosen.kind in charter.response.alone
    return () if alone else tuple(role for role in _needed(charter, proposal) if role not in signed)


def _needed(charter: Charter, proposal: Proposal) -> tuple[Role, ...]:
    """Return who must sign: those of then, or the tier's where the charter no longer lets it be."""
    return proposal.needs or charter.risk.signers


def _advanced(desk: Desk) -> tuple[str, ...]:
    """Do what is due: take the response that has its signatures, release what it made."""
    done = _written_down(desk)
    states = responses_of(desk.ports, desk.charter)
    one = states.open
    if one is None:
        return done
    lacking = still_to_sign(desk.charter, one)
    if lacking:
        return (_lacking(desk.charter, one, lacking),)
    mark = _mark(desk)
    held = _held(desk, states, one, mark)
    if held:
        return (f"The response {one.id} waits: {held}",)
    told = _tell(desk, states, one, mark, take(desk, one))
    return (told, *pending(desk, responses_of(desk.ports, desk.charter))[1])


def _written_down(desk: Desk) -> tuple[str, ...]:
    """Write down what was done for the open response by whoever was interrupted, if anything."""
    states = responses_of(desk.ports, desk.charter)
    done = None if states.open is None else done_already(desk, states.open)
    if states.open is None or done is None:
        return ()
    return (_tell(desk, states, states.open, _mark(desk), done),)


def _tell(
    desk: Desk, states: ResponsesState, one: ResponseState, mark: Mark, taken: Mapping[str, Any]
) -> str:
    """Write down that a response was taken, and return how it is said."""
    answered = {"alerts": list(one.proposed["alerts"]), "served": mark.served}
    content = {"id": one.id, "kind": one.kind, **answered, **taken}
    _write(desk, EventType.RESPONSE_TAKEN, content, states.revision)
    return str(taken["reason"])


def _held(desk: Desk, states: ResponsesState, one: ResponseState, mark: Mark) -> str:
    """Say why a response that has its signatures may not act yet."""
    if one.kind == "escalate":
        return ""
    state = release_state(desk.ports.ledger, desk.charter)
    if state.challenger is not None:
        return f"version {state.challenger.version} is being tried, which is decided first."
    if stands_now(state).version != one.proposed["standing"]:
        return f"version {one.proposed['standing']} no longer stands. Run `assay respond` again."
    return resting(desk.charter, states.taken, mark) or ""


def _lacking(charter: Charter, one: ResponseState, roles: tuple[Role, ...]) -> str:
    who = [
        f"a {role.value} ({' or '.join(could_sign(charter, one.signatures, role)) or 'nobody'})"
        for role in roles
    ]
    return f"The response {one.id} waits for the signature of {' and '.join(who)}."


def _waiting(desk: Desk, states: ResponsesState, release: ReleaseState) -> str:
    """Say what must be settled before another response, if anything."""
    if release.challenger is not None:
        number = release.challenger.version
        return (
            f"Version {number} is being tried: that is decided first (`assay release --do decide`)."
        )
    version, _ = pending(desk, states, release=False)
    return "" if version is None else f"Version {version}, made by a response, waits at the gate."


def _open_alerts(desk: Desk) -> tuple[tuple[AlertState, ...], tuple[AlertState, ...]]:
    """Return the open alerts that may start a response, and those that are muted now."""
    told = alerts(desk.ports.ledger.events(f"alert:{desk.charter.name}"))
    open_ = [one for one in told if one.open]
    muted = tuple(one for one in open_ if one.muted(desk.now))
    return tuple(one for one in open_ if not one.muted(desk.now)), muted


def _mark(desk: Desk) -> Mark:
    served = served_cases(
        desk.charter, list(desk.ports.captures.read()), desk.ports.outcomes.read()
    )
    return Mark(desk.now, len(served.records))


def _named(states: ResponsesState, id_: str) -> ResponseState:
    found = states.named(id_)
    if found is None or not found.open:
        waits = "none waits" if states.open is None else f"{states.open.id} waits"
        ended = "" if found is None else f"it was {found.status} ({found.reason}); "
        raise InputError(f"There is no open response {id_!r}: {ended}{waits}. Run `assay respond`.")
    return found


def _write(desk: Desk, type_: EventType, content: Mapping[str, Any], expected: int) -> None:
    subject = f"response:{desk.charter.name}"
    write(desk.ports.ledger, subject, type_, content, desk.now, expected)


def _of(desk: Desk) -> tuple[Any, Charter]:
    return desk.ports.ledger, desk.charter
