"""
Write a synthetic session: a plot in words, calls and results.

Everything a log of the program holds beside the conversation turns up now and then: plans handed
over, words queued while the agent works, rejected edits, questions with answers, slash commands,
interrupts, thinking, notices of the program, sub-agents in files of their own, damaged lines.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from .actions import Tools
from .domains import Domain, domains
from .log import Call, Done, Json, Log, Place, damaged
from .plot import Plot, Row, Step, cap, plot
from .wording import Voice, wording

MODELS = {
    "opus": (
        ("claude-opus-4-1-20250805", 0),
        ("claude-opus-4-5-20251101", 2),
        ("claude-opus-4-6", 4),
    ),
    "sonnet": (("claude-sonnet-4-5-20250929", 0), ("claude-sonnet-4-6", 5)),
    "haiku": (("claude-haiku-4-5-20251001", 0),),
}
"""Model names of a family and the month of the seven from which they are used."""
MONTHS = ("2025-10", "2025-11", "2025-12", "2026-01", "2026-02", "2026-03", "2026-04")
VERSIONS = ("2.0.14", "2.0.37", "2.0.62", "2.0.76", "2.1.12", "2.1.37", "2.1.63")
ENTRYPOINTS = {"cli": "cli", "desktop": "claude-desktop", "ide": "claude-vscode"}
COMMANDS = ("review", "commit", "simplify", "explain", "tidy", "next-step")
BRANCHES = ("main", "main", "develop", "fix/import", "feature/export", "")


@dataclass(frozen=True, slots=True)
class Story:
    """One finished session."""

    session: str
    cwd: str
    lines: list[str]
    agents: dict[str, list[str]]
    """Lines of sub-agents' files, by the agents' ids."""
    count: dict[str, int]
    """What the log holds, sub-agents included."""
    models: tuple[str, ...]
    entrypoint: str
    began: datetime
    done: tuple[Done, ...]
    """Every action, sub-agents' included, in order."""


def tell(row: Row, dice: Random, *, canary: str, home: str, place: str, sign: str) -> Story:
    """
    Write the session of one label row.

    Args:
        row: Labels and sizes; sizes are capped.
        dice: The session's own random numbers.
        canary: A word that appears once, in what the person or a tool says.
        home: The account's home folder.
        place: Folder below it, which may tell the profession.
        sign: A remark that tells the profession, or nothing.
    """
    return _Teller(cap(row), dice, canary=canary, home=home, place=place, sign=sign).tell()


class _Teller:
    def __init__(
        self, row: Row, dice: Random, *, canary: str, home: str, place: str, sign: str
    ) -> None:
        self._row, self._dice, self._canary, self._sign = row, dice, canary, sign
        labels = row.labels
        self._domain = domains()[labels["task_occupation"]]
        self._paths = _paths(self._domain, labels, dice)
        self._voice = Voice(dice, self._domain, mode=labels["work_mode"], paths=self._paths)
        cwd = f"{home}/{place}"
        self._tools = Tools(dice, self._domain, cwd, self._paths)
        at = MONTHS.index(labels["month"])
        session = (
            f"{dice.getrandbits(32):08x}-{dice.getrandbits(16):04x}-4{dice.getrandbits(12):03x}"
        )
        session += f"-a{dice.getrandbits(12):03x}-{dice.getrandbits(48):012x}"
        year, month = map(int, labels["month"].split("-"))
        days, seconds = dice.randint(1, 27), dice.randint(5 * 3600, 22 * 3600)
        start = datetime(year, month, days, 0, 0, 0, 1_000, UTC) + timedelta(seconds=seconds)
        entry = ENTRYPOINTS[labels["surface"]]
        self._place = Place(session, cwd, dice.choice(BRANCHES), VERSIONS[at], entry)
        self._log = Log(self._place, _models(labels["model_family"], at, dice), dice, start)
        self._agents: dict[str, Log] = {}
        self._canary_at = dice.randrange(row.prompts)
        decided = {name: _percent(labels[f"{name}_by_user"]) for name in ("planning", "execution")}
        self._lead, self._let = decided["planning"] >= 70, decided["planning"] <= 40
        self._hand = decided["execution"] >= 40
        self._large = labels["task_value"] in ("250-500", "500-1000", "1000-5000", "gt5000")

    def tell(self) -> Story:
        story, labels = plot(self._row, self._dice), self._row.labels
        log, dice, began = self._log, self._dice, self._log.now
        if labels["work_mode"] in ("build", "fix") and self._let and dice.random() < 0.7:
            self._hand_over()
        for turn, steps in enumerate(story.turns):
            text = self._words(story, turn)
            queued = turn and len(story.turns[turn - 1]) > 2 and dice.random() < 0.08
            if queued and turn != self._canary_at:
                log.steer(text)
            else:
                log.prompt(text, mode=dice.choice(("default", "default", "acceptEdits")))
            log.wait(2, 9)
            self._turn(steps, last=turn == len(story.turns) - 1, story=story, first=turn == 0)
            log.wait(20, 600)
        count = dict(log.count)
        for agent in self._agents.values():
            for name in ("actions", "words_out", "model_calls"):
                count[name] = count.get(name, 0) + agent.count[name]
        done = [each for one in (log, *self._agents.values()) for each in one.done]
        used = min(log.count["model_calls"], len(log.models))
        return Story(
            self._place.session,
            self._place.cwd,
            damaged(log.lines, dice) if dice.random() < 0.04 else log.lines,
            {name: agent.lines for name, agent in self._agents.items()},
            count,
            tuple(log.models[:used]),
            self._place.entrypoint,
            began,
            tuple(sorted(done, key=lambda each: each.at)),
        )

    def _words(self, story: Plot, turn: int) -> str:
        dice, voice, labels = self._dice, self._voice, self._row.labels
        last = turn == self._row.prompts - 1
        level = labels["expertise"]
        if labels["outcome"] == "no_goal":
            text = voice.pick("follow", "idle" if turn == 0 or dice.random() < 0.5 else "thin")
        elif turn == 0:
            text = voice.opening(
                level, large=self._large, lead=self._lead, hand=self._hand, let=self._let
            )
            if self._sign and dice.random() < 0.55:
                text += f" {self._sign[:1].upper()}{self._sign[1:]}."
        elif last and "complaint" in story.bad and labels["outcome"] != "succeeded":
            text = voice.pick("follow", "angry")
        elif last and "approval" in story.hard:
            text = voice.pick("follow", "pleased")
        elif turn in story.pushes or (last and "complaint" in story.bad):
            text = voice.pick("follow", "pushes")
        elif dice.random() < 0.04:
            text = _command(dice.choice(COMMANDS))
        else:
            text = voice.follow(level, lead=self._lead, hand=self._hand)
            if self._sign and dice.random() < 0.1:
                text += f" - {self._sign}"
        if turn == self._canary_at:
            text = _marked(text, self._canary, dice)
        return text

    def _turn(self, steps: list[Step], *, first: bool, last: bool, story: Plot) -> None:
        log, dice, voice = self._log, self._dice, self._voice
        rest = list(steps)
        if first and dice.random() < 0.03:
            log.user(
                "<local-command-caveat>Caveat: local commands.</local-command-caveat>", isMeta=True
            )
        opened = False
        while rest:
            group = [rest.pop(0)]
            while (
                rest
                and dice.random() < 0.25
                and {group[-1].kind, rest[0].kind} <= {"read", "search"}
            ):
                group.append(rest.pop(0))
            pool = "looks" if opened else "starts"
            if opened and group[0].kind in ("edit", "create"):
                pool = "goes"
            text = voice.pick("agent", pool) if dice.random() < 0.3 else ""
            thinking = voice.pick("agent", "thinks") if dice.random() < 0.12 else ""
            log.answer(text, thinking=thinking, calls=[self._call(step) for step in group])
            opened = True
        if self._row.labels["outcome"] != "no_goal" and dice.random() < 0.04 and steps and not last:
            log.user("[Request interrupted by user]")
            return
        log.answer(self._close(last=last, story=story))
        if dice.random() < 0.3:
            log.duration()

    def _close(self, *, last: bool, story: Plot) -> str:
        voice, dice, labels = self._voice, self._dice, self._row.labels
        outcome, signal = labels["outcome"], labels["success_signal"]
        if outcome == "no_goal":
            return voice.pick("agent", "chats" if dice.random() < 0.75 else "told")
        if outcome == "failed" and (last or dice.random() < 0.4):
            kind = "stuck" if dice.random() < 0.75 else "sound"
        elif outcome == "partial" and last:
            kind = "short" if dice.random() < 0.7 else "sound"
        else:
            kind = "sound" if dice.random() < 0.92 else "short"
        changed = self._row.lines_added or dice.random() < 0.1
        parts = [voice.pick("agent", kind if changed or kind != "sound" else "told")]
        if kind == "sound" and signal in ("none", "1") and dice.random() < 0.6:
            parts.append(voice.pick("agent", "unproven"))
        if kind == "sound" and ("output" in story.hard or signal == "3") and dice.random() < 0.6:
            parts.append(voice.pick("agent", "shown"))
        if labels["expertise"] in ("novice", "beginner") and dice.random() < 0.25:
            parts.append(voice.pick("agent", "teaches"))
        dice.shuffle(parts)
        return " ".join(parts)

    def _call(self, step: Step) -> Call:
        tools, dice, voice = self._tools, self._dice, self._voice
        match step.kind:
            case "edit":
                return tools.edit(step.added, step.removed)
            case "create":
                return tools.create(step.added)
            case "commit":
                return tools.commit(voice.item.replace('"', ""))
            case "tests_passed" | "tests_failed":
                return tools.tests(passed=step.kind == "tests_passed")
        if step.kind in ("read", "look", "todo") and self._row.lines_added and dice.random() < 0.05:
            return tools.refused(voice.pick("follow", "pushes") if dice.random() < 0.7 else "")
        if step.kind in ("read", "search") and self._let and dice.random() < 0.1:
            options = dice.sample(wording()["agent"]["options"], 3)
            own = dice.random() < 0.3
            answer = voice.pick("follow", "plain") if own else options[0]
            return tools.ask(voice.pick("agent", "asks"), options, answer)
        if step.kind == "read" and not self._agents and dice.random() < 0.006:
            return self._delegate()
        if step.kind == "read" and self._sign and dice.random() < 0.12:
            return tools.instructions(self._sign)
        made: Call = getattr(tools, step.kind)()
        return made

    def _delegate(self) -> Call:
        # The sub-agent looks around for the agent; its file belongs to this session.
        dice, name = self._dice, f"{self._dice.getrandbits(28):07x}"
        place = Place(**{key: getattr(self._place, key) for key in Place.__slots__})
        place.agent = name
        child = Log(place, [MODELS["haiku"][0][0]], dice, self._log.now)
        task = f"Find out {self._voice.item} and report back, naming the files."
        child.user(task)
        child.answer("", calls=[self._tools.search()])
        report = f"The relevant places are {' and '.join(self._paths[:2])}."
        child.answer(report)
        self._agents[name] = child
        given: Json = {"description": "Look around", "prompt": task, "subagent_type": "Explore"}
        about = {"status": "completed", "agentId": name, "prompt": task, "totalToolUseCount": 1}
        return Call("Task", given, report, {**about, "content": [{"type": "text", "text": report}]})

    def _hand_over(self) -> None:
        steps = "\n".join(f"{n}. Change `{path}`" for n, path in enumerate(self._paths, 1))
        plan = f"# Plan: {self._voice.item}\n\n{steps}\n\nVerify at the end."
        self._log.user(f"Implement the following plan:\n\n{plan}", planContent=plan)
        self._log.answer(self._voice.pick("agent", "starts"))


def _command(name: str) -> str:
    return (
        f"<command-message>{name} is running…</command-message>\n"
        f"<command-name>/{name}</command-name>\n<command-args></command-args>"
    )


def _marked(text: str, canary: str, dice: Random) -> str:
    if text.startswith("<command"):
        return text.replace("<command-args>", f"<command-args>{canary}")
    shapes = ("{t} ({c})", "{c}: {t}", "{t} - it's for {c}", "{t} (see {c})", "{t} [{c}]")
    return dice.choice(shapes).format(t=text, c=canary)


def _paths(domain: Domain, labels: dict[str, str], dice: Random) -> list[str]:
    mode, relation = labels["work_mode"], labels["codebase"]
    if mode in ("communicate", "plan"):
        pools = (domain.docs, domain.docs, domain.data)
    elif mode == "analyze":
        pools = (domain.data, domain.code, domain.data)
    elif relation == "none":
        pools = (domain.docs, domain.data, domain.docs)
    else:
        pools = (domain.code, domain.code, dice.choice((domain.docs, domain.data, domain.code)))
    return [dice.choice(pool) for pool in pools]


def _models(family: str, month: int, dice: Random) -> list[str]:
    def name(of: str) -> str:
        return [model for model, since in MODELS[of] if since <= month][-1]

    if family != "mixed":
        return [name(family)]
    return [name(of) for of in dice.sample(("opus", "sonnet", "haiku"), 2)]


def _percent(label: str) -> int:
    return int(label) if label.isdigit() else 50
