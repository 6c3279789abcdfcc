"""Launches that are not tried, or that Docker refuses: each says why, and leaves nothing behind."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from testbench.workplace import FACTS, NO_DOCKER, Workplace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GOOD_HOST = ("--facts", str(FACTS / "rtx-pro-6000-x8.json"))
NO_DRIVER = ("--facts", str(FACTS / "no-driver.json"))
NO_MEMLOCK = ("--set", "container.ulimits.memlock=null")

# What DOCKER_HOST has been set to by people, and what nothing can be made of.
GARBAGE = [
    "garbage",
    "tcp://[::",
    "tcp://localhost:port",
    "tcp://127.0.0.1:1",
    "ssh://box",
    "fd://",
    "unix://",
    " ",
]


@pytest.fixture
def place_without_gpu_hook(
    docker_host_without_gpu_hook: str, base_image: str, tmp_path: Path
) -> Iterator[Workplace]:
    workplace = Workplace(tmp_path, docker_host_without_gpu_hook)
    yield workplace
    workplace.close()


def image(ref: str) -> tuple[str, str]:
    return ("--set", f"image.ref={ref}")


def test_docker_without_the_nvidia_toolkit_is_explained(
    place_without_gpu_hook: Workplace, base_image: str
) -> None:
    place = place_without_gpu_hook
    code, out, err = place.up(*GOOD_HOST, *NO_MEMLOCK, *image(base_image))
    assert (code, out) == (4, "")
    assert "dockerd found no NVIDIA runtime hook" in err
    assert 'could not select device driver ""' in err
    assert "nvidia-ctk runtime configure" in err
    assert place.containers() == []


def test_memlock_is_lifted_or_its_refusal_explained(
    place: Workplace, simulator_ref: str, memlock_allowed: bool
) -> None:
    fast = ("--set", "env.GLM_DEPLOY_SIMULATOR_SPEED=1000")
    code, _, err = place.up(*GOOD_HOST, *image(simulator_ref), *fast)
    if memlock_allowed:
        assert code == 0, err
    else:
        assert code == 4
        assert "does not let Docker lift the limit on locked memory" in err
        assert "--set container.ulimits.memlock=null" in err
        assert place.containers() == []


def test_an_image_that_is_not_here_and_cannot_be_pulled(place: Workplace) -> None:
    code, out, err = place.up(*GOOD_HOST, *image("127.0.0.1:1/nobody/sglang:none"))
    assert (code, out) == (4, "")
    assert "the image 127.0.0.1:1/nobody/sglang:none cannot be pulled" in err
    assert "docker load" in err
    assert place.containers() == []


def test_a_container_of_the_same_name_that_is_not_ours_is_left_alone(
    place: Workplace, simulator_ref: str
) -> None:
    place.docker("create", "--name", f"glm-{place.name}", simulator_ref, "true")
    code, _, err = place.up(*GOOD_HOST, *NO_MEMLOCK, *image(simulator_ref))
    assert code == 4
    assert "a container of this name exists already" in err
    assert len(place.containers()) == 1


def test_docker_not_running(place_without_docker: Workplace) -> None:
    code, out, err = place_without_docker.up(*GOOD_HOST)
    assert (code, out) == (3, "")
    assert "Docker does not answer" in err
    assert "systemctl start docker" in err


def test_what_is_wrong_with_the_host_comes_before_docker(place_without_docker: Workplace) -> None:
    code, _, err = place_without_docker.up(*NO_DRIVER)
    assert code == 1
    assert "HST-001" in err
    assert "Docker does not answer" not in err


def test_what_is_wrong_with_the_plan_comes_before_docker(place_without_docker: Workplace) -> None:
    words = ("--set", "engine.kv_cache_dtype=fp8_e4m3")
    code, _, err = place_without_docker.up(*GOOD_HOST, *words)
    assert code == 1
    assert "KV-001" in err
    assert "Docker does not answer" not in err


def test_a_host_without_a_driver_is_not_tried(place: Workplace, simulator_ref: str) -> None:
    code, out, err = place.up(*NO_DRIVER, *image(simulator_ref))
    assert (code, out) == (1, "")
    assert "HST-001 NVML does not answer" in err
    assert place.containers() == []


def test_a_port_in_use_is_found_before_the_boot_with_its_holder(either_place: Workplace) -> None:
    place = either_place
    with closing(socket.create_server(("0.0.0.0", place.port))):
        code, out, err = place.rehearse()
    assert (code, out) == (1, "")
    assert "HST-006 Port in use" in err
    assert f"port {place.port} is in use by PID {os.getpid()}" in err
    assert f"--set server.port={place.port + 1}" in err
    assert (place.containers(), place.simulators()) == ([], [])


def test_a_recorded_host_does_not_hide_that_the_port_is_in_use_here(
    place: Workplace, simulator_ref: str
) -> None:
    with closing(socket.create_server(("0.0.0.0", place.port))):
        code, _, err = place.up(*GOOD_HOST, *NO_MEMLOCK, *image(simulator_ref))
    assert code == 1
    assert "HST-006" in err


def test_a_rehearsal_falls_back_to_a_process_and_says_why(place_without_docker: Workplace) -> None:
    code, _, err = place_without_docker.rehearse()
    assert code == 0
    assert "runs as a process, since Docker does not answer" in err
    assert NO_DOCKER in err
    assert len(place_without_docker.simulators()) == 1


def test_a_rehearsal_without_a_base_image_falls_back_too(place: Workplace) -> None:
    base = {"GLM_DEPLOY_SIMULATOR_BASE": "127.0.0.1:1/nobody/python:none"}
    code, _, err = place.rehearse(**base)
    assert code == 0
    assert "runs as a process, since the simulator's image cannot be built" in err


def test_a_rehearsal_that_was_to_be_in_docker_is_not_moved(
    place_without_docker: Workplace,
) -> None:
    code, out, err = place_without_docker.rehearse("--rehearse-in", "docker")
    assert (code, out) == (3, "")
    assert "Docker does not answer" in err
    assert place_without_docker.simulators() == []


def test_a_rehearsal_can_be_a_process_beside_docker(place: Workplace) -> None:
    code, _, err = place.rehearse("--rehearse-in", "process")
    assert code == 0
    assert "runs as a process, since --rehearse-in process says so" in err
    assert (len(place.simulators()), place.containers()) == (1, [])
    assert place.run("down", "--name", place.name).code == 0
    assert place.simulators() == []


@pytest.mark.parametrize("garbage", GARBAGE)
def test_a_docker_host_that_makes_no_sense_is_named(
    place_without_docker: Workplace, garbage: str
) -> None:
    code, out, err = place_without_docker.run("status", DOCKER_HOST=garbage)
    assert (code, out) == (3, "")
    assert f"Docker does not answer at DOCKER_HOST={garbage}" in err
    assert "Correct or unset DOCKER_HOST" in err


def test_a_daemon_that_hangs_up_is_no_bug_of_ours(place_without_docker: Workplace) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.settimeout(10)
        port = listener.getsockname()[1]
        status = place_without_docker.start("status", DOCKER_HOST=f"tcp://127.0.0.1:{port}")
        listener.accept()[0].close()
        listener.close()
        assert status.wait(timeout=20) == 3
    assert status.stderr
    assert "Docker does not answer" in status.stderr.read()
