"""Whether a TCP port can be bound on this host, and which process holds it."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from glm_deploy.errors import HostError
from glm_deploy.facts import PortUse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  what a published port and a server's default bind
_PROC = Path("/proc")
# State LISTEN of /proc/net/tcp: TCP_LISTEN in the kernel's include/net/tcp_states.h.
_LISTEN = "0A"
# What a row shows for a connection that no process holds any more, such as one in TIME_WAIT.
_NO_INODE = "0"


def observe_ports(
    ports: Iterable[int], host: str = EVERY_ADDRESS, *, proc: Path = _PROC
) -> dict[int, PortUse]:
    """Try to bind each port on `host` (an IPv4 address or a name), as a server would.

    `PortUse.holder` reads "PID 4711 python3 -m sglang.launch_server …"; it is `None` where the
    process cannot be seen: another user's without root, or in another PID namespace. `proc` is
    where procfs is mounted.

    Raises:
        HostError: the attempt itself is not allowed, or `host` is not an address of this host.
    """
    return {port: _observe(port, host, proc) for port in ports}


def _observe(port: int, host: str, proc: Path) -> PortUse:
    try:
        _bind(port, host)
    except PermissionError:
        raise HostError(
            f"This user may not bind port {port}, so whether it is free is not known.",
            remedy="Run as root, or choose a port of 1024 or above.",
        ) from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return PortUse(free=False, holder=_holder(port, host, proc))
        raise HostError(
            f"Port {port} cannot be bound on {host}: {error.strerror}.",
            remedy="Name an address of this host, or 0.0.0.0 for all of them.",
        ) from error
    return PortUse(free=True)


def _bind(port: int, host: str) -> None:
    """Servers set SO_REUSEADDR; without it a port in TIME_WAIT would look taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))


def _holder(port: int, host: str, proc: Path) -> str | None:
    """The process in the way; of several that share its socket, the first started."""
    inodes = _inodes_in_the_way(port, ipaddress.IPv4Address(socket.gethostbyname(host)), proc)
    pids = _pids_by_inode(set(inodes), proc)
    pid = next((pids[inode] for inode in inodes if inode in pids), None)
    return None if pid is None else f"PID {pid} {_command(proc / str(pid))}".rstrip()


def _inodes_in_the_way(port: int, wanted: ipaddress.IPv4Address, proc: Path) -> list[str]:
    """Inodes of the sockets that stop the bind, listeners first and IPv4 before IPv6.

    The columns of /proc/net/tcp: https://docs.kernel.org/networking/proc_net_tcp.html
    """
    found: list[tuple[bool, str]] = []
    for table in ("tcp", "tcp6"):
        for columns in _rows(proc / "net" / table):
            address, _, local_port = columns[1].partition(":")
            local, state, inode = _ipv4(address), columns[3], columns[9]
            if local is None or int(local_port, 16) != port or inode == _NO_INODE:
                continue
            if local == wanted or local.is_unspecified or wanted.is_unspecified:
                found.append((state != _LISTEN, inode))
    return [inode for _, inode in sorted(found, key=lambda entry: entry[0])]


def _rows(table: Path) -> Iterator[list[str]]:
    with contextlib.suppress(OSError):
        yield from (line.split() for line in table.read_text().splitlines()[1:])


def _ipv4(text: str) -> ipaddress.IPv4Address | None:
    """The IPv4 side of an address in /proc/net/tcp{,6}, or `None` when it has none.

    The text is hexadecimal 32-bit words, each in the host's byte order. The IPv6 wildcard counts
    as the IPv4 one: a socket bound to it takes IPv4 connections too, unless told otherwise.
    """
    raw = bytes.fromhex(text)
    if sys.byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    address = ipaddress.ip_address(raw)
    if isinstance(address, ipaddress.IPv4Address):
        return address
    return ipaddress.IPv4Address(EVERY_ADDRESS) if address.is_unspecified else address.ipv4_mapped


def _pids_by_inode(inodes: set[str], proc: Path) -> dict[str, int]:
    """The lowest PID that holds each socket, as far as this user may look."""
    pids: dict[str, int] = {}
    links = {f"socket:[{inode}]": inode for inode in inodes}
    for pid in sorted(int(entry.name) for entry in proc.iterdir() if entry.name.isdecimal()):
        for link in _descriptors(proc / str(pid)):
            if link in links:
                pids.setdefault(links[link], pid)
    return pids


def _descriptors(process: Path) -> Iterator[str]:
    """What the open files of a process are; none for one that ended or belongs to another user."""
    with contextlib.suppress(OSError):
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                yield str(descriptor.readlink())


def _command(process: Path) -> str:
    """The program and what it runs, no more: facts get shared, later arguments may be secret."""
    try:
        words = (process / "cmdline").read_text(errors="replace").replace("\0", " ").split()
    except OSError:
        return ""
    runs = 3 if words[1:2] == ["-m"] else 1 if words[1:2] and words[1].startswith("-") else 2
    shown = [*words[:runs], *(["…"] if len(words) > runs else [])]
    return "".join(char if char.isprintable() else "?" for char in " ".join(shown))
