"""
Who keeps the key-encryption key while the keeper is away: a person's memory, or a machine.

A guard wraps the key once, when a state folder is begun; what comes back lies in the folder
and is unwrapped at every start.  A command may be a KMS's or an HSM's own client: it gets the
key on standard input and nothing of it as an argument or in the environment, where other
processes could see it.
"""

import os
import subprocess
from dataclasses import dataclass, field
from typing import Protocol

from privacy.errors import ConfigurationError
from privacy.keeper.configuration import KeyAtRest
from privacy.keylock import KEY_BYTES, SALT_BYTES, key_of, lock, unlock

LONGEST_WRAPPED = 64 * 1024
"""bytes: more than any KMS makes of 32."""
_CONTEXT = "key-encryption key"


class Guard(Protocol):
    """Gives the key-encryption key into safe keeping, and back."""

    def wrap(self, key: bytes) -> bytes:
        """What may lie on the disk instead of the key."""
        ...

    def unwrap(self, wrapped: bytes) -> bytes:
        """
        The key.

        Raises:
            ConfigurationError: The guard does not give it.
            VerificationError: What was stored, or what was given to open it, is wrong.
        """
        ...


@dataclass(frozen=True, slots=True)
class Passphrase:
    """A person's memory; Argon2id makes the wrapping key."""

    words: bytes = field(repr=False)

    def wrap(self, key: bytes) -> bytes:
        """Locked under the passphrase and a fresh salt."""
        salt = os.urandom(SALT_BYTES)
        return salt + lock(key, key_of(self.words, salt), _CONTEXT)

    def unwrap(self, wrapped: bytes) -> bytes:
        """The key, if these are the words."""
        salt, locked = wrapped[:SALT_BYTES], wrapped[SALT_BYTES:]
        if len(salt) < SALT_BYTES:
            raise _refused("a wrapped key that is cut off.")
        return unlock(locked, key_of(self.words, salt), _CONTEXT)


@dataclass(frozen=True, slots=True)
class Command:
    """Another machine's memory, asked by two commands."""

    configured: KeyAtRest

    def wrap(self, key: bytes) -> bytes:
        """What the command makes of the key."""
        wrapped = self._run(self.configured.wrap, key)
        if not wrapped or key in wrapped:
            raise _refused("a `wrap` that printed nothing, or the key itself.")
        return wrapped

    def unwrap(self, wrapped: bytes) -> bytes:
        """What the command makes of its own words."""
        key = self._run(self.configured.unwrap, wrapped)
        if len(key) != KEY_BYTES:
            raise _refused(f"an `unwrap` that printed something else than {KEY_BYTES} bytes.")
        return key

    def _run(self, command: tuple[str, ...], given: bytes) -> bytes:
        names = self.configured.environment
        try:
            done = subprocess.run(  # noqa: S603 - its owner's own configuration
                command,
                input=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # it may hold the key
                env={name: os.environ[name] for name in names if name in os.environ},
                timeout=self.configured.seconds,
                check=False,
                cwd="/",
            )
        except subprocess.TimeoutExpired:
            raise _refused("a command that did not end in its time.") from None
        except OSError as error:
            raise _refused(f"a command that does not start: {type(error).__name__}.") from None
        if done.returncode != 0:
            raise _refused(f"a command that ended with {done.returncode}.")
        if len(done.stdout) > LONGEST_WRAPPED:
            raise _refused("a command that printed more than any wrapped key has.")
        return done.stdout


def guard_of(configured: KeyAtRest, passphrase: bytes | None) -> Guard | None:
    """
    The guard that a configuration names; none where keys are plain files.

    Raises:
        ConfigurationError: A passphrase is needed and not given, or given and not needed.
    """
    if (configured.how == "passphrase") != (passphrase is not None):
        raise ConfigurationError(
            "PASSPHRASE_MISSING" if passphrase is None else "PASSPHRASE_UNUSED",
            rule='A passphrase is given if, and only if, keeper.toml says how = "passphrase".',
            found="no passphrase." if passphrase is None else "a passphrase that locks nothing.",
            remedy="give --passphrase-file (a file of mode 0600, or /dev/fd/N), or start the "
            "keeper on a terminal; or set `how` in keeper.toml.",
        )
    if passphrase is not None:
        return Passphrase(passphrase)
    return Command(configured) if configured.how == "command" else None


def _refused(found: str) -> ConfigurationError:
    return ConfigurationError(
        "KEY_COMMAND_FAILED",
        rule="The commands of keeper.toml wrap and unwrap the key-encryption key.",
        found=found,
        remedy="run them by hand as the keeper's user; what they print to standard error is "
        "not shown here, since it may hold secrets.",
    )
