"""Alerts as signed webhooks: CloudEvents 1.0 in structured JSON.

The signature is that of Standard Webhooks 1.0.0 (standardwebhooks.com): HMAC-SHA256 over
`id.timestamp.body`, so that a receiver can tell who sent it, that nothing was changed, and that it
is not an old one sent anew by somebody else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json

import httpx

from assay.adapters.http_receiver import post
from assay.errors import ReceiverRefuses
from assay.ports.alert_channel import Message
from assay.ports.clock import Clock

__all__ = ["WebhookChannel", "cloud_event", "signature"]

_TYPE = "org.assay.alert"


class WebhookChannel:
    """Posts to one address; signs where it has a key."""

    forgets = False

    def __init__(
        self, client: httpx.Client, address: str, clock: Clock, secret: str | None = None
    ) -> None:
        self._client = client
        self._address = address
        self._clock = clock
        self._secret = secret

    def send(self, message: Message) -> None:
        """Post the message; the receiver has it once it answers 2xx."""
        body = cloud_event(message)
        headers = {"content-type": "application/cloudevents+json; charset=utf-8"}
        headers["webhook-id"] = message.id
        headers["webhook-timestamp"] = str(int(self._clock.now().timestamp()))
        if self._secret is not None:
            signed = signature(self._secret, message.id, headers["webhook-timestamp"], body)
            headers["webhook-signature"] = signed
        post(self._client, self._address, body, headers)


def cloud_event(message: Message) -> bytes:
    """Return a message as a CloudEvent; `source` and `id` name it for good."""
    event = {
        "specversion": "1.0",
        "id": message.id,
        "source": f"/assay/{message.model}",
        "type": f"{_TYPE}.{message.what}",
        "subject": message.alert,
        "time": message.at.isoformat(),
        "datacontenttype": "application/json",
        "data": message.document(),
    }
    return json.dumps(event, ensure_ascii=False, allow_nan=False).encode()


def signature(secret: str, id_: str, timestamp: str, body: bytes) -> str:
    """Return what `webhook-signature` must say; a receiver computes it anew and compares.

    A secret that begins with `whsec_` holds the key in base64, any other is the key itself.
    Raises ReceiverRefuses where what follows `whsec_` is no base64.

    >>> signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
    ...           "1614265330", b'{"test": 2432232314}')
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    key = secret.encode()
    if secret.startswith("whsec_"):
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error as error:
            raise ReceiverRefuses(
                "The key that signs this channel's webhooks begins with whsec_, and what follows "
                "is no base64. Mend the environment variable that holds it, then send again."
            ) from error
    signed = b".".join((id_.encode(), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
