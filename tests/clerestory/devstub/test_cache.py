"""Usage tells what of a prompt was held, in the words of the SDK's types."""

from typing import Any

from anthropic.types import Usage

from clerestory.devstub.cache import LEAST_TOKENS, Cached, PromptCache
from tests.clerestory.devstub.asked import asking, request

HELD = {"cache_control": {"type": "ephemeral"}}
LEAST = LEAST_TOKENS["claude-haiku-5-5"]


def with_rules(tokens: int, text: str = "hello", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """A request whose first block has so many tokens and is to be held."""
    return request(text, system=[{"type": "text", "text": "rule" * tokens, **HELD, **more}])


def told(cached: Cached) -> tuple[int, int]:
    """Tokens written, tokens read."""
    return sum((cached.written or {}).values()), cached.read


def test_the_sdk_reads_what_was_written_and_what_was_read() -> None:
    """First sight writes a prefix, the second reads it; three numbers are the whole prompt."""
    with asking() as client:
        first, second, other = (
            client.messages.create(**with_rules(600, text)).usage for text in ("one", "two", "six")
        )
    assert (first.cache_creation_input_tokens, first.cache_read_input_tokens) == (600, 0)
    assert first.cache_creation is not None
    assert first.cache_creation.ephemeral_5m_input_tokens == 600
    for later in (second, other):
        assert (later.cache_creation_input_tokens, later.cache_read_input_tokens) == (0, 600)
    # "one" is less than a token, and 600 tokens of rules are whole ones: one more in each.
    assert {first.input_tokens, second.input_tokens, other.input_tokens} == {1}
    assert set(Cached().usage(with_rules(600))) <= set(Usage.model_fields)


def test_short_prefixes_and_those_that_nobody_asked_for_are_not_held() -> None:
    """The least is the model's; one token more is held."""
    cache = PromptCache()
    assert told(cache.take(with_rules(LEAST - 1))) == (0, 0)
    assert told(cache.take(with_rules(LEAST))) == (LEAST, 0)
    plain = request(system=[{"type": "text", "text": "rule" * 600}])
    assert told(cache.take(plain)) == (0, 0)
    small = {**with_rules(LEAST + 100), "model": "claude-haiku-4-5"}
    assert told(cache.take(small)) == (0, 0)


def test_a_prefix_is_held_as_long_as_it_is_used() -> None:
    """Five minutes from the last use; an hour where that was asked for."""
    now = [0.0]
    cache = PromptCache(lambda: now[0])
    assert told(cache.take(with_rules(600))) == (600, 0)
    for moment in (299.0, 598.0):
        now[0] = moment
        assert told(cache.take(with_rules(600))) == (0, 600)
    now[0] = 898.0
    assert told(cache.take(with_rules(600))) == (600, 0)

    hour: dict[str, Any] = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    first = cache.take(with_rules(700, **hour))
    assert (first.written or {})["1h"] == 700
    now[0] += 3599.0
    assert told(cache.take(with_rules(700, **hour))) == (0, 700)


def test_the_longest_prefix_is_read_and_the_rest_is_written() -> None:
    """Two places to hold: 600 tokens of rules, and 300 of a second block."""
    cache = PromptCache()
    both = request(system=[{"type": "text", "text": "rule" * n, **HELD} for n in (600, 300)])
    cache.take(with_rules(600))
    assert told(cache.take(both)) == (300, 600)
    assert told(cache.take(both)) == (0, 900)
