"""What a compiled model that takes its columns in blocks says of them, in its own metadata.

Format 1, under the key `KEY`. To change it: raise `FORMAT`, and teach `read_blocks` the step from
the old one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from assay.errors import ModelError
from assay.evidence.bundle import Input

__all__ = ["KEY", "InputBlocks", "Lookup", "read_blocks"]

KEY = "assay.blocks"
FORMAT = 1

Slot = tuple[str, tuple[Any, ...]]
"""An input of a model: `float` or `string`, and its shape behind the rows."""

Slots = Mapping[str, Slot]


class Lookup(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a text column becomes numbers.

    Without `values` it is one column for each of `categories`: one where the text is that category,
    else zero. With `values` it is one column: the value beside the category, `otherwise` for
    any other text. None stands for a missing number.

    >>> Lookup("job", ("admin", "retired")).width, Lookup("job", ("admin",), (0.0,), -1.0).width
    (2, 1)
    """

    column: str
    categories: tuple[str, ...]
    values: tuple[float | None, ...] | None = None
    otherwise: float | None = 0.0

    @property
    def width(self) -> int:
        """How many columns of the block it fills."""
        return len(self.categories) if self.values is None else 1


class InputBlocks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The columns of a model, and which of its inputs takes what of them.

    `number_slot` is the input of all numbers, (n, k) in the order of `inputs`; `lookup_slot` that
    of all lookups side by side, (n, width). Either is None where the model has no such input. A
    text column that the model reads as text has an input of its own name, (n, 1).
    """

    inputs: tuple[Input, ...]
    lookups: tuple[Lookup, ...] = ()
    number_slot: str | None = None
    lookup_slot: str | None = None
    format: int = FORMAT

    @property
    def numbers(self) -> tuple[str, ...]:
        """The number columns, in order."""
        return tuple(column.name for column in self.inputs if column.kind == "number")

    @property
    def texts(self) -> tuple[str, ...]:
        """The text columns, in order."""
        return tuple(column.name for column in self.inputs if column.kind == "category")

    @property
    def width(self) -> int:
        """The width of the block of lookups."""
        return sum(lookup.width for lookup in self.lookups)

    def document(self) -> str:
        """Return what the model's metadata hold under `KEY`."""
        return msgspec.json.encode(self).decode()

    def faults(self, slots: Slots) -> list[str]:
        """Return what does not fit, among itself and with the inputs of the model."""
        columns, texts = [column.name for column in self.inputs], set(self.texts)
        found = [f"column {name} stands in it twice" for name in _twice(columns)]
        for lookup in self.lookups:
            if lookup.column not in texts:
                found.append(f"{lookup.column} is looked up and is no text column")
            if _twice(lookup.categories):
                found.append(f"a category of {lookup.column} stands in it twice")
            if lookup.values is not None and len(lookup.values) != len(lookup.categories):
                found.append(
                    f"{lookup.column} has {len(lookup.categories)} categories and "
                    f"{len(lookup.values)} values"
                )
        wanted = self._slots(slots)
        if sorted(wanted, key=str) != sorted(slots.items(), key=str):
            given = _in_words(slots.items())
            found.append(f"the model's inputs are {given}, and it says {_in_words(wanted)}")
        return found

    def _slots(self, slots: Slots) -> list[tuple[str, Slot]]:
        """Return the inputs that the model must have; of single texts, those that it has."""
        wanted: list[tuple[str, Slot]] = [
            (name, ("string", (1,))) for name in self.texts if name in slots
        ]
        if self.number_slot is not None:
            wanted.append((self.number_slot, ("float", (len(self.numbers),))))
        if self.lookup_slot is not None or self.lookups:
            wanted.append((self.lookup_slot or "none", ("float", (self.width,))))
        return wanted


def read_blocks(metadata: Mapping[str, str], slots: Slots) -> InputBlocks | None:
    """Return what a model's metadata say of its blocks; None where it takes single columns.

    `slots` are the model's own inputs. Raises ModelError where the metadata do not read, have
    another format, or do not fit the inputs.
    """
    document = metadata.get(KEY)
    if document is None:
        return None
    try:
        blocks = msgspec.json.decode(document, type=InputBlocks)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ModelError(
            f"The model's metadata `{KEY}` do not say how its columns lie in blocks: {error}. "
            "Package it anew."
        ) from error
    if blocks.format != FORMAT:
        raise ModelError(
            f"The model's metadata `{KEY}` have format {blocks.format}; this version of Assay "
            f"reads {FORMAT}. Package it anew."
        )
    faults = blocks.faults(slots)
    if faults:
        told = "; ".join(faults[:3]) + (f" and {len(faults) - 3} faults more" if faults[3:] else "")
        raise ModelError(f"The model's metadata `{KEY}` do not fit: {told}. Package it anew.")
    return blocks


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]


def _in_words(slots: Iterable[tuple[str, Slot]]) -> str:
    told = (
        f"{name} ({' x '.join(map(str, ('n', *shape)))} {kind}s)" for name, (kind, shape) in slots
    )
    return ", ".join(told) or "none"
