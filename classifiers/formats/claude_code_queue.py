"""
What a person typed while the agent worked.

It waits in a queue whose operations stand in the log, without ids: `enqueue` holds the words,
`remove` gives them to the running turn, `dequeue` lets them become a record of their own later,
`popAll` takes a person's words back into the prompt but leaves the program's notices.  Newer
versions write what was given to the running turn once more, as an attachment.
"""

from collections import Counter

from .lines import Record
from .values import dict_of, text_of


class Queue:
    """Takes what a log says of the queue, tells what reached the running turn."""

    def __init__(self) -> None:
        self._waiting: list[str] = []
        self._removed: Counter[str] = Counter()
        self._attached: Counter[str] = Counter()

    def operation(self, record: Record) -> str:
        """Take a queue operation; gives the words that the running turn gets by it, if any."""
        content = text_of(record.get("content"))
        match record.get("operation"):
            case "enqueue":
                self._waiting.append(content)
            case "dequeue" if self._waiting:
                self._waiting.pop(0)
            case "popAll" if content in self._waiting:
                self._waiting.remove(content)
            case "popAll":
                self._waiting = [each for each in self._waiting if each.startswith(("<", "{"))]
            case "remove" if self._waiting:
                place = self._waiting.index(content) if content in self._waiting else 0
                return _told_once(self._waiting.pop(place), self._removed, self._attached)
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


def _told_once(text: str, here: "Counter[str]", elsewhere: "Counter[str]") -> str:
    """The words, unless the other place has told them as often as this one."""
    here[text] += 1
    return text if here[text] > elsewhere[text] else ""
