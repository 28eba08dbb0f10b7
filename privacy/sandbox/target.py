"""Where escape attempts aim: told to a worker by the launcher, which sets it up (`lure`)."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """Where a worker's escape attempts aim."""

    tcp_port: int
    udp_port: int
    abstract_socket: str
    """Name without the leading zero byte."""
    folder: str
    """World-writable; holds `socket` and `secret`."""
    victim: int
    """Process id of a process that does nothing."""
    address: int
    """A readable address in the victim's memory."""

    @property
    def socket_path(self) -> str:
        """A Unix socket that listens."""
        return f"{self.folder}/socket"

    @property
    def secret_path(self) -> str:
        """A file that every user of the host may read."""
        return f"{self.folder}/secret"

    def to_json(self) -> dict[str, int | str]:
        """As it is sent to the worker."""
        return asdict(self)
