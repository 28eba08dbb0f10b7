"""`./run bench [NAME]`: one benchmark, or all of them."""

import sys
from importlib import import_module

NAMES = (
    "startup", "synthesize", "seal", "classify", "egress", "release", "ledger", "totals", "scale",
    "peers", "reproduction",
)  # fmt: skip


def main(arguments: list[str]) -> int:
    """Run what was asked for; returns an exit code."""
    unknown = [name for name in arguments if name not in NAMES]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    for name in arguments or NAMES:
        import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
