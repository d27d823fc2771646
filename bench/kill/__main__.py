"""`python -m bench.kill [LOOP ...] [--times N]`: kill -9 in loops, and count what was lost.

Without a name all loops run and share the kills among them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from bench.kill import captures, gateway, releases, server
from bench.kill.tally import Tally, table

__all__ = ["LOOPS", "main", "shares"]

LOOPS: dict[str, Callable[[int], list[Tally]]] = {
    "captures": captures.run,
    "releases": releases.run,
    "gateway": gateway.run,
    "server": server.run,
}
_TIMES = 200


def main(argv: Sequence[str] | None = None) -> int:
    """Run the loops, print one table, and return whether a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m bench.kill", description=__doc__)
    parser.add_argument("loops", nargs="*", metavar="LOOP", help=f"of {', '.join(LOOPS)}")
    parser.add_argument("--times", type=int, default=_TIMES, help="kills in all")
    given = parser.parse_args(argv)
    strangers = [one for one in given.loops if one not in LOOPS]
    if strangers:
        parser.error(f"no loop {strangers[0]!r}; there are {', '.join(LOOPS)}")
    found: list[Tally] = []
    for name, times in shares(given.loops or list(LOOPS), given.times).items():
        found += LOOPS[name](times)
    print(table(found))
    return 0 if all(one.kept for one in found) else 1


def shares(names: Sequence[str], times: int) -> dict[str, int]:
    """Return how often each loop kills, as equally as it goes.

    >>> shares(["captures", "server"], 5)
    {'captures': 3, 'server': 2}
    """
    each, left = divmod(times, len(names))
    return {name: each + (place < left) for place, name in enumerate(names)}


if __name__ == "__main__":
    sys.exit(main())
