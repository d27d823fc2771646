"""How often the drift alarm cries wolf, and how often it sees what is there.

Thirty features, 20 numbers and 10 categories with 2 to 1000 values, are drawn as counts straight
from their laws: a profile needs no more. Numbers are standard normal (their law does not matter:
location goes by ranks); categories follow Zipf's law. Harmless movement shifts every feature of
every window, reference and judged, by N(0, 0.02) standard deviations; a category moves along a
direction of its own. Each repeat draws a reference and two windows anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, kolmogorov, ndtr, ndtri

from assay.monitor.creep import creep
from assay.monitor.drift import drift
from assay.stats import distances
from assay.stats.grid import CategoryAxis, Grid, NumberAxis
from assay.stats.profile import Profile, Tally
from assay.stats.reference import Reference

Floats = NDArray[np.float64]
Rule = Callable[[Reference, Profile], set[str]]

NUMBERS = tuple(f"x{i}" for i in range(20))
CATEGORIES = {f"c{k}": k for k in (2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)}
CELLS = 128
_EDGES = ndtri(np.arange(1, CELLS) / CELLS)
_CUTS = np.concatenate([[-np.inf], _EDGES, [np.inf]])
HARMLESS = 0.02


@dataclass(frozen=True)
class Setting:
    """Sizes of the reference windows and the judged one, harmless movement, and what drifts.

    `numbers` is a shift in standard deviations; `categories` a tilt: every log share moves by
    `tilt` times a draw that is uniform on (-1, 1), or (`along`) along one direction by as many
    standard deviations. Which features do: `drifting`.
    """

    sizes: tuple[int, ...] = (1000,) * 20
    n: int = 1000
    jitter: float = 0.0
    numbers: float = 0.0
    categories: float = 0.0
    along: bool = False
    drifting: frozenset[str] = frozenset()


class World:
    """Laws of the thirty features, and the directions along which categories move."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.laws = {name: _zipf(k) for name, k in CATEGORIES.items()}
        self.ways = {name: _direction(rng, law) for name, law in self.laws.items()}
        self.tilts = {name: rng.uniform(-1, 1, len(law)) for name, law in self.laws.items()}
        axes: dict[str, NumberAxis | CategoryAxis] = {
            name: NumberAxis(np.concatenate([[-9.0], _EDGES, [9.0]]), 0.0, 1.0) for name in NUMBERS
        }
        axes |= {
            name: CategoryAxis(tuple(f"{i:04}" for i in range(k))) for name, k in CATEGORIES.items()
        }
        self.grid = Grid(axes)

    def profiles(self, sizes: Sequence[int], setting: Setting) -> tuple[Profile, ...]:
        """Draw a window of each size."""
        drawn = {name: self._numbers(name, sizes, setting) for name in NUMBERS}
        drawn |= {name: self._categories(name, sizes, setting) for name in CATEGORIES}
        return tuple(
            Profile(n, {name: _tally(name, counts[i]) for name, counts in drawn.items()})
            for i, n in enumerate(sizes)
        )

    def reference(self, setting: Setting) -> Reference:
        """Draw the reference windows."""
        calm = replace(setting, drifting=frozenset())
        return Reference(self.grid, self.profiles(setting.sizes, calm))

    def _numbers(self, name: str, sizes: Sequence[int], setting: Setting) -> NDArray[np.int64]:
        shift = self.rng.normal(0, setting.jitter, len(sizes))
        shift += setting.numbers * (name in setting.drifting)
        cells = np.diff(ndtr(_CUTS - shift[:, None]))
        return np.asarray(self.rng.multinomial(np.array(sizes), cells), dtype=np.int64)

    def _categories(self, name: str, sizes: Sequence[int], setting: Setting) -> NDArray[np.int64]:
        law, way = self.laws[name], self.ways[name]
        power = self.rng.normal(0, setting.jitter, len(sizes))[:, None] * way
        if name in setting.drifting:
            power = power + setting.categories * (way if setting.along else self.tilts[name])
        tilted = law * np.exp(np.clip(power, -5, 5))
        tilted /= tilted.sum(axis=1, keepdims=True)
        return self.rng.multinomial(np.array(sizes), tilted)


def _zipf(k: int) -> Floats:
    law = 1 / np.arange(1.0, k + 1)
    share: Floats = law / law.sum()
    return share


def _direction(rng: np.random.Generator, law: Floats) -> Floats:
    way = rng.normal(size=len(law))
    way -= law @ way
    return np.asarray(way / np.sqrt(law @ way**2))


def _tally(name: str, counts: NDArray[np.int64]) -> Tally:
    if name in CATEGORIES:
        return Tally(np.concatenate([counts, [0, 0]]), np.empty(0))
    return Tally(np.concatenate([[0], counts, [0, 0]]), np.zeros(CELLS + 3))


def ours(reference: Reference, window: Profile) -> set[str]:
    """Return the features that Assay's rule names."""
    return {one.feature for one in drift(reference, window).moved}


def plain_p(reference: Reference, window: Profile) -> set[str]:
    """Kolmogorov-Smirnov and chi-squared against the pooled reference, p < 0.05 each."""
    found = set()
    for name, tally in window.features.items():
        a, b = reference.pooled.features[name].counts[:-1], tally.counts[:-1]
        if name in CATEGORIES:
            statistic, freedom = distances.chi_squared(a, b)
            p = float(chdtrc(freedom, statistic))
        else:
            both = a.sum() * b.sum() / (a.sum() + b.sum())
            p = float(kolmogorov(distances.kolmogorov_smirnov(a, b) * np.sqrt(both)))
        if p < 0.05:
            found.add(name)
    return found


def fixed_limit(reference: Reference, window: Profile) -> set[str]:
    """Evidently's default: Wasserstein over sd, or Jensen-Shannon (nats), of 0.1 or more."""
    return {
        name
        for name, tally in window.features.items()
        if _far(name, reference.pooled.features[name], tally, float(np.sqrt(np.log(2)))) >= 0.1
    }


def three_sigma(reference: Reference, window: Profile) -> set[str]:
    """NannyML's default: Jensen-Shannon above the mean plus 3 sd of the reference windows'."""
    found = set()
    for name, tally in window.features.items():
        pooled = reference.pooled.features[name]
        own = [_js(name, pooled, one.features[name]) for one in reference.windows]
        if _js(name, pooled, tally) > np.mean(own) + 3 * np.std(own):
            found.add(name)
    return found


def _js(name: str, pooled: Tally, tally: Tally) -> float:
    a, b = pooled.counts[:-1], tally.counts[:-1]
    if name not in CATEGORIES:
        a, b = (np.add.reduceat(one, np.arange(0, CELLS, 4)) for one in (a, b))
    return distances.jensen_shannon(a, b)


def _far(name: str, pooled: Tally, tally: Tally, nats: float) -> float:
    if name in CATEGORIES:
        return distances.jensen_shannon(pooled.counts[:-1], tally.counts[:-1]) * nats
    # The area between distribution functions, from the first of the normal law's cuts to the last.
    gap = np.cumsum(pooled.counts / pooled.n - tally.counts / tally.n)[1:CELLS]
    return float(np.abs(gap[:-1]) @ np.diff(_EDGES))


def alarms(setting: Setting, repeats: int, rule: Rule = ours, seed: int = 0) -> Iterator[set[str]]:
    """Yield the features named, window after window: two windows for each reference drawn."""
    for run in range(repeats):
        world = World(np.random.default_rng([41, seed, run]))
        reference = world.reference(setting)
        for window in world.profiles((setting.n, setting.n), setting):
            yield rule(reference, window)


def false_rate(setting: Setting, repeats: int, rule: Rule = ours, seed: int = 0) -> float:
    """Return the share of windows in which any of the thirty features raises an alarm."""
    return float(np.mean([bool(found) for found in alarms(setting, repeats, rule, seed)]))


def power(setting: Setting, repeats: int, rule: Rule = ours, seed: int = 0) -> float:
    """Return the share of drifting features that are named."""
    hits = [len(found & setting.drifting) for found in alarms(setting, repeats, rule, seed)]
    return float(np.mean(hits)) / len(setting.drifting)


def mixed(rng: np.random.Generator, windows: int) -> tuple[int, ...]:
    """Return window sizes spread evenly in the logarithm between 300 and 30,000 rows."""
    return tuple(int(n) for n in np.geomspace(300, 30_000, windows)[rng.permutation(windows)])


RULES: dict[str, Rule] = {
    "Assay": ours,
    "p < 0.05": plain_p,
    "fixed limit 0.1": fixed_limit,
    "mean + 3 sd": three_sigma,
}


def false_alarms(repeats: int) -> None:
    """Print how often any of thirty features raises an alarm where nothing drifts."""
    print("\nAny of 30 features, nothing drifts: share of windows with an alarm")
    print(f"{'reference windows':24}{'judged':>8}" + "".join(f"{k:>14}" for k in (0.0, HARMLESS)))
    for windows in (10, 20, 30):
        cases = [((size,) * windows, n) for size in (1000, 10_000, 100_000) for n in SIZES]
        spread = mixed(np.random.default_rng(windows), windows)
        for sizes, n in [*cases, *((spread, n) for n in SIZES)]:
            calm, restless = (
                false_rate(Setting(sizes, n, jitter), repeats) for jitter in (0.0, HARMLESS)
            )
            label = f"{windows} x {sizes[0]:,}" if sizes is not spread else f"{windows} mixed"
            print(f"{label:24}{n:>8,}{calm:>14.3f}{restless:>14.3f}", flush=True)


def found(repeats: int) -> None:
    """Print the share of drifting features that are named, windows and reference of 1,000 rows."""
    print("\nPower: share of drifting features named; 1,000 rows a window")
    head: tuple[str, ...] = ("one +0.1", "one +0.2", "all +0.1", "all +0.2", "one tilt .3")
    head += ("all tilt .1", "all tilt .3")
    print(f"{'reference':12}{'jitter':>8}" + "".join(f"{name:>13}" for name in head))
    for windows in (10, 20, 30):
        for jitter in (0.0, HARMLESS):
            calm = Setting((1000,) * windows, 1000, jitter, along=True)
            one = [replace(calm, numbers=k, drifting=frozenset({"x0"})) for k in (0.1, 0.2)]
            many = [replace(calm, numbers=k, drifting=frozenset(NUMBERS)) for k in (0.1, 0.2)]
            tilts = [
                replace(calm, categories=k, drifting=frozenset(CATEGORIES)) for k in (0.1, 0.3)
            ]
            singles = [
                power(
                    replace(calm, categories=0.3, drifting=frozenset({name})), repeats // 8, seed=at
                )
                for at, name in enumerate(CATEGORIES)
            ]
            shares = [power(each, repeats) for each in one]
            shares += [power(each, repeats // 2) for each in many]
            shares += [float(np.mean(singles)), *(power(each, repeats // 2) for each in tilts)]
            cells = "".join(f"{share:>13.2f}" for share in shares)
            print(f"{windows:<12}{jitter:>8}{cells}", flush=True)


def beside_others(repeats: int) -> None:
    """Print false alarms for each feature and window, and power, beside other rules."""
    print("\nBeside other rules, 20 reference windows: alarms for each feature, and power")
    settings = {
        "1k": Setting((1000,) * 20, 1000),
        "100k, jitter": Setting((100_000,) * 20, 100_000, HARMLESS),
        "10k judges 1k": Setting((10_000,) * 20, 1000),
    }
    strong = replace(settings["1k"], numbers=0.1, drifting=frozenset(NUMBERS))
    head = "".join(f"{name:>16}" for name in (*settings, "power +0.1, 1k"))
    print(f"{'rule':18}{head}")
    for name, rule in RULES.items():
        shares = [
            float(np.mean([len(named) for named in alarms(setting, repeats, rule)])) / 30
            for setting in settings.values()
        ]
        cells = "".join(f"{share:>16.3f}" for share in (*shares, power(strong, repeats, rule)))
        print(f"{name:18}{cells}", flush=True)


def delays(repeats: int, most: int = 300) -> None:
    """Print after how many windows creep is found, and how often where there is none."""
    print("\nCreep of one feature of 30: windows until the alarm (median), 30 reference windows")
    for n in (1000, 10_000):
        for jitter in (0.0, HARMLESS):
            cells = []
            for shift in (0.0, 0.02, 0.05, 0.1):
                until = np.array([_until(n, jitter, shift, most, run) for run in range(repeats)])
                told = f"{np.median(until):.0f}" if shift else f"{np.mean(until <= most):.2f}"
                cells.append(f"{told:>8}")
            label = f"{n:>8,}{jitter:>6}   false by {most}, +0.02, +0.05, +0.1:"
            print(label + "".join(cells), flush=True)


def _until(n: int, jitter: float, shift: float, most: int, run: int) -> float:
    world = World(np.random.default_rng([43, run]))
    drifting = frozenset({"x0"}) if shift else frozenset()
    setting = Setting((n,) * 30, n, jitter, numbers=shift, drifting=drifting)
    reference, state = world.reference(setting), None
    for number, window in enumerate(world.profiles((n,) * most, setting)):
        told = creep(reference, [(number, window)], state)
        if told.moved:
            return number + 1
        state = told.state
    return np.inf


SIZES = (1000, 10_000, 100_000)


def main(repeats: int = 200) -> None:
    """Print every table: some twenty minutes on one core."""
    false_alarms(repeats)
    found(repeats)
    beside_others(repeats // 4)
    delays(repeats // 10)
