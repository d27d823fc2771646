"""What a gateway says of a model: the outputs that can be asked for are all there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from assay.evidence.bundle import Bundle
from assay.gateway.metadata import model_metadata


@pytest.mark.parametrize("typical", [{}, {"age": 40.0, "job": "nurse"}])
def test_reasons_are_an_output_where_they_can_be_told(
    make_stage: Callable[..., Any], classifiers: tuple[Bundle, Bundle], typical: dict[str, Any]
) -> None:
    stage = make_stage()
    stage.publish(classifiers[0])
    stage.serving.arms[0].__dict__["typical"] = typical  # a cached property
    told = model_metadata(stage.serving, 0)
    last = told["outputs"][-1]
    assert (last["name"] == "reasons") is bool(typical)
    assert not typical or last == {"name": "reasons", "datatype": "BYTES", "shape": [-1]}
