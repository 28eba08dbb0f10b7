"""
The escape battery: does the seal hold, asked from inside, before there is a key?

Every probe answers `open`, `blocked` or `absent` (this kernel does not have it).  The same
battery runs in every worker before its key, in `doctor` with and without the seal, and in the
tests, where each layer is left out once.  Seccomp closes everything by itself, so it would hide
that another layer is missing: the first probes run before it and ask for each layer alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from errno import EAFNOSUPPORT, ENOSYS, EPROTONOSUPPORT, ESOCKTNOSUPPORT
from typing import Literal

from privacy.errors import RefusedError

from . import attempts, attempts_kernel
from .target import Target

Answer = Literal["open", "blocked", "absent"]
_LETTERS: dict[int, Answer] = {ord("o"): "open", ord("b"): "blocked", ord("a"): "absent"}
_MISSING = frozenset({ENOSYS, EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT})


@dataclass(frozen=True, slots=True)
class Probe:
    """One attempt to get out."""

    name: str
    attempt: Callable[[Target], None]
    before_filter: bool = False
    """Asked when limits and Landlock are in force and seccomp is not yet."""
    needs_namespaces: bool = False
    """Only bubblewrap can block it at that moment."""


PROBES: tuple[Probe, ...] = (
    Probe("dump_core", attempts_kernel.dump_core, before_filter=True),
    Probe("grow_file", attempts_kernel.grow_file, before_filter=True),
    Probe("gain_privileges", attempts_kernel.gain_privileges, before_filter=True),
    Probe("be_read", attempts_kernel.be_read, before_filter=True),
    Probe("read_own_code", attempts.read_own_code, before_filter=True),
    # What kind of socket a descriptor is can be asked before the filter only.
    Probe("hold_other_descriptors", attempts.hold_other_descriptors, before_filter=True),
    Probe("see_host_files", attempts.see_host_files, before_filter=True, needs_namespaces=True),
    Probe(
        "reach_host_network",
        attempts.reach_host_network,
        before_filter=True,
        needs_namespaces=True,
    ),
    Probe("see_environment", attempts.see_environment),
    Probe("connect_tcp", attempts.connect_tcp),
    Probe("send_udp", attempts.send_udp),
    Probe("listen_tcp", attempts.listen_tcp),
    Probe("connect_abstract_socket", attempts.connect_abstract_socket),
    Probe("connect_named_socket", attempts.connect_named_socket),
    Probe("make_socket_pair", attempts.make_socket_pair),
    Probe("make_vsock", attempts.make_vsock),
    Probe("make_kernel_crypto_socket", attempts.make_kernel_crypto_socket),
    Probe("make_netlink_socket", attempts.make_netlink_socket),
    Probe("make_packet_socket", attempts.make_packet_socket),
    Probe("write_temporary", attempts.write_temporary),
    Probe("write_shared_memory", attempts.write_shared_memory),
    Probe("write_working_folder", attempts.write_working_folder),
    Probe("write_open_folder", attempts.write_open_folder),
    Probe("make_fifo", attempts.make_fifo),
    Probe("make_folder", attempts.make_folder),
    Probe("read_secret", attempts.read_secret),
    Probe("read_users", attempts.read_users),
    Probe("read_own_memory_map", attempts.read_own_memory_map),
    Probe("list_root", attempts.list_root),
    Probe("fork", attempts_kernel.fork),
    Probe("start_thread", attempts_kernel.start_thread),
    Probe("execute_program", attempts_kernel.execute_program),
    Probe("execute_memory", attempts_kernel.execute_memory),
    Probe("trace_victim", attempts_kernel.trace_victim),
    Probe("read_victim_memory", attempts_kernel.read_victim_memory),
    Probe("read_victim_memory_file", attempts_kernel.read_victim_memory_file),
    Probe("read_victim_environment", attempts_kernel.read_victim_environment),
    Probe("take_victim_descriptor", attempts_kernel.take_victim_descriptor),
    Probe("signal_victim", attempts_kernel.signal_victim),
    Probe("enter_user_namespace", attempts_kernel.enter_user_namespace),
    Probe("mount_file_system", attempts_kernel.mount_file_system),
    Probe("change_root", attempts_kernel.change_root),
    Probe("become_root", attempts_kernel.become_root),
    Probe("set_up_io_uring", attempts_kernel.set_up_io_uring),
    Probe("load_bpf", attempts_kernel.load_bpf),
    Probe("use_keyring", attempts_kernel.use_keyring),
    Probe("handle_page_faults", attempts_kernel.handle_page_faults),
    Probe("watch_performance", attempts_kernel.watch_performance),
    Probe("map_writable_code", attempts_kernel.map_writable_code),
    Probe("map_code", attempts_kernel.map_code),
    Probe("be_readable_again", attempts_kernel.be_readable_again),
)
"""In the order of the report."""


def run_probes(target: Target, probes: Sequence[Probe] = PROBES) -> bytes:
    """One character for each probe: `o`pen, `b`locked or `a`bsent."""
    return b"".join(_ask(probe, target) for probe in probes)


def read_report(report: bytes) -> Mapping[str, Answer]:
    """
    A report of all probes, by their names.

    Raises:
        RefusedError: It is not one answer for each probe.
    """
    if len(report) != len(PROBES) or not set(report) <= set(_LETTERS):
        raise RefusedError(
            "PROBE_REPORT",
            rule="A worker answers every probe before it is given a key.",
            found=f"a report of {len(report)} characters for {len(PROBES)} probes.",
            remedy="start the worker from the keeper's own, unchanged code.",
        )
    return {probe.name: _LETTERS[letter] for probe, letter in zip(PROBES, report, strict=True)}


def _ask(probe: Probe, target: Target) -> bytes:
    try:
        probe.attempt(target)
    except OSError as error:
        return b"a" if error.errno in _MISSING else b"b"
    except AttributeError:  # this libc does not have the function
        return b"a"
    return b"o"
