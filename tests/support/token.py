"""
A FIDO token in software, made from the specification and from nothing of ours.

What it writes is what `ssh-keygen -Y sign` writes with a key of the kind `ed25519-sk`, so that
reading such signatures can be tested without a finger, and held against `ssh-keygen` itself.
"""

from base64 import b64encode
from hashlib import sha256, sha512
from struct import pack

from privacy.signing import SigningKey

KIND = b"sk-ssh-ed25519@openssh.com"


def packed(*parts: bytes) -> bytes:
    """Strings as SSH packs them."""
    return b"".join(pack(">I", len(part)) + part for part in parts)


def armour(blob: bytes) -> str:
    """A signature's bytes between the two lines."""
    body = b64encode(blob).decode()
    lines = [body[start : start + 70] for start in range(0, len(body), 70)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""])


class Token:
    """One key in one token; its counter goes up with each signature."""

    def __init__(self, application: bytes = b"ssh:") -> None:
        self._key, self._application, self._counter = SigningKey.generate(), application, 0

    @property
    def blob(self) -> bytes:
        """The public key on the wire."""
        return packed(KIND, self._key.public_raw, self._application)

    @property
    def public(self) -> str:
        """The public key as a line."""
        return f"{KIND.decode()} {b64encode(self.blob).decode()}"

    def sign(
        self,
        message: bytes,
        namespace: str,
        *,
        flags: int = 0x01,
        tail: bytes = b"",
        signed_flags: int | None = None,
        hashed: bytes = b"sha512",
    ) -> str:
        """
        Sign as a token does; the keywords make it one that does not keep to the rules.

        `tail` is appended to flags and counter; `signed_flags` differ from the flags told.
        """
        self._counter += 1
        inner = packed(namespace.encode(), b"", hashed, sha512(message).digest())
        told = pack(">BI", flags, self._counter)
        signed = told if signed_flags is None else pack(">BI", signed_flags, self._counter)
        data = sha256(self._application).digest() + signed + sha256(b"SSHSIG" + inner).digest()
        signature = packed(KIND, self._key.sign_raw(data)) + told + tail
        outer = packed(self.blob, namespace.encode(), b"", hashed, signature)
        return armour(b"SSHSIG" + pack(">I", 1) + outer)
