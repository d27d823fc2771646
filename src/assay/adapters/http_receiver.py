"""How a receiver's answer over HTTP reads: taken, to be tried again, or refused for good."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from assay.errors import ReceiverDown, ReceiverRefuses

__all__ = ["post"]

_AGAIN = frozenset({408, 425, 429})
"""Client errors that pass: time-out, too early, too many."""

_DAY = 86_400.0


def post(client: httpx.Client, address: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Post a body and return once the receiver answers 2xx.

    Raises ReceiverDown where there is no answer, or 408, 425, 429 or 5xx; ReceiverRefuses where
    there is another answer, or the address is none. Redirects are not followed: what was signed
    for one address is not for another. Texts name the host alone, since an address may hold a key.
    """
    try:
        host = httpx.URL(address).host or "no host"
        answer = client.post(address, content=body, headers=dict(headers), follow_redirects=False)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise ReceiverRefuses(
            "The address of this channel is no address to post to: it must begin with http:// or "
            "https://. Mend the environment variable that holds it, then send again."
        ) from error
    except httpx.RequestError as error:
        kind = type(error).__name__
        raise ReceiverDown(f"The receiver at {host} does not answer ({kind}).") from error
    if answer.is_success:
        return
    said = f"The receiver at {host} answers {answer.status_code} {answer.reason_phrase}"
    if answer.status_code in _AGAIN or answer.is_server_error:
        raise ReceiverDown(f"{said}.", _seconds(answer.headers.get("retry-after")))
    raise ReceiverRefuses(
        f"{said}: it will not have this. Mend its address, its key or the receiver, then run "
        "`assay alerts send --again`."
    )


def _seconds(said: str | None) -> float | None:
    """Read `Retry-After` in seconds, at most a day; dates are passed over."""
    return min(float(said), _DAY) if said is not None and said.strip().isdecimal() else None
