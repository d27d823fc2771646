"""`make simulate`: how often what is watched goes wrong, and how many cases it takes."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec

PARTS = (
    "rollouts",
    "releases",
    "rollout_sizes",
    "sequences",
    "estimates",
    "bridge",
    "value_before_labels",
    "performance",
)


def main() -> None:
    """Run each part that is there; `python -m bench.simulate rollouts` runs one."""
    for name in sys.argv[1:] or PARTS:
        if find_spec(f"bench.simulate.{name}") is not None:
            print(f"\n== {name}")
            import_module(f"bench.simulate.{name}").main()


if __name__ == "__main__":
    main()
