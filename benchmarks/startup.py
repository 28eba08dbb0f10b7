"""How soon the command line answers `--help`, against an empty interpreter."""

import subprocess
import sys

from benchmarks.measuring import seconds, tell


def main() -> None:
    """Measure and tell."""

    def run(*arguments: str) -> None:
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)

    bare = seconds(lambda: run("-c", ""), 7)
    told = seconds(lambda: run("-m", "clerestory", "--help"), 7)
    tell("startup", help_s=told, empty_interpreter_s=bare, ratio=told / bare)
