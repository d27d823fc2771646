"""Where a workspace's ledger is: in its own directory, or in a database that it was moved to.

A file `ledger.url` names the database. It stays with the workspace, so that a command given beside
a server writes to the same ledger as the server.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from assay.adapters.ledger_address import ADDRESS, OWN_LEDGER, address_of
from assay.adapters.postgres_ledger import open_postgres_ledger
from assay.adapters.sqlite_ledger import open_ledger
from assay.adapters.whole_file import write_whole
from assay.errors import InputError
from assay.ports.ledger import Ledger

__all__ = ["ledger_of", "move_ledger"]

_WITNESS = "ledger.seen"


def ledger_of(state: Path) -> Ledger:
    """Open a workspace's ledger, wherever it is."""
    address = address_of(state)
    if address is None:
        return open_ledger(state / OWN_LEDGER)
    return open_postgres_ledger(address, state / _WITNESS)


def move_ledger(state: Path, address: str) -> int:
    """Put what a workspace's own ledger tells at the end of a database's, and use that from now on.

    Entries keep their bytes and revisions, and get a new place in the chain; the old file stays as
    it is. Returns how many were moved. Can be killed and repeated at any point. Raises InputError
    where the database's ledger tells other things of the same subjects, or the address holds a
    password, which would lie open beside the ledger.
    """
    _refuse_password(address)
    held = address_of(state)
    if held is not None:
        if held != address:
            raise InputError(
                f"The ledger of {state.parent} is in {held}, and not in {address}. Give that "
                "address."
            )
        return 0
    target = open_postgres_ledger(address, state / _WITNESS)
    try:
        moved = _copied(state, target)
        write_whole(state / ADDRESS, f"{address}\n".encode())
        moved += _copied(state, target)  # what a command wrote that was under way
    finally:
        target.close()
    return moved


def _copied(state: Path, target: Ledger) -> int:
    if not (state / OWN_LEDGER).exists():
        return 0
    source, moved = open_ledger(state / OWN_LEDGER), 0
    try:
        source.verify()
        there = {
            subject: list(target.events(subject))
            for subject in {event.subject for event in source.events()}
        }
        for event in source.events():
            known = there[event.subject]
            if len(known) < event.revision:
                target.append(event.subject, event.type, event.content, event.revision - 1)
                moved += 1
            elif known[event.revision - 1].content != event.content:
                raise InputError(
                    f"The database's ledger tells other things of {event.subject} than "
                    f"{state / 'ledger.sqlite'}: another workspace has a model of this name. "
                    "Rename one of them."
                )
    finally:
        source.close()
    return moved


def _refuse_password(address: str) -> None:
    try:
        password = make_url(address).password
    except ArgumentError:
        return  # whoever opens it says what is wrong
    if password is not None:
        raise InputError(
            "The database's address holds a password, which would be kept beside the ledger and "
            "shown in lists of processes. Leave it out, and put it into PGPASSWORD or ~/.pgpass."
        )
