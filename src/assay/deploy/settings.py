"""What of a charter gateways are told beside the versions that serve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.charter.charter import Charter

__all__ = ["settings_of", "settings_told"]


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


def settings_told(charter: Charter, written: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that were `written`; the charter's where an older entry lacks them.

    So a charter that was changed and not signed serves nothing, whoever tells the gateways again.
    """
    return {name: written.get(name, own) for name, own in settings_of(charter).items()}
