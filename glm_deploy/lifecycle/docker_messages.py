"""What the messages of dockerd, runc and the NVIDIA toolkit mean, and what to do about each."""

from __future__ import annotations

from glm_deploy.errors import LaunchError

# Message fragment -> (meaning, remedy). Sources: the messages of Docker Engine 20.10 and runc as
# seen in a test, and https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/.
MESSAGES: tuple[tuple[str, str, str], ...] = (
    (
        "could not select device driver",
        "Docker cannot hand out GPUs: dockerd found no NVIDIA runtime hook when it started",
        "Install nvidia-container-toolkit, run `sudo nvidia-ctk runtime configure "
        "--runtime=docker`, then `sudo systemctl restart docker`.",
    ),
    (
        "error setting rlimit type 8",
        "the host does not let Docker lift the limit on locked memory (memlock)",
        "Give dockerd CAP_SYS_RESOURCE (nested containers lack it), or run with "
        "--set container.ulimits.memlock=null and expect slower loading.",
    ),
    (
        "driver/library version mismatch",
        "the NVIDIA driver was updated and the old kernel module is still loaded",
        "Reboot the host.",
    ),
    (
        "unsatisfied condition: cuda>=",
        "the driver is too old for the image's CUDA",
        "Install the R580 driver or newer: sudo apt-get install nvidia-driver-580-open",
    ),
    (
        "unresolvable CDI devices",
        "Docker's list of GPU devices (CDI) is out of date",
        "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml",
    ),
    (
        "is already in use by container",
        "a container of this name exists already",
        "glm-deploy status shows it; `glm-deploy down` removes it if it is ours, "
        "`docker rm` if it is not.",
    ),
    (
        "no space left on device",
        "the disk that Docker writes to is full",
        "docker system df shows what takes the space.",
    ),
)

MEMLOCK_REFUSED = "error setting rlimit type 8"


def explain(message: str) -> LaunchError:
    """The error for a message of the daemon: what it means where we know it, and the message."""
    for fragment, meaning, remedy in MESSAGES:
        if fragment in message:
            return LaunchError(f"{meaning}. Docker said: {message}", remedy=remedy)
    return LaunchError(
        f"Docker refused to start the container: {message}",
        remedy="The rendered command can be tried by hand: glm-deploy render --format docker-run",
    )
