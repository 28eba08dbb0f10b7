"""`./run bench [NAME [ARGUMENT…]]`: one benchmark, some, or all of them."""

import sys
from importlib import import_module

NAMES = (
    "startup", "synthesize", "seal", "classify", "egress", "release", "ledger", "totals", "scale",
    "adjusted", "peers", "coverage", "reproduction", "offline", "formats", "injection", "asking",
)  # fmt: skip
TAKE_MORE = ("scale", "release", "offline")
"""Those that take arguments of their own: `./run bench scale 100000000`."""


def main(arguments: list[str]) -> int:
    """Run what was asked for; returns an exit code."""
    if arguments and arguments[0] in TAKE_MORE and not set(arguments[1:]) & set(NAMES):
        import_module(f"benchmarks.{arguments[0]}").main(arguments[1:])
        return 0
    unknown = [name for name in arguments if name not in NAMES]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    for name in arguments or NAMES:
        import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
