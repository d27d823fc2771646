"""A reaction that nothing can carry out, and an environment that nothing leads to."""

from __future__ import annotations

from collections.abc import Iterator

from assay.charter.charter import Charter
from assay.charter.environments import PRODUCTION
from assay.charter.finding import Finding, Path
from assay.errors import did_you_mean

__all__ = ["RULES"]

_KINDS = ("out_of_range", "new_category", "missing")


def _reviewer_for_referred(charter: Charter) -> Iterator[Finding]:
    if charter.value.refer is not None:
        return
    door = charter.serving.door
    rules: list[tuple[Path, object]] = [(("serving", "door"), door)]
    rules += [(("serving", "door", "columns", name), one) for name, one in door.columns.items()]
    for path, rule in rules:
        for kind in _KINDS:
            if getattr(rule, kind) == "refer":
                yield Finding(
                    (*path, kind),
                    "cases are to go to a person, and nothing says what one costs",
                    "give `value.refer` a cost and an accuracy, or react otherwise",
                )


def _kept_and_protected(charter: Charter) -> Iterator[Finding]:
    capture = charter.serving.capture
    kept = capture.columns
    entity = charter.data.entity
    for name in sorted(capture.protected):
        if kept is not None and name not in kept and name != entity:
            yield Finding(
                ("serving", "capture", "protected", name),
                "it is not among the columns that are kept",
                "take it out here, or add it to `serving.capture.columns`",
            )


def _way_to_each(charter: Charter) -> Iterator[Finding]:
    known = [*charter.environments, PRODUCTION]
    for name, one in charter.environments.items():
        if one.after is not None and one.after not in known:
            yield Finding(
                ("environments", name, "after"),
                f"there is no environment {one.after!r}",
                did_you_mean(one.after, known) or f"there are {', '.join(known)}",
            )
        elif _circles(charter, name):
            yield Finding(
                ("environments", name, "after"),
                "it comes after itself, so that nothing ever enters it",
                "name the environment that comes before it",
            )


def _circles(charter: Charter, name: str) -> bool:
    seen, at = set(), name
    while True:
        seen.add(at)
        found = charter.environments.get(at)
        if found is None or found.after is None:
            return False
        at = found.after
        if at in seen:
            return True


def _production_is_gated(charter: Charter) -> Iterator[Finding]:
    found = charter.environments.get(PRODUCTION)
    if found is not None and not found.gate:
        yield Finding(
            ("environments", PRODUCTION, "gate"),
            "nothing enters production without the gate",
            "take `gate: false` out",
        )


def _strategy_has_what_it_needs(charter: Charter) -> Iterator[Finding]:
    for name, one in charter.environments.items():
        if one.strategy == "staged" and not charter.release.stages:
            yield Finding(
                ("environments", name, "strategy"),
                "a staged release needs stages, and `release.stages` names none",
                "write `release: {strategy: staged, stages: [{region: north}]}`, or take another",
            )
        if one.promotion == "bundle" and (one.source or one.equivalence):
            yield Finding(
                ("environments", name, "promotion"),
                "the very bundle enters, so that nothing is trained or compared here",
                "write `promotion: retrain`, or take `source` and `equivalence` out",
            )


RULES = (
    _reviewer_for_referred,
    _kept_and_protected,
    _way_to_each,
    _production_is_gated,
    _strategy_has_what_it_needs,
)
