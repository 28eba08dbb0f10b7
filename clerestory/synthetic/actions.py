"""
Single actions of the agent, as calls with their results.

Paths, commands and outputs are made up; shapes are those of the tools' real results.
"""

from random import Random

from .domains import Domain, identifier, language, lines_of
from .log import Call, Json


class Tools:
    """Makes calls for one session in one folder."""

    def __init__(self, random: Random, domain: Domain, cwd: str, paths: list[str]) -> None:
        self._random, self._domain, self._cwd, self._paths = random, domain, cwd, paths

    def _path(self) -> str:
        return f"{self._cwd}/{self._random.choice(self._paths)}"

    def _lines(self, path: str, count: int) -> list[str]:
        return lines_of(path, count, self._domain, self._random)

    def read(self) -> Call:
        """Read a part of a file."""
        path, count = self._path(), self._random.randrange(2, 7)
        text = self._lines(path, count)
        shown = "\n".join(f"{n:>6}→{line}" for n, line in enumerate(text, 1))
        about = {
            "filePath": path,
            "content": "\n".join(text),
            "numLines": count,
            "startLine": 1,
            "totalLines": count,
        }
        return Call("Read", {"file_path": path}, shown, {"type": "text", "file": about})

    def instructions(self, sign: str) -> Call:
        """Read what the person wrote down for the agent about this folder."""
        path, dice = f"{self._cwd}/CLAUDE.md", self._random
        text = [f"{sign[:1].upper()}{sign[1:]}.", dice.choice(self._domain.prose), "Keep it short."]
        dice.shuffle(text)
        shown = "\n".join(f"{n:>6}→{line}" for n, line in enumerate(text, 1))
        about = {"filePath": path, "content": "\n".join(text), "numLines": 3, "totalLines": 3}
        return Call("Read", {"file_path": path}, shown, {"type": "text", "file": about})

    def search(self) -> Call:
        """Find a name, or files by pattern."""
        if self._random.random() < 0.3:
            suffix = self._random.choice(self._paths).rpartition(".")[2]
            found = [f"{self._cwd}/{path}" for path in self._paths[:3]]
            about = {"filenames": found, "durationMs": 31, "numFiles": 3, "truncated": False}
            return Call("Glob", {"pattern": f"**/*.{suffix}"}, "\n".join(found), about)
        name, path = identifier(self._random), self._path()
        hits = "\n".join(f"{path}:{n}:{line}" for n, line in enumerate(self._lines(path, 3), 7))
        about = {"mode": "content", "numFiles": 0, "filenames": [], "content": hits, "numLines": 3}
        return Call("Grep", {"pattern": name, "output_mode": "content"}, hits, about)

    def edit(self, added: int, removed: int) -> Call:
        """Change a file: so many lines more, so many fewer."""
        path = self._path()
        around = self._lines(path, 2)
        old = [line or "pass" for line in self._lines(path, removed)]
        new = [line or "pass" for line in self._lines(path, added)]
        before, after = [around[0], *old], [around[0], *new]
        start = self._random.randrange(1, 300)
        hunk = {
            "oldStart": start,
            "oldLines": removed + 2,
            "newStart": start,
            "newLines": added + 2,
            "lines": [
                f" {around[0]}",
                *(f"-{line}" for line in old),
                *(f"+{line}" for line in new),
                f" {around[1]}",
            ],
        }
        given: Json = {
            "file_path": path,
            "old_string": "\n".join(before),
            "new_string": "\n".join(after),
            "replace_all": False,
        }
        about = {
            "filePath": path,
            "oldString": given["old_string"],
            "newString": given["new_string"],
            "originalFile": None,
            "structuredPatch": [hunk],
            "userModified": False,
            "replaceAll": False,
        }
        told = f"The file {path} has been updated."
        return Call("Edit", given, told, about, added=added, removed=removed)

    def create(self, added: int) -> Call:
        """Write a new file of so many lines."""
        path = self._path()
        stem, _, suffix = path.rpartition(".")
        path = f"{stem}_{self._random.randrange(2, 99)}.{suffix}"
        content = "\n".join(line or "pass" for line in self._lines(path, added)) + "\n"
        about: Json = {
            "type": "create",
            "filePath": path,
            "content": content,
            "structuredPatch": [],
            "originalFile": None,
        }
        given: Json = {"file_path": path, "content": content}
        return Call("Write", given, f"File created successfully at: {path}", about, added=added)

    def refused(self, words: str) -> Call:
        """An edit that the person rejects, sometimes with words."""
        call = self.edit(1, 1)
        call.added = call.removed = 0
        call.failed, call.extra = True, "User rejected tool use"
        call.result = (
            "The user doesn't want to proceed with this tool use. The tool use was rejected "
            "(eg. if it was a file edit, the new_string was NOT written to the file)."
        )
        if words:
            call.result += f" To tell you how to proceed, the user said:\n{words}"
        return call

    def shell(self, command: str, output: str, *, failed: bool = False) -> Call:
        """Run a command."""
        about: object = {"stdout": output, "stderr": "", "interrupted": False, "isImage": False}
        text = output
        if failed:
            text, about = f"Exit code 1\n{output}", f"Error: Exit code 1\n{output}"
        words = command.split()
        given: Json = {"command": command, "description": f"Run {words[0]}"}
        return Call("Bash", given, text, about, failed=failed)

    def look(self) -> Call:
        """A harmless command."""
        dice = self._random
        folder = "\n".join(path.rpartition("/")[2] for path in self._paths)
        options = (
            ("ls -la", folder),
            ("git status --short", f" M {self._paths[0]}"),
            ("git log --oneline -3", f"{dice.getrandbits(28):07x} update {identifier(dice)}"),
            (f"wc -l {self._paths[0]}", f"{dice.randrange(20, 900)} {self._paths[0]}"),
            (f"head -3 {self._paths[-1]}", "\n".join(self._lines(self._paths[-1], 3))),
        )
        return self.shell(*dice.choice(options))

    def operate(self) -> Call:
        """A command that changes the machine, its services or packages."""
        dice = self._random
        options = (
            ("docker compose up -d --build", " Container web  Started"),
            ("npm ci", f"added {dice.randrange(80, 900)} packages in {dice.randrange(4, 40)}s"),
            ("pip install -r requirements.txt", "Successfully installed"),
            ("systemctl restart worker", ""),
            ("kubectl rollout status deploy/web", 'deployment "web" successfully rolled out'),
            (f"mkdir -p archive/{dice.randrange(2019, 2026)} && mv *.pdf archive/", ""),
            ("git pull --rebase", "Successfully rebased and updated."),
            ("rsync -a --delete ./out/ backup/", f"sent {dice.randrange(2_000, 90_000)} bytes"),
        )
        return self.shell(*dice.choice(options))

    def compute(self) -> Call:
        """A script over data, with figures as its output."""
        dice = self._random
        rows = "\n".join(
            f"{name:<10}{dice.randrange(4, 900):>6}{dice.random():>8.3f}"
            for name in ("north", "south", "east", "total")[: dice.randrange(2, 5)]
        )
        script = dice.choice(("analysis.py", "summary.py", "compare.py", "fit.R"))
        return self.shell(f"python {script} {dice.choice(self._paths)}", rows)

    def tests(self, *, passed: bool) -> Call:
        """Run a test suite of the language at hand."""
        dice = self._random
        good, bad = dice.randrange(3, 60), dice.randrange(1, 4)
        if language(self._paths[0]) in ("TypeScript", "JavaScript", "HTML", "CSS"):
            tail = f"Tests:       {good} passed, {good} total"
            broken = f"Tests:       {bad} failed, {good} passed, {good + bad} total"
            return self.shell("npm test", tail if passed else broken, failed=not passed)
        name = identifier(dice)
        broken = f"FAILED tests/test_{name}.py::test_{name}\n{bad} failed, {good} passed"
        seconds = dice.randrange(20, 900) / 100
        tail = f"{'.' * min(good, 30)}\n{good} passed in {seconds}s"
        return self.shell("python -m pytest -q", tail if passed else broken, failed=not passed)

    def trouble(self) -> Call:
        """A command that ends in an error."""
        dice = self._random
        options = (
            (f"python {self._paths[0]}", f"KeyError: '{identifier(dice)}'"),
            ("python run.py", "ModuleNotFoundError: No module named 'openpyxl'"),
            (f"cat {identifier(dice)}.txt", "No such file or directory"),
            ("make report", "make: *** [report] Error 2"),
            ("npm run build", f"error TS2339: Property '{identifier(dice)}' does not exist"),
        )
        command, output = dice.choice(options)
        return self.shell(command, output, failed=True)

    def commit(self, subject: str) -> Call:
        """Commit what was changed."""
        sha = f"{self._random.getrandbits(28):07x}"
        call = self.shell(f'git add -A && git commit -m "{subject}"', f"[main {sha}] {subject}")
        kind = {"commit": {"sha": sha, "kind": "committed"}}
        call.extra = {**call.extra, "gitOperation": kind} if isinstance(call.extra, dict) else None
        call.commits = 1
        return call

    def todo(self) -> Call:
        """Note what is to be done."""
        steps = [f"{identifier(self._random)} in {path}" for path in self._paths[:2]]
        todos = [{"content": s, "status": "pending", "activeForm": s} for s in steps]
        about = {"oldTodos": [], "newTodos": todos}
        return Call("TodoWrite", {"todos": todos}, "Todos have been modified successfully.", about)

    def web(self) -> Call:
        """Search the web."""
        words = identifier(self._random).replace("_", " ")
        query = f"{self._random.choice(self._domain.loose)} {words}"
        about = {"query": query, "results": [], "durationSeconds": 3.1}
        return Call(
            "WebSearch", {"query": query}, f'Web search results for query: "{query}"', about
        )

    def ask(self, question: str, options: list[str], answer: str) -> Call:
        """Ask the person; the answer may be in own words."""
        asked = [
            {
                "question": question,
                "header": "Choice",
                "options": [{"label": option, "description": option} for option in options],
                "multiSelect": False,
            }
        ]
        about = {"questions": asked, "answers": {question: answer}}
        told = f'User has answered your questions: "{question}"="{answer}".'
        return Call("AskUserQuestion", {"questions": asked}, told, about)
