"""Alerts to chat, mail and pagers, by one of the addresses that Apprise understands."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

from assay.errors import MissingLibrary, ReceiverDown, ReceiverRefuses
from assay.ports.alert_channel import Message

__all__ = ["AppriseChannel", "open_apprise"]

_COLOUR = {"raised": "warning", "escalated": "failure", "closed": "success"}


def open_apprise(address: str) -> AppriseChannel:
    """Read one address such as `slack://...` or `mailto://...`.

    Raises MissingLibrary where Apprise is not installed, and ReceiverRefuses where the address
    is none, or several: one would get a message again because another did not take it.
    """
    with warnings.catch_warnings():
        # Some of Apprise's parts import what Python is about to drop; that is theirs to mend.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            apprise = importlib.import_module("apprise")
        except ImportError as error:
            raise MissingLibrary("apprise", "alerts") from error
        notifier = apprise.Apprise()
        understood = notifier.add(address)
    if not understood or len(notifier) != 1:
        raise ReceiverRefuses(
            f"The address of this channel holds {len(notifier)} that Apprise understands, and "
            "needs one, such as mailto://user:password@host. Mend the environment variable that "
            "holds it; give each receiver a channel of its own."
        )
    return AppriseChannel(notifier)


class AppriseChannel:
    """Sends through an `apprise.Apprise` that holds one address.

    Apprise says whether a receiver took a message, not why it did not: every failure is tried
    again. Most of its receivers know no ids, so a person may read a message twice where
    this process was killed before it could note the first; the id stands at the end of each.
    """

    forgets = False

    def __init__(self, notifier: Any) -> None:
        self._notifier = notifier

    def send(self, message: Message) -> None:
        """Send title and text; the receiver has it once Apprise says so."""
        lines = [message.text]
        if message.what != "raised" and message.reason:
            lines = [f"{message.what.capitalize()}: {message.reason}", *lines]
        lines.append(f"(alert {message.alert}, message {message.id})")
        taken = self._notifier.notify(
            title=message.title, body="\n".join(lines), notify_type=_COLOUR[message.what]
        )
        if not taken:
            raise ReceiverDown(
                "Apprise could not hand the message over; it does not say why. Its address, the "
                "receiver or the network may be at fault."
            )
