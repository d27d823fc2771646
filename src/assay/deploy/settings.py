"""What of a charter gateways are told beside the versions that serve, and whose release it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.charter.charter import Charter

__all__ = ["ReleasedAs", "Whose", "settings_of", "settings_told"]


@dataclass(frozen=True)
class ReleasedAs:
    """A model in an environment with the settings that it was released under.

    That is all that a way back needs of a charter.
    """

    name: str
    environment: str
    settings: Mapping[str, Any]


Whose = Charter | ReleasedAs
"""Whose release it is: the charter on disk, or what is known of the one that was released."""


def settings_of(charter: Charter) -> dict[str, Any]:
    """Return a charter's settings of serving, as an entry that brings a release forward has them.

    They are what was signed: the entry is written through an open gate. `baseline` decides where a
    first shadow serves beside nothing.
    """
    return {
        "capture": charter.release.capture,
        "exploration_share": charter.release.exploration_share,
        "control_share": charter.release.control_share,
        "shadow_share": charter.release.shadow_share,
        "entity": charter.data.entity,
        "serving": charter.serving.model_dump(mode="json"),
        "baseline": charter.value.baseline,
    }


def settings_told(whose: Whose, written: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that were `written`; the charter's where an older entry lacks them.

    So a charter that was changed and not signed serves nothing, whoever tells the gateways again.
    """
    known = whose.settings if isinstance(whose, ReleasedAs) else settings_of(whose)
    return {name: written.get(name, own) for name, own in known.items()}
