"""Reading a charter part by part, so that one fault hides no other.

Where pydantic stops (a section with one bad field is no section), this goes on: every field is
read by itself, and what could be read stands in a `Partial`, on which the rules that compare
sections still run. Only a rule that needs the unreadable field itself is left out.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from types import MappingProxyType
from typing import Annotated, Any, get_origin

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from assay.charter.faults_of_types import choice, findings_of
from assay.charter.finding import Finding, Path, shown
from assay.charter.meant import kinds_of, meant_kind, section_in
from assay.charter.section import Section
from assay.charter.unread import Unread
from assay.errors import did_you_mean

__all__ = ["MISFIT", "Partial", "read_partially"]

MISFIT = "does not hold together"
"""The problem of a section whose keys are each right, but not beside one another."""

_UNREAD: Any = object()

_STAND_INS: dict[Any, Any] = {"actions": "", "baselines": "", "costs": 0}
"""Fields whose keys stay of use where a value cannot be read, and what then stands for it."""

_FOLLOWS = {"baseline": "baselines"}
"""Fields that can be missing only beside another one, which is told of first."""


class Partial:
    """A section as far as it could be read; asking for another of its fields raises Unread."""

    def __init__(self, section: type[Section], fields: dict[str, Any]) -> None:
        self._section, self._fields = section, MappingProxyType(fields)

    def __getattr__(self, name: str) -> Any:
        if name in self._fields:
            return self._fields[name]
        if name in self._section.model_fields:
            raise Unread(name)
        member = vars(self._section)[name]
        if isinstance(member, property) and member.fget is not None:
            return member.fget(self)
        return member.__get__(self)


def read_partially(
    section: type[Section], raw: Any, home: dict[str, tuple[str, ...]]
) -> tuple[Partial, list[Finding]]:
    """Read what can be read of a section and say what cannot.

    `home` maps a key to the sections that know it, for the hint on a key in the wrong place.
    """
    reader = _Reader(home)
    return reader.section(section, raw, ()), reader.findings


class _Reader:
    def __init__(self, home: dict[str, tuple[str, ...]]) -> None:
        self.home, self.findings = home, list[Finding]()

    def section(self, section: type[Section], raw: Any, path: Path) -> Partial:
        for before in _validators(section, "before"):
            raw = before(raw)
        if not isinstance(raw, dict):
            self.findings.append(Finding(path, *_no_section(section, raw)))
            return Partial(section, {})
        known = {field.alias or name: (name, field) for name, field in section.model_fields.items()}
        misspelled = self._strangers(raw, list(known), path)
        fields = {
            name: self._field(key, field, raw, path)
            for key, (name, field) in known.items()
            if key not in misspelled
        }
        read = {name: value for name, value in fields.items() if value is not _UNREAD}
        partial = Partial(section, read)
        self._validate(section, partial, path)
        return partial

    def _field(self, key: str, field: FieldInfo, raw: dict[str, Any], path: Path) -> Any:
        if key in raw:
            return self._value(field, raw[key], (*path, key))
        if not field.is_required():
            return field.get_default(call_default_factory=True, validated_data={})
        if key in _FOLLOWS and not isinstance(raw.get(_FOLLOWS[key]), dict):
            return _UNREAD
        self.findings.append(Finding((*path, key), "missing", _add(key, field)))
        return _UNREAD

    def _strangers(self, raw: dict[str, Any], known: list[str], path: Path) -> set[str]:
        """Report unknown keys; return the known ones that they were probably meant to be."""
        misspelled: set[str] = set()
        absent = [key for key in known if key not in raw]
        for key in raw:
            if key in known:
                continue
            hint = did_you_mean(key, absent)
            elsewhere = [home for home in self.home.get(key, ()) if (home,) != path]
            if elsewhere:
                hint = f"move it to `{elsewhere[0]}`, where it belongs"
            elif hint:
                misspelled.add(hint.split("`")[1])
            mend = hint or f"take it out, or use one of: {', '.join(absent or known)}"
            self.findings.append(Finding((*path, key), "no such key", mend, f"`{key}`"))
        return misspelled

    def _validate(self, section: type[Section], partial: Partial, path: Path) -> None:
        for after in _validators(section, "after"):
            try:
                after(partial)
            except Unread:
                continue
            except ValueError as error:
                given = getattr(error, "given", None)
                self.findings.append(Finding(path, MISFIT, str(error), given))

    def _value(self, field: FieldInfo, raw: Any, path: Path) -> Any:
        annotation = field.annotation
        inner = section_in(annotation, raw)
        reads_text = any(isinstance(rule, BeforeValidator) for rule in field.metadata)
        if inner is None and raw is not None and (kinds := kinds_of(annotation)):
            return self._of_unknown_kind(kinds, raw, path)
        if inner is None or (inner is annotation and reads_text):
            return self._leaf(field, raw, path)
        if get_origin(annotation) is tuple and isinstance(raw, list):
            return tuple(self.section(inner, item, (*path, i)) for i, item in enumerate(raw))
        if get_origin(annotation) is dict and isinstance(raw, dict):
            return {key: self.section(inner, item, (*path, key)) for key, item in raw.items()}
        if get_origin(annotation) in (tuple, dict):
            return self._leaf(field, raw, path)
        kind = {"kind": raw} if isinstance(raw, str) and "kind" in inner.model_fields else raw
        return self.section(inner, kind, path)

    def _of_unknown_kind(self, kinds: dict[str, type[Section]], raw: Any, path: Path) -> Any:
        """Tell of the kind, and of what is wrong whatever it was meant to be."""
        if not isinstance(raw, dict):
            self.findings.append(Finding(path, *choice(shown(raw).strip("`"), kinds)))
            return _UNREAD
        kind, sure = meant_kind(raw, kinds)
        problem, mend = (
            choice(str(raw["kind"]), kinds)
            if "kind" in raw
            else (
                "missing",
                f"add `kind: {kind}`" if sure else f"add `kind: …`: {', '.join(kinds)}",
            )
        )
        self.findings.append(Finding((*path, "kind"), problem, mend))
        if kind is None:
            return _UNREAD
        reader = _Reader(self.home)
        partial = reader.section(kinds[kind], {**raw, "kind": kind}, path)
        self.findings += [
            finding
            for finding in reader.findings
            if sure or finding.problem not in ("missing", "no such key", MISFIT)
        ]
        return partial

    def _leaf(self, field: FieldInfo, raw: Any, path: Path) -> Any:
        adapter = _adapter(field)
        try:
            return adapter.validate_python(raw)
        except ValidationError as error:
            found = findings_of(error.errors(include_url=False), raw, path, field)
            self.findings += found
            name = path[-1]
            if name not in _STAND_INS or any(finding.path == path for finding in found):
                return _UNREAD
            return _replaced(raw, [finding.path[len(path) :] for finding in found], name)


def _adapter(field: FieldInfo) -> TypeAdapter[Any]:
    """Return what reads one field alone: its type and limits, and the sections' ban on infinity."""
    rules = list(field.metadata)
    if field.discriminator is not None:
        rules.insert(0, Field(discriminator=field.discriminator))
    annotated: Any = Annotated[field.annotation, *rules] if rules else field.annotation
    own = isinstance(field.annotation, type) and issubclass(field.annotation, Section)
    return TypeAdapter(annotated, config=None if own else ConfigDict(allow_inf_nan=False))


def _replaced(raw: Any, places: list[Path], name: Any) -> Any:
    """Return a value with a stand-in at each place that could not be read."""
    whole = copy.deepcopy(raw)
    for place in places:
        entry = whole
        for part in place[:-1]:
            entry = entry[part]
        entry[place[-1]] = _STAND_INS[name]
    return whole


def _validators(section: type[Section], mode: str) -> Iterator[Any]:
    for decorator in section.__pydantic_decorators__.model_validators.values():
        if decorator.info.mode == mode:
            yield decorator.func


def _no_section(section: type[Section], raw: Any) -> tuple[str, str]:
    keys = list(section.model_fields)
    if keys[:2] == ["at_least", "at_most"] and isinstance(raw, int | float):
        return "a limit needs its direction", f"write {{at_least: {raw}}} or {{at_most: {raw}}}"
    if keys[0] == "solo":
        return "neither `solo` nor names", f"name who holds each role: {', '.join(keys[1:])}"
    first = next(iter((section.__doc__ or "").splitlines()), "").rstrip(".")
    problem = "empty" if raw is None else "not a section with keys"
    return problem, f"write its keys below it: {', '.join(keys)} ({first})"


def _add(key: str, field: FieldInfo) -> str:
    annotation = field.annotation
    meaning = field.description
    if meaning is None and isinstance(annotation, type) and issubclass(annotation, Section):
        meaning = (annotation.__doc__ or "").splitlines()[0]
    return f"add `{key}: …`" + (f" ({meaning.rstrip('.')})" if meaning else "")
