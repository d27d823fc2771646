"""The gamma law's functions agree with scipy's, compiled or not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import gammaincc, gammaln

from assay.stats import gamma_law
from assay.stats.gamma_law import log_gamma, upper_gamma
from assay.stats.tally_kernel import compiled
from assay.stats.tally_loops import LOOPS

rng = np.random.default_rng(0)
SHAPES = 10 ** rng.uniform(-1, 4, 5000)
NEAR = np.maximum(SHAPES + 4 * rng.normal(size=5000) * np.sqrt(SHAPES), 0.0)
FAR = SHAPES * 10 ** rng.normal(0, 0.4, 5000)


@pytest.mark.parametrize("at", [NEAR, FAR])
def test_chances_far_out_and_near_are_those_of_scipy(at: np.ndarray) -> None:
    assert compiled() is not None
    exact = gammaincc(SHAPES, at)
    told = exact > 1e-280
    np.testing.assert_allclose(upper_gamma(SHAPES, at)[told], exact[told], rtol=1e-10)


def test_shapes_and_numbers_are_broadcast() -> None:
    compiled()
    shapes, at = np.array([[0.5], [30.0]]), np.array([0.0, 1.0, 40.0])
    np.testing.assert_allclose(upper_gamma(shapes, at), gammaincc(shapes, at), rtol=1e-12)
    np.testing.assert_allclose(log_gamma(SHAPES), gammaln(SHAPES), rtol=1e-12, atol=1e-12)


def test_without_the_kernel_scipy_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gamma_law, "loaded", lambda: None)
    assert upper_gamma(SHAPES, NEAR).tolist() == gammaincc(SHAPES, NEAR).tolist()
    assert log_gamma(SHAPES).tolist() == gammaln(SHAPES).tolist()


def test_the_source_does_what_is_compiled_of_it() -> None:
    compiled()
    few = slice(0, 200)
    found = np.empty(200)
    loop: Any = LOOPS["upper_gamma"][0]
    loop(SHAPES[few], NEAR[few], 200, found)
    np.testing.assert_allclose(found, upper_gamma(SHAPES[few], NEAR[few]), rtol=1e-9)
