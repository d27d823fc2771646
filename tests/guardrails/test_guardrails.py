"""Every guardrail, found by introspection, goes through the public battery."""

from __future__ import annotations

import pytest

from assay.guardrails.battery import check_guardrail
from assay.guardrails.registry import plugins


@pytest.mark.parametrize("metric", plugins())
def test_every_guardrail_passes_the_battery(metric: str) -> None:
    check_guardrail(plugins()[metric])
