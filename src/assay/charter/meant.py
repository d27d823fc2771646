"""Which section a value of the file is meant to be, also where it does not say so itself."""

from __future__ import annotations

from types import UnionType
from typing import Any, Union, get_args, get_origin

from assay.charter.section import Section
from assay.errors import did_you_mean

__all__ = ["kinds_of", "meant_kind", "section_in"]


def section_in(annotation: Any, raw: Any) -> type[Section] | None:
    """Return the section class that a field holds: alone, in a list, by name, or by its kind."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is tuple:
        return section_in(arguments[0], raw)
    if origin is dict:
        return section_in(arguments[1], raw)
    if origin not in (Union, UnionType):
        return None
    kinds = kinds_of(annotation)
    if kinds:
        kind = raw.get("kind") if isinstance(raw, dict) else raw
        return kinds.get(kind) if isinstance(kind, str) else None
    others = [argument for argument in arguments if argument is not type(None)]
    return section_in(others[0], raw) if len(others) == 1 and raw is not None else None


def kinds_of(annotation: Any) -> dict[str, type[Section]]:
    """Return the sections that a field may hold by the `kind` that tells them apart.

    >>> from assay.charter.policy import TopK, Threshold
    >>> sorted(kinds_of(TopK | Threshold))
    ['threshold', 'top_k']
    """
    if get_origin(annotation) not in (Union, UnionType):
        return {}
    sections = (section_in(argument, None) for argument in get_args(annotation))
    return {
        str(section.model_fields["kind"].default): section
        for section in sections
        if section is not None and "kind" in section.model_fields
    }


def meant_kind(raw: dict[str, Any], kinds: dict[str, type[Section]]) -> tuple[str | None, bool]:
    """Return the kind that a section without a known one is meant to be, and whether that is sure.

    It is sure where one kind alone has all of the keys, or the one that `kind` is nearest to.

    >>> from assay.charter.policy import Policy, TopK, Threshold
    >>> both = {"top_k": TopK, "threshold": Threshold}
    >>> meant_kind({"kind": "topk", "k": 5}, both), meant_kind({"action": "call", "k": 5}, both)
    (('top_k', True), ('top_k', True))
    >>> meant_kind({"action": "call"}, both), meant_kind({"kind": "all"}, both)
    (('top_k', False), (None, False))
    """
    keys = set(raw).difference({"kind"})
    shared = {kind: len(keys.intersection(of.model_fields)) for kind, of in kinds.items()}
    best = max(shared.values(), default=0)
    if not best:
        return None, False
    hint = did_you_mean(str(raw.get("kind")), kinds)
    nearest = [kind for kind, count in shared.items() if count == best]
    if hint and (kind := hint.split("`")[1]) in nearest:
        return kind, best == len(keys)
    return nearest[0], len(nearest) == 1 and best == len(keys)
