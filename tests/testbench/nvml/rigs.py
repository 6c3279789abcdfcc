"""Descriptions of GPU hosts, good and broken, in the words that nvml.c reads.

Names and memory totals are as nvidia-smi prints them on such cards; UUIDs and addresses are made
up. More facts for a rig are more keys: nvml.c finds them by name.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Card:
    """A product: its NVML name, its compute capability, its memory in MiB ("!3": not reported)."""

    name: str
    capability: str
    memory_mib: str


SERVER = Card("NVIDIA RTX PRO 6000 Blackwell Server Edition", "12.0", "97887")
WORKSTATION = Card("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "12.0", "97887")
MAX_Q = Card("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", "12.0", "97887")
RTX_5090 = Card("NVIDIA GeForce RTX 5090", "12.0", "32607")
GB10 = Card("NVIDIA GB10", "12.1", "!3")
B200 = Card("NVIDIA B200", "10.0", "183359")
H200 = Card("NVIDIA H200", "9.0", "143771")
H100 = Card("NVIDIA H100 80GB HBM3", "9.0", "81559")
L40S = Card("NVIDIA L40S", "8.9", "46068")
A100 = Card("NVIDIA A100-SXM4-80GB", "8.0", "81920")


@dataclass(frozen=True)
class Rig:
    """What NVML is to say: facts of the host, facts of each GPU, functions it does not have."""

    host: dict[str, str]
    gpus: tuple[dict[str, str], ...]
    without: frozenset[str] = frozenset()

    def text(self) -> str:
        """The description that nvml.c reads."""
        lines = [f"{key} {value}" for key, value in self.host.items()]
        for gpu in self.gpus:
            lines += ["gpu", *(f"{key} {value}" for key, value in gpu.items())]
        return "\n".join(lines) + "\n"

    def but(self, **host: str) -> Rig:
        """This rig with other facts of the host, as `but(init="!9")`."""
        return replace(self, host=self.host | host)

    def but_gpu(self, index: int, **gpu: str) -> Rig:
        """This rig with other facts of one GPU, as `but_gpu(5, handle="!15")`."""
        gpus = list(self.gpus)
        gpus[index] = gpus[index] | gpu
        return replace(self, gpus=tuple(gpus))

    def lacking(self, *functions: str) -> Rig:
        """This rig under a driver whose NVML does not have these functions."""
        return replace(self, without=self.without | set(functions))


def rig(*cards: Card) -> Rig:
    """A healthy, idle host with these cards in order of their PCI addresses."""
    host = {"init": "0", "driver": "580.95.05", "cuda": "13000", "count": "0"}
    return Rig(host, tuple(_gpu(index, card) for index, card in enumerate(cards)))


def _gpu(index: int, card: Card) -> dict[str, str]:
    address = f"00000000:{0x10 * index + 1:02X}:00.0"
    return {
        "handle": "0",
        "name": card.name,
        "uuid": f"GPU-{uuid.uuid5(uuid.NAMESPACE_OID, f'{card.name} at {address}')}",
        "pci": address,
        "capability": card.capability,
        "memory_total_mib": card.memory_mib,
        "memory_used_mib": "2",
        "memory_reserved_mib": "637",
    }


GOOD = rig(*[SERVER] * 8)

# Recorded under these names in tests/facts. `None` is a host without any NVML.
RECORDED: dict[str, Rig | None] = {
    "rtx-pro-6000-x8": GOOD,
    "rtx-pro-6000-x6": rig(*[MAX_Q] * 6),
    "mixed-editions-x8": rig(*[SERVER] * 4, *[WORKSTATION] * 4),
    "rtx-5090-x8": rig(*[RTX_5090] * 8),
    "gb10": rig(GB10),
    "h100-x8": rig(*[H100] * 8),
    "h200-x8": rig(*[H200] * 8),
    "b200-x8": rig(*[B200] * 8),
    "l40s-x8": rig(*[L40S] * 8),
    "a100-x8": rig(*[A100] * 8),
    "lost-gpu-x8": GOOD.but_gpu(5, handle="!15"),
    "no-driver": None,
    "version-mismatch": GOOD.but(init="!18"),
}
