"""
What a person typed while the agent worked.

It waits in a queue whose operations stand in the log, without ids: `enqueue` holds the words,
`remove` gives them to the running turn, `dequeue` lets them become a record of their own later,
`popAll` takes a person's words back into the prompt but leaves the program's notices.  Newer
versions write what was given to the running turn once more, as an attachment.
"""

from collections import Counter, deque

from .lines import Record
from .values import dict_of, text_of


class Queue:
    """
    Takes what a log says of the queue, tells what reached the running turn.

    However long it grows, no operation looks through it: whoever can write a log must not be able
    to stop a run.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, str] = {}
        self._places: dict[str, deque[int]] = {}
        self._persons: set[int] = set()
        """Places of words that are no notice of the program."""
        self._first = self._next = 0
        self._removed: Counter[str] = Counter()
        self._attached: Counter[str] = Counter()

    def operation(self, record: Record) -> str:
        """Take a queue operation; gives the words that the running turn gets by it, if any."""
        content = text_of(record.get("content"))
        match record.get("operation"):
            case "enqueue":
                self._put(content)
            case "dequeue":
                self._take_oldest()
            case "popAll" if self._take(content) is None:
                for place in self._persons:
                    self._waiting.pop(place, None)
                self._persons.clear()
            case "remove":
                said = self._take(content)
                said = self._take_oldest() if said is None else said
                return _told_once(said, self._removed, self._attached) if said else ""
        return ""

    def attachment(self, record: Record) -> str:
        """Take an attachment; gives the person's words that were not in an operation before."""
        body = dict_of(record.get("attachment"))
        origin = dict_of(body.get("origin")) or dict_of(record.get("origin"))
        is_prompt = body.get("commandMode", "prompt") == "prompt"
        if body.get("type") != "queued_command" or not is_prompt:
            return ""
        if origin.get("kind") not in (None, "human"):
            return ""
        return _told_once(text_of(body.get("prompt")), self._attached, self._removed)

    def _put(self, content: str) -> None:
        self._waiting[self._next] = content
        self._places.setdefault(content, deque()).append(self._next)
        if not content.startswith(("<", "{")):
            self._persons.add(self._next)
        self._next += 1

    def _take(self, content: str) -> str | None:
        """Take these words out of the queue; None if they are not in it."""
        places = self._places.get(content) if content else None
        while places:
            place = places.popleft()
            if place in self._waiting:
                self._persons.discard(place)
                return self._waiting.pop(place)
        return None

    def _take_oldest(self) -> str:
        """Take out what has waited longest; nothing if nothing waits."""
        while self._first < self._next:
            place = self._first
            self._first += 1
            if place in self._waiting:
                self._persons.discard(place)
                return self._waiting.pop(place)
        return ""


def _told_once(text: str, here: "Counter[str]", elsewhere: "Counter[str]") -> str:
    """The words, unless the other place has told them as often as this one."""
    here[text] += 1
    return text if here[text] > elsewhere[text] else ""
