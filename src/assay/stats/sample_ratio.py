"""Whether traffic was split as agreed: the first thing to look at in any experiment."""

from __future__ import annotations

from math import log

from assay.stats.beta_function import log_beta

__all__ = ["sample_ratio_log_e"]

_WEIGHT = 100.0
"""How near to the agreed share the alternatives lie: as if 100 units had shown it before."""


def sample_ratio_log_e(on_challenger: int, on_champion: int, share: float) -> float:
    """Return the logarithm of an e-value against "the challenger gets `share` of the units".

    The counts are all units so far under that share. A beta mixture of shares against the agreed
    one: it exceeds log(1 / alpha) ever, as units come in, with chance at most alpha under an honest
    split (Lindon and Malek, Anytime-valid inference for multinomial count data, NeurIPS 2022,
    equation 4). Do not add up the values of batches, each of which would forget what the ones
    before have shown; those under different shares may be added.

    >>> sample_ratio_log_e(500, 500, 0.5) < 0 < sample_ratio_log_e(600, 400, 0.5)
    True
    """
    a, b = _WEIGHT * share, _WEIGHT * (1.0 - share)
    mixture = log_beta(a + on_challenger, b + on_champion) - log_beta(a, b)
    return mixture - on_challenger * log(share) - on_champion * log(1.0 - share)
