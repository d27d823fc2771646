"""Statistics that are kept between batches, as JSON documents that say what they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

__all__ = ["StoredState"]


@dataclass(frozen=True)
class StoredState:
    """A frozen record of numbers that goes into a JSON document and comes back the same.

    The document names the kind of state and the version of its fields. Who changes the fields of
    a state raises its `version` and says in `from_document` how older ones are read.

    >>> from assay.stats.asymptotic_sequence import AsymptoticSequence
    >>> state = AsymptoticSequence().updated([1.0, 2.0])
    >>> AsymptoticSequence.from_document(state.document()) == state
    True
    """

    version: ClassVar[int] = 1

    def document(self) -> dict[str, Any]:
        """Return the state as a JSON document."""
        held = {each.name: _plain(getattr(self, each.name)) for each in fields(self)}
        return {"kind": type(self).__name__, "version": self.version, **held}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read a state back; ValueError where the document holds another kind, version or field."""
        kind, version = document.get("kind"), document.get("version")
        if (kind, version) != (cls.__name__, cls.version):
            raise ValueError(
                f"this is the state of {kind!r}, version {version!r}; "
                f"{cls.__name__} reads version {cls.version} of its own"
            )
        held = {name: value for name, value in document.items() if name not in {"kind", "version"}}
        known = {each.name for each in fields(cls)}
        if held.keys() != known:
            odd = ", ".join(sorted(held.keys() ^ known))
            raise ValueError(f"the state of {cls.__name__} has other fields than stored: {odd}")
        return cls(**{name: _frozen(value) for name, value in held.items()})


def _plain(value: Any) -> Any:
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    return tuple(_frozen(each) for each in value) if isinstance(value, list) else value
