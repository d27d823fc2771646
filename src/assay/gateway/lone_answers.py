"""Answers to requests of one row of which no more is told than of most: values set into a pattern.

Under load most requests are such. Their answers are made together, byte for byte what
`answer_document` writes of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
import orjson

from assay.deploy.answering import Answered
from assay.deploy.serving import Serving
from assay.gateway.answer_document import output_names

__all__ = ["lone_answers"]

_PATTERNS: WeakKeyDictionary[Serving, dict[tuple[str, int], bytes]] = WeakKeyDictionary()


def lone_answers(
    serving: Serving, names: Sequence[str], answered: Answered
) -> Sequence[bytes] | None:
    """Return the answers to requests of one row each, called by these names.

    None where they have no place in a pattern: the door said something of a row, there are several
    probabilities, or a text is none that UTF-8 has.
    """
    values = _values(answered)
    if values is None:
        return None
    patterns = _PATTERNS.get(serving)
    if patterns is None:
        _PATTERNS[serving] = patterns = {}
    found = []
    keys = zip(answered.arm, answered.version, strict=True)
    for name, key, row in zip(names, keys, values, strict=True):
        pattern = patterns.get(key)
        if pattern is None:
            patterns[key] = pattern = _pattern(serving, *key)
        called = name.encode()
        found.append(pattern % (called, called, *row))
    return found


def _values(answered: Answered) -> Sequence[tuple[bytes, ...]] | None:
    """Return what is set in for each row, as JSON."""
    chance = answered.probability[0]
    if answered.flags is not None or type(chance) is list:
        return None
    columns = [answered.prediction, answered.decision, answered.expected_value]
    if chance is not None:
        columns.insert(1, answered.probability)
    try:
        return list(zip(*[_each(column) for column in columns], strict=True))
    except TypeError:
        return None


def _each(values: Sequence[Any]) -> Sequence[bytes]:
    """Return each of a column's texts or numbers as JSON."""
    if type(values[0]) is str:
        known = {value: orjson.dumps(value) for value in set(values)}
        return [known[value] for value in values]
    return orjson.dumps(values)[1:-1].split(b",")


def _pattern(serving: Serving, arm: str, version: int) -> bytes:
    """Return an answer with a place for the name, for the prediction's id, and for each value."""

    def text(value: str) -> bytes:
        return msgspec.json.encode(value).replace(b"%", b"%%")

    given: Mapping[str, str] = output_names(serving.arms[0].scorer.signature)
    outputs = [
        b'{"name":%b,"datatype":%b,"shape":[1],"data":[%%b]}' % (text(name), text(datatype))
        for name, datatype in given.items()
    ]
    told = b'"arms":[%b],"versions":[%b]' % (text(arm), text(str(version)))
    return b"".join(
        (
            b'{"model_name":%b,"id":"%%b",' % text(serving.desired.model),
            b'"parameters":{"prediction_ids":["%%b/0"],%b},' % told,
            b'"outputs":[%b],"model_version":%b}' % (b",".join(outputs), text(str(version))),
        )
    )
