"""
Every refusal of the program, read off its source: code, exit code, rule, remedy.

A refusal is a call that names its code and its `rule`, or a finding that is yielded as (code,
rule, found, …) and raised by whoever asked for it.  Where a rule stands in a variable, the last
assignment before it in the same function is taken; where it is a parameter, the calls are.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from privacy import errors
from tests.support.world import ROOT

PACKAGES = ("privacy", "classifiers", "aggregates", "clerestory")
CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9…]+)+|UNEXPECTED")
EXITS = {
    name: kind.exit_code
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.ClerestoryError)
}
REFUSED = errors.RefusedError.exit_code

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Refusal:
    """One place where the program says no."""

    code: str
    exit: int
    rule: str
    remedy: str
    place: str
    """Module and line, for whoever reads a failing test."""


def refusals() -> list[Refusal]:
    """All of them, by code."""
    found: list[Refusal] = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            found += _Module(path).refusals()
    return sorted(found, key=lambda one: (one.code, one.place))


class _Module:
    """One file, and what its expressions say as text."""

    def __init__(self, path: Path) -> None:
        self.name = path.relative_to(ROOT).as_posix()
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.functions = [n for n in ast.walk(self.tree) if isinstance(n, Function)]

    def refusals(self) -> Iterator[Refusal]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield from self._call(node)
            elif isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple):
                yield from self._finding(node.value)

    def _call(self, call: ast.Call) -> Iterator[Refusal]:
        told = {word.arg: word.value for word in call.keywords}
        code = told.get("code") or (call.args[0] if call.args else None)
        # A code in a variable is a helper's: its calls say which.
        if not isinstance(code, ast.Constant | ast.JoinedStr) or "rule" not in told:
            return
        for name in self._texts(code):
            if not CODE.fullmatch(name):
                continue
            remedies = self._texts(told["remedy"]) if "remedy" in told else [""]
            for rule in self._texts(told["rule"]):
                place = f"{self.name}:{call.lineno}"
                yield Refusal(name, self._exit(call), rule, " ".join(remedies), place)

    def _finding(self, row: ast.Tuple) -> Iterator[Refusal]:
        code, *rest = row.elts
        if isinstance(code, ast.Constant) and CODE.fullmatch(str(code.value)):
            remedy = " ".join(self._texts(rest[2])) if len(rest) > 2 else ""
            for rule in self._texts(rest[0]):
                place = f"{self.name}:{row.lineno}"
                yield Refusal(str(code.value), REFUSED, rule, remedy, place)

    def _exit(self, call: ast.Call) -> int:
        """The exit code of an error's type, or of the one that a helper makes."""
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name in EXITS:
            return EXITS[name]
        inside = [n for f in self.functions if f.name == name for n in ast.walk(f)]
        made = [
            n.func.id for n in inside if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        ]
        return next((EXITS[kind] for kind in made if kind in EXITS), REFUSED)

    def _texts(self, value: ast.expr) -> list[str]:
        """What an expression can say; `…` stands for what only a run knows."""
        match value:
            case ast.Constant():
                return [str(value.value)]
            case ast.JoinedStr():
                parts = (p.value if isinstance(p, ast.Constant) else "…" for p in value.values)
                return ["".join(map(str, parts))]
            case ast.Name():
                return self._named(value)
        return ["…"]

    def _named(self, name: ast.Name) -> list[str]:
        around = [f for f in self.functions if f.lineno <= name.lineno <= (f.end_lineno or 0)]
        for function in reversed(around):
            set_before = [
                node.value
                for node in ast.walk(function)
                if isinstance(node, ast.Assign)
                and any(isinstance(t, ast.Name) and t.id == name.id for t in node.targets)
                and node.lineno < name.lineno
            ]
            if set_before:
                return self._texts(max(set_before, key=lambda node: node.lineno))
            arguments = [a.arg for a in (*function.args.args, *function.args.kwonlyargs)]
            if name.id in arguments:
                return self._passed(function.name, name.id, arguments.index(name.id))
        return ["…"]

    def _passed(self, function: str, argument: str, position: int) -> list[str]:
        """What calls give for a parameter."""
        texts = []
        for node in ast.walk(self.tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and (node.func.id == function)
            ):
                given = {word.arg: word.value for word in node.keywords}
                if argument in given:
                    texts += self._texts(given[argument])
                elif position < len(node.args):
                    texts += self._texts(node.args[position])
        return texts or ["…"]
