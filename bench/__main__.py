"""`make bench [BENCH=name]`: what Assay costs, beside the best peers, as ratios in one run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from bench import bootstrap, ledger, sequences, startup

BENCHES: dict[str, Callable[[], None]] = {
    "startup": startup.run,
    "ledger": ledger.run,
    "bootstrap": bootstrap.run,
    "sequences": sequences.run,
}


def main() -> None:
    wanted = sys.argv[1:] or os.environ.get("BENCH", "").split() or list(BENCHES)
    for name in wanted:
        if name not in BENCHES:
            sys.exit(f"no bench {name!r}; there are {', '.join(BENCHES)}")
        print(f"\n== {name}")
        BENCHES[name]()


if __name__ == "__main__":
    main()
