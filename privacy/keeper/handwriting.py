"""
Sign a request with a person's key: a plain file here, any other by `ssh-keygen`.

A key behind a passphrase, in an agent or in a token is asked for by the tool that people know;
it may talk to them on their terminal.
"""

import subprocess
from pathlib import Path

from privacy.errors import ConfigurationError
from privacy.signing import Namespace, SigningKey

NAMESPACE: Namespace = "clerestory-request"


def sign_request(key: Path, message: bytes) -> str:
    """
    The signature of a request.

    Raises:
        ConfigurationError: The key signs in neither way.
    """
    try:
        return SigningKey.read(key).sign(message, NAMESPACE)
    except ConfigurationError as error:
        if not key.is_file():
            raise
        unreadable = error
    try:
        command = ["ssh-keygen", "-Y", "sign", "-n", NAMESPACE, "-f", str(key)]
        done = subprocess.run(command, input=message, stdout=subprocess.PIPE, check=False)  # noqa: S603
    except OSError:
        raise unreadable from None
    if done.returncode != 0:
        raise unreadable
    return done.stdout.decode("ascii")
