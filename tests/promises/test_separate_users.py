"""Promise: a keeper of its own user is asked by people whose keys are enrolled, and no others."""

import json
import os
import socket
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from clerestory.synthesis import synthesize_labels
from clerestory.synthetic import write_sessions
from privacy.custodian import Custodian, Target
from privacy.errors import RefusedError
from privacy.keeper.roles import MAY_ASK
from privacy.keeper.verbs import all_verbs
from privacy.keeper.wire import (
    encode,
    fresh_nonce,
    messages,
    parse,
    proof_message,
    read_line,
    request_message,
    user_of,
)
from privacy.signing import SigningKey
from privacy.vault import KEEPER as KEEPER_FILE
from privacy.vault import POLICY, SOCKET, PublicKeys, Vault, replace_file
from tests.aggregates.rows import SHARE, small_plan
from tests.support.town import GROUP, NUMBER, Town, settle, town_of
from tests.support.users import (
    CUSTODIAN,
    KEEPER,
    MALLORY,
    OFFICER,
    RESEARCHER,
    SEALERS,
    Outcome,
    as_user,
    asked,
    kept_by,
    needs_root,
    open_folder,
    running_as,
    sealed,
)

PLAN = small_plan(SHARE)
TEXT = PLAN.canonical.decode()


@pytest.fixture
def town() -> Iterator[Town]:
    """Everybody in his place, and the keeper running."""
    with open_folder() as folder, town_of(folder) as made:
        groups = (NUMBER, SEALERS)
        with kept_by(KEEPER, made.vault, made.state, group=GROUP, groups=groups):
            yield made


def test_every_verb_has_its_row() -> None:
    """A verb that the table forgets is nobody's but the keeper's own: say so there."""
    assert set(all_verbs()) <= set(MAY_ASK)


@needs_root
def test_who_is_not_the_keepers_user_signs_or_is_refused(town: Town) -> None:
    """Unsigned, or with a key that is nobody's: refused; enrolled: answered."""
    assert town.ask(KEEPER, "status").value["plans"] == []
    assert town.ask(0, "status").value["plans"] == []
    assert town.ask(RESEARCHER, "status").code == "REQUEST_UNSIGNED"
    assert town.ask(MALLORY, "status", key=MALLORY).code == "ASKER_NOT_ENROLLED"
    assert town.ask(RESEARCHER, "status", key=RESEARCHER).value["plans"] == []


@pytest.fixture
def rooted() -> Iterator[Town]:
    """The same under root, who may read this Python wherever it lies: the keeper hashes it."""
    with (
        open_folder() as folder,
        town_of(folder) as made,
        kept_by(0, made.vault, made.state, group=GROUP),
    ):
        yield made


@needs_root
def test_a_role_asks_what_is_its_own(rooted: Town) -> None:
    """A researcher submits and does not approve; an officer approves and does not submit."""
    town = rooted
    assert town.ask(OFFICER, "submit", key=OFFICER, plan=TEXT).code == "ROLE_NOT_ALLOWED"
    bound = town.ask(RESEARCHER, "submit", key=RESEARCHER, plan=TEXT).value["bound"]
    signature = SigningKey.read(town.key(OFFICER)).sign(bound.encode(), "clerestory-plan")
    for user, code in ((RESEARCHER, "ROLE_NOT_ALLOWED"), (OFFICER, "")):
        # The officer's own signature is in the researcher's hands: still, he may not hand it in.
        told = town.ask(user, "approve", key=user, plan=bound, signature=signature)
        assert told.code == code
    assert told.value["standing"] == "approved"
    told = town.ask(OFFICER, "enrol", key=OFFICER, name="x")
    assert told.code == "ROLE_NOT_ALLOWED"
    entries = [json.loads(line) for line in town.ask(0, "ledger").value["entries"]]
    refusals = [entry["body"] for entry in entries if entry["kind"] == "refusal"]
    assert {"verb": "approve", "code": "ROLE_NOT_ALLOWED"} in refusals


def talk(town: Town, line: bytes, signer: SigningKey, sent: bytes = b"") -> list[str]:
    """Ask once by hand; returns what the keeper said, and what was sent to it."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect((town.vault / SOCKET).read_text().strip())
        with connection.makefile("rb") as stream:
            connection.sendall(encode({"nonce": fresh_nonce()}))
            nonce = parse(read_line(stream))["nonce"]
            message = request_message(town.trust, nonce, json.loads(line)["verb"], line)
            signed = encode({"signature": signer.sign(message, "clerestory-request")}) + line
            connection.sendall(sent or signed)
            (told,) = messages(stream)
            return [told.get("error", {}).get("code", ""), (sent or signed).decode()]


@needs_root
def test_a_request_is_good_once_and_for_itself_only(town: Town) -> None:
    """What was overheard, or changed on its way, is no request."""
    signer = SigningKey.read(town.key(RESEARCHER))
    status, ledger = (encode({"verb": verb}) for verb in ("status", "ledger"))

    def attempt() -> list[str]:
        code, overheard = talk(town, status, signer)
        again, _ = talk(town, status, signer, overheard.encode())
        other, _ = talk(town, status, signer, overheard.encode().replace(status, ledger))
        return [code, again, other]

    refused = "REQUEST_NOT_SIGNED_FOR_THIS"
    assert as_user(RESEARCHER, attempt, groups=(NUMBER,)).value == ["", refused, refused]


@needs_root
def test_the_socket_is_its_users_alone_unless_a_group_is_named() -> None:
    """Outside the group nobody reaches it; without one, not even who has a key."""
    with open_folder() as folder, town_of(folder) as town:
        for group, code in (("", "KEEPER_NOT_REACHABLE"), (GROUP, "")):
            with kept_by(KEEPER, town.vault, town.state, group=group, groups=(NUMBER, SEALERS)):
                path = Path((town.vault / SOCKET).read_text().strip())
                assert path.stat().st_mode & 0o777 == (0o660 if group else 0o600)
                assert town.ask(RESEARCHER, "status", key=RESEARCHER).code == code
                outside = as_user(
                    RESEARCHER,
                    lambda: asked(town.vault, "status", key=town.key(RESEARCHER), trust=town.trust),
                )
                assert outside.code == "KEEPER_NOT_REACHABLE"


def false_keeper(town: Town, real: str, *, relay: bool) -> Callable[[Callable[[], None]], None]:
    """A process that answers in the keeper's place: as itself, or by handing everything on."""
    signing, vault = SigningKey.generate(), Vault.open(town.vault)

    def serve(ready: Callable[[], None]) -> None:
        if not relay:
            floor, sealing = vault.floor.hash, vault.keys.sealing_bytes
            vault.publish_keys(PublicKeys.signed(sealing, 9, floor, signing))
        path = town.folder / "false" / "sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            path.chmod(0o666)
            listener.listen()
            replace_file(vault.folder / SOCKET, f"{path}\n".encode())
            ready()
            while True:
                _answer_falsely(listener.accept()[0], real, None if relay else signing)

    return serve


def _answer_falsely(asking: socket.socket, real: str, signing: SigningKey | None) -> None:
    with asking, asking.makefile("rb") as question, socket.socket(socket.AF_UNIX) as ours:
        nonce = parse(question.readline())["nonce"]
        if signing:
            theirs, asked_by = fresh_nonce(), user_of(asking)
            message = proof_message(nonce, theirs, asking=asked_by, keeping=os.getuid())
            proof = signing.sign(message, "clerestory-keeper")
            asking.sendall(encode({"nonce": theirs, "proof": proof}))
        else:
            ours.connect(real)
            ours.sendall(encode({"nonce": nonce}))
            with ours.makefile("rb") as answer:
                asking.sendall(answer.readline())
        if question.readline():
            asking.sendall(encode({"answer": {"plans": "false"}}))


@needs_root
@pytest.mark.parametrize("relay", [False, True], ids=["as-itself", "in-between"])
def test_who_writes_to_the_vault_does_not_stand_in_for_the_keeper(
    town: Town,
    relay: bool,  # noqa: FBT001
) -> None:
    """Not with keys of his own, nor by handing on what the real keeper proves."""
    real, pinned = (town.vault / SOCKET).read_text().strip(), town.trust

    def status(trust: str) -> Outcome:
        return town.ask(RESEARCHER, "status", key=RESEARCHER, trust=trust)

    assert status(pinned).value["plans"] == []
    unpinned = as_user(RESEARCHER, lambda: asked(town.vault, "status"), groups=(NUMBER,))
    assert unpinned.code == "KEEPER_NOT_PINNED"
    (town.folder / "false").mkdir()
    for path in (town.folder / "false", town.vault, town.vault / SOCKET, town.vault / KEEPER_FILE):
        os.chown(path, MALLORY, MALLORY)  # he may write there, and is in the group, too
    with running_as(MALLORY, false_keeper(town, real, relay=relay), groups=(NUMBER,)):
        assert status(pinned).code == "NOT_THE_KEEPER"
        if not relay:
            # The control: who believes whatever lies in the vault is answered falsely.
            assert status(town.trust).value == {"plans": "false"}


@needs_root
def test_a_release_says_who_asked() -> None:
    """Another user who signs is `separate-user`; root and the keeper's own user are not."""
    with open_folder() as folder:
        town = Town(folder)
        synthesize_labels(town.vault, accounts=400, sessions=600, seed=7)
        settle(town)
        # As root, since only root may read this Python wherever it lies; workers start anew.
        with kept_by(0, town.vault, town.state, group=GROUP):
            for user, custody in ((RESEARCHER, "separate-user"), (0, "same-user")):
                plan = replace(PLAN, study=replace(PLAN.study, name=f"asked-by-{user}"))
                text = plan.canonical.decode()
                bound = town.ask(user, "submit", key=RESEARCHER, plan=text).value["bound"]
                signer = SigningKey.read(town.key(OFFICER))
                signature = signer.sign(bound.encode(), "clerestory-plan")
                told = town.ask(OFFICER, "approve", key=OFFICER, plan=bound, signature=signature)
                assert told.value["standing"] == "approved"
                files = town.ask(user, "release", key=RESEARCHER, plan=bound).value["files"]
                assert json.loads(b64decode(files["statement.json"]))["custody"] == custody


@needs_root
def test_each_user_writes_what_is_his_own(town: Town) -> None:
    """A custodian seals, a keeper wraps anew what he sealed; neither does the other's work."""
    logs = town.folder / "made"
    write_sessions(logs, accounts=2, sessions=4, seed=7)
    for path in (logs, *logs.rglob("*")):
        path.chmod(0o755)
    groups = (SEALERS, NUMBER)
    done = as_user(
        CUSTODIAN, lambda: sealed(town.vault, town.custodian, logs / "logs", "kim"), groups=groups
    )
    assert done.value["session sealed"] == 4
    paths = list(Vault.open(town.vault).sessions.glob("*/keys"))
    before = {path: path.read_bytes() for path in paths}
    assert {path.stat().st_uid for path in paths} == {CUSTODIAN}

    source = town.custodian / "source.key"
    rotated = as_user(
        CUSTODIAN,
        lambda: asked(town.vault, "rotate", key=source, trust=town.trust),
        groups=groups,
    )
    assert rotated.code == ""
    after = {path: path.read_bytes() for path in paths}
    assert all(after[path] != before[path] for path in paths)
    assert {path.stat().st_uid for path in paths} == {KEEPER}
    # The custodian accepts the key that his keeper signed, and seals over what it wrote.
    again = as_user(
        CUSTODIAN, lambda: sealed(town.vault, town.custodian, logs / "logs", "kim"), groups=groups
    )
    assert again.value["session unchanged"] == 4

    def size(path: Path) -> int:
        return len(path.read_bytes())

    def spoil(name: str) -> bool:
        replace_file(town.vault / name, b"mine")
        return True

    for name in (POLICY, KEEPER_FILE, SOCKET, "ledger.checkpoint"):
        refused = as_user(CUSTODIAN, partial(spoil, name), groups=groups)
        assert refused.code == "PermissionError"
        kept = (town.vault / name).read_bytes() if (town.vault / name).exists() else None
        assert as_user(KEEPER, partial(spoil, name), groups=groups).value is True
        (town.vault / name).unlink()
        if kept is not None:
            replace_file(town.vault / name, kept)
    for user, path in (
        (KEEPER, town.custodian / "accounts.key"),
        (CUSTODIAN, town.state / "sealing.key"),
        (RESEARCHER, town.state / "ledger.db"),
        (RESEARCHER, paths[0]),
    ):
        assert as_user(user, partial(size, path), groups=(NUMBER,)).code == "PermissionError"
        assert as_user(0, partial(size, path)).value > 0


@needs_root
def test_a_custodian_pins_the_keeper_and_not_its_key(town: Town) -> None:
    """A rotated key that the keeper signed is taken; a stranger's and an older one are not."""
    vault = Vault.open(town.vault)
    older = vault.keys
    with closing(Custodian(town.custodian)) as hand:
        hand.check_target(Target.of(vault))
    assert town.ask(0, "rotate").code == ""
    assert vault.keys.sealing != older.sealing
    assert (vault.keys.signing, vault.keys.number) == (older.signing, older.number + 1)
    with closing(Custodian(town.custodian)) as hand:
        hand.check_target(Target.of(vault))
    newer = vault.keys
    stranger = PublicKeys.signed(
        newer.sealing_bytes, newer.number + 1, vault.floor.hash, SigningKey.generate()
    )
    for keys in (older, stranger):
        vault.publish_keys(keys)
        with (
            closing(Custodian(town.custodian)) as hand,
            pytest.raises(RefusedError, match="KEEPER_CHANGED"),
        ):
            hand.check_target(Target.of(vault))
