"""A small world whose study asks a model: a vault, its keeper, an approved plan, a server."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from clerestory.devstub.likes import SERVED
from clerestory.keeping import running_keeper
from privacy.keeper.configuration import CONFIGURATION
from privacy.policy import Endpoint, read_policy
from privacy.vault import POLICY, Vault
from tests.support.egress import MODEL
from tests.support.messages import API_KEY, MessagesServer
from tests.support.world import AUTHOR, STUDY, World, clerestory, must

OFFLINE = '[rater]\nname = "offline"\n'


@dataclass(frozen=True)
class Asking:
    """Such a world, before its plan was handed in."""

    world: World
    server: MessagesServer

    @property
    def key_file(self) -> Path:
        """The key for the endpoint."""
        return self.world.folder / "endpoint-key.txt"

    def classify(self, *more: str | Path) -> "tuple[int, str]":
        """Label; exit code and all that was said."""
        done = clerestory(
            *("classify", self.world.vault, self.world.plan, "--json", *more),
        )
        return done.returncode, done.stdout + done.stderr


@contextmanager
def asking_world(
    folder: Path,
    server: MessagesServer,
    roots: str,
    *,
    development: bool = True,
    beside: str = "",
) -> Iterator[Asking]:
    """As `endpoint_world`, with a server of this process."""
    made = endpoint_world(folder, server.url, roots, development=development, beside=beside)
    with made as world:
        yield Asking(world, server)


@contextmanager
def endpoint_world(
    folder: Path,
    url: str,
    roots: str,
    *,
    development: bool = True,
    beside: str = "",
    accounts: int = 12,
    sessions: int = 24,
) -> Iterator[World]:
    """
    A vault of synthetic sessions under a policy that names an endpoint.

    Args:
        folder: Where it all goes; raw logs in `raw`.
        url: The endpoint.
        roots: Its authority's certificate.
        development: Whether floor and policy allow roots of one's own.
        beside: Another endpoint that the policy names, in clear.
        accounts: People.
        sessions: Of all of them.
    """
    raw, vault = folder / "raw", folder / "vault"
    size = ("--accounts", str(accounts), "--sessions", str(sessions))
    must("synthesize", raw, *size, "--seed", "7")
    flags = ["--development"] if development else []
    flags += ["--retention-days", "3650"]
    must("init", vault, "--single-person", "--synthetic", "--tier", "T1", *flags)
    digest = sha256(roots.encode()).hexdigest() if roots else ""
    place = Endpoint(url, 30, digest, development=development)
    policy = read_policy((vault / POLICY).read_text(encoding="utf-8"), Vault.open(vault).floor)
    policy = replace(policy, raters=("claude",), models=(MODEL, SERVED))
    clear = (Endpoint(beside, 0, "", development=True),) if beside else ()
    policy = replace(policy, endpoint=(place, *clear))
    (vault / POLICY).write_text(policy.to_toml(), encoding="utf-8")
    (folder / "roots.pem").write_text(roots, encoding="ascii")
    (folder / "study.toml").write_text(study(url), encoding="utf-8")
    (folder / "endpoint-key.txt").write_text(f"{API_KEY}\n", encoding="ascii")
    # Whoever counts what the server is asked counts sessions; tests of anchors have a set.
    (folder / "state").mkdir(mode=0o700)
    (folder / "state" / CONFIGURATION).write_text('anchor_set = "none"\n', encoding="utf-8")
    with running_keeper(vault, folder / "state") as pid:
        world = World(folder, pid)
        must("keys", "new", world.key)
        must("keys", "enrol", vault, f"{world.key}.pub", "--name", AUTHOR)
        must("plan", folder / "study.toml", "--out", world.plan)
        must("seal", vault, raw / "logs", "--accounts", raw / "accounts.csv")
        yield world


def study(url: str, model: str = MODEL, roots: str = 'roots = "roots.pem"', more: str = "") -> str:
    """The study that ships, rated by a model."""
    rater = f'[rater]\nname = "claude"\nmodel = "{model}"\nendpoint = "{url}"\n{roots}\n'
    text = STUDY.read_text(encoding="utf-8")
    assert OFFLINE in text
    return text.replace(OFFLINE, rater + more)
