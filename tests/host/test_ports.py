"""A port is tried as a server would bind it, and whoever is in the way is named."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from testbench.parts import requires

from glm_deploy.errors import HostError
from glm_deploy.facts import PortUse
from glm_deploy.host.ports import observe_ports
from glm_deploy.host.probe import probe

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPBACK = "127.0.0.1"
PRIVILEGED_BELOW = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")


@contextmanager
def listening(address: str = LOOPBACK, family: int = socket.AF_INET) -> Iterator[int]:
    """A port that this process listens on."""
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, 0))
        listener.listen()
        yield listener.getsockname()[1]


def free_port() -> int:
    with listening() as port:
        return port


def port_in_time_wait() -> int:
    with socket.create_server((LOOPBACK, 0)) as listener:
        port: int = listener.getsockname()[1]
        with socket.create_connection((LOOPBACK, port)) as client:
            # The side that closes first is the one that waits.
            listener.accept()[0].close()
            client.recv(1)
    return port


@contextmanager
def unprivileged() -> Iterator[None]:
    """Without the rights of root, should the tests have them."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


class TestBinding:
    def test_a_port_nobody_uses_is_free(self) -> None:
        port = free_port()

        assert observe_ports([port], LOOPBACK) == {port: PortUse(free=True, holder=None)}

    def test_every_port_asked_for_is_answered(self) -> None:
        free = free_port()
        with listening() as taken:
            uses = observe_ports([free, taken], LOOPBACK)

        assert {port: use.free for port, use in uses.items()} == {free: True, taken: False}

    def test_a_listener_on_loopback_takes_the_port_from_the_wildcard(self) -> None:
        with listening() as port:
            use = observe_ports([port], "0.0.0.0")[port]

        assert not use.free
        assert (use.holder or "").startswith(f"PID {os.getpid()} ")

    def test_a_listener_on_another_address_leaves_this_one_free(self) -> None:
        with listening("127.0.0.2") as port:
            assert observe_ports([port], LOOPBACK)[port].free

    def test_a_listener_on_the_ipv6_wildcard_takes_ipv4_too(self) -> None:
        requires(
            "an IPv6 stack that serves IPv4 too",
            "sysctl net.ipv6.conf.all.disable_ipv6=0 net.ipv6.bindv6only=0",
            present=socket.has_dualstack_ipv6(),
        )
        with listening("::", socket.AF_INET6) as port:
            use = observe_ports([port], "0.0.0.0")[port]

        assert not use.free
        assert (use.holder or "").startswith(f"PID {os.getpid()} ")

    def test_a_connection_in_time_wait_does_not_hold_the_port(self) -> None:
        port = port_in_time_wait()
        with socket.socket() as careless, pytest.raises(OSError, match="in use"):
            careless.bind((LOOPBACK, port))

        assert observe_ports([port], LOOPBACK)[port].free

    def test_trying_a_port_does_not_take_it(self) -> None:
        port = free_port()
        observe_ports([port], LOOPBACK)

        with socket.socket() as later:
            later.bind((LOOPBACK, port))

    def test_an_address_of_another_host_is_an_error_that_names_it(self) -> None:
        with pytest.raises(HostError, match=r"Port 8000 cannot be bound on 192\.0\.2\.1") as raised:
            observe_ports([8000], "192.0.2.1")

        assert raised.value.remedy == "Name an address of this host, or 0.0.0.0 for all of them."

    def test_a_port_this_user_may_not_bind_is_not_called_taken(self) -> None:
        requires(
            "a kernel that keeps port 80 for root",
            "sysctl net.ipv4.ip_unprivileged_port_start=1024",
            present=int(PRIVILEGED_BELOW.read_text()) > 80,
        )
        with unprivileged(), pytest.raises(HostError, match="may not bind port 80"):
            observe_ports([80], LOOPBACK)


class TestRealHolder:
    def test_is_named_by_pid_and_by_what_it_runs(self) -> None:
        port = free_port()
        argv = [sys.executable, "-m", "http.server", "--bind", LOOPBACK, str(port)]
        unbuffered = os.environ | {"PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(argv, stdout=subprocess.PIPE, env=unbuffered) as server:
            assert server.stdout is not None
            assert b"Serving HTTP" in server.stdout.readline()

            use = observe_ports([port], LOOPBACK)[port]
            server.terminate()

        holder = f"PID {server.pid} {sys.executable} -m http.server …"
        assert use == PortUse(free=False, holder=holder)


class RecordedProc:
    """A /proc that shows other processes and sockets than this machine has."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._rows = {"tcp": 0, "tcp6": 0}
        (root / "net").mkdir()
        for table in self._rows:
            (root / "net" / table).write_text("  sl  local_address rem_address   st …\n")

    def socket(self, address: str, port: int, inode: int, state: str = "0A") -> None:
        """A row of net/tcp or net/tcp6; `address` in the kernel's hexadecimal, little-endian."""
        table = "tcp" if len(address) == 8 else "tcp6"
        rest = "00000000:00000000 00:00000000 00000000     0        0"
        remote = f"{'0' * len(address)}:0000"
        with (self.root / "net" / table).open("a") as rows:
            rows.write(f"   0: {address}:{port:04X} {remote} {state} {rest} {inode} 1 0 100\n")

    def process(self, pid: int, inode: int, *argv: str) -> None:
        """A process that has the socket open."""
        descriptors = self.root / str(pid) / "fd"
        descriptors.mkdir(parents=True)
        (descriptors / "0").symlink_to("/dev/null")
        (descriptors / "3").symlink_to(f"socket:[{inode}]")
        (descriptors.parent / "cmdline").write_text("".join(f"{word}\0" for word in argv))

    def holder(self, port: int) -> str | None:
        return observe_ports([port], LOOPBACK, proc=self.root)[port].holder


@pytest.fixture
def proc(tmp_path: Path) -> RecordedProc:
    return RecordedProc(tmp_path)


@pytest.fixture
def port() -> Iterator[int]:
    """A port that cannot be bound, so that the holder is looked for."""
    with listening() as port:
        yield port


ANY, LOOPBACK_ROW, OTHER_ROW = "00000000", "0100007F", "0200007F"
ANY_V6, LOOPBACK_V6 = "0" * 32, "0" * 24 + "01000000"
LOOPBACK_MAPPED = "0000000000000000FFFF00000100007F"


class TestRecordedHolder:
    @pytest.mark.parametrize("address", [ANY, LOOPBACK_ROW, ANY_V6, LOOPBACK_MAPPED])
    def test_may_listen_on_any_address_that_is_in_the_way(
        self, proc: RecordedProc, port: int, address: str
    ) -> None:
        proc.socket(address, port, inode=77)
        proc.process(4711, 77, "server")

        assert proc.holder(port) == "PID 4711 server"

    @pytest.mark.parametrize("address", [OTHER_ROW, LOOPBACK_V6])
    def test_is_not_who_listens_beside_it(
        self, proc: RecordedProc, port: int, address: str
    ) -> None:
        proc.socket(address, port, inode=66)
        proc.socket(LOOPBACK_ROW, port, inode=77)
        proc.process(10, 66, "bystander")
        proc.process(4711, 77, "server")

        assert proc.holder(port) == "PID 4711 server"

    def test_is_the_listener_before_a_connection_on_that_port(
        self, proc: RecordedProc, port: int
    ) -> None:
        proc.socket(LOOPBACK_ROW, port, inode=66, state="01")
        proc.socket(LOOPBACK_ROW, port, inode=77)
        proc.process(10, 66, "worker")
        proc.process(4711, 77, "server")

        assert proc.holder(port) == "PID 4711 server"

    def test_is_the_first_started_of_those_that_share_the_socket(
        self, proc: RecordedProc, port: int
    ) -> None:
        proc.socket(LOOPBACK_ROW, port, inode=77)
        proc.process(30, 77, "worker")
        proc.process(4, 77, "parent")

        assert proc.holder(port) == "PID 4 parent"

    def test_is_unknown_when_its_process_cannot_be_seen(
        self, proc: RecordedProc, port: int
    ) -> None:
        proc.socket(LOOPBACK_ROW, port, inode=77)
        proc.process(4711, 78, "bystander")

        assert proc.holder(port) is None

    def test_is_found_although_other_processes_end_meanwhile(
        self, proc: RecordedProc, port: int
    ) -> None:
        proc.socket(LOOPBACK_ROW, port, inode=77)
        (proc.root / "9").mkdir()
        proc.process(4711, 77, "server")

        assert proc.holder(port) == "PID 4711 server"

    @pytest.mark.parametrize(
        ("argv", "shown"),
        [
            (
                ["python3", "-m", "sglang.launch_server", "--api-key", "sk-secret"],
                "PID 4711 python3 -m sglang.launch_server …",
            ),
            (["vllm", "serve", "some/model", "--api-key", "sk-secret"], "PID 4711 vllm serve …"),
            (["server", "--api-key", "sk-secret"], "PID 4711 server …"),
            (["docker-proxy", "-proto", "tcp"], "PID 4711 docker-proxy …"),
            (["nginx: master process nginx"], "PID 4711 nginx: master …"),
            (["evil\x1b[2J"], "PID 4711 evil?[2J"),
            ([], "PID 4711"),
        ],
    )
    def test_shows_no_more_of_a_command_than_may_be_shared(
        self, proc: RecordedProc, port: int, argv: list[str], shown: str
    ) -> None:
        proc.socket(LOOPBACK_ROW, port, inode=77)
        proc.process(4711, 77, *argv)

        assert proc.holder(port) == shown


class TestInFacts:
    def test_ports_asked_for_are_facts(self) -> None:
        with listening() as taken:
            ports = probe([taken]).ports

        assert ports is not None
        assert not ports[taken].free

    def test_ports_nobody_asked_for_are_unknown(self) -> None:
        facts = probe()

        assert facts.ports is None
        assert facts.reason("ports") == "The probe was not told which ports to try."

    def test_a_port_that_cannot_be_tried_is_unknown_with_its_remedy(self) -> None:
        facts = probe([8000], host="192.0.2.1")

        assert facts.ports == {}
        assert facts.reason("ports.8000") == (
            "Port 8000 cannot be bound on 192.0.2.1: Cannot assign requested address. "
            "Name an address of this host, or 0.0.0.0 for all of them."
        )
