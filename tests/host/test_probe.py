"""The probe says what is there, says why it could not see the rest, and never gives up."""

from __future__ import annotations

import ctypes
import re
from typing import TYPE_CHECKING

import pytest
from testbench.nvml import record, rigs

import glm_deploy
from glm_deploy.facts import Gpu, parse_facts
from glm_deploy.host.probe import probe

if TYPE_CHECKING:
    from testbench.nvml.stand import NvmlStand

LOST = (
    "NVML error 15 (GPU is lost): The GPU has fallen off the PCIe bus or stopped answering. Read "
    "`sudo dmesg | grep -i xid`, then power the host off and on; if it happens again, reseat the "
    "card and check its power cables."
)
TOO_OLD = (
    "NVML error 13 (Function Not Found): The installed NVIDIA driver is too old to answer. "
    "Update the driver."
)


class TestGoodHost:
    def test_tells_driver_and_cuda_version(self, nvml: NvmlStand) -> None:
        facts = nvml.probe(rigs.GOOD)

        assert facts.nvml is not None
        assert (facts.nvml.code, facts.driver_version, facts.cuda_driver_version) == (
            0,
            "580.95.05",
            13000,
        )

    def test_tells_every_gpu(self, nvml: NvmlStand) -> None:
        gpus = nvml.probe(rigs.GOOD).gpus

        assert gpus is not None
        assert len(gpus) == 8
        assert gpus[2] == Gpu(
            uuid=rigs.GOOD.gpus[2]["uuid"],
            pci_address="0000:21:00.0",
            name="NVIDIA RTX PRO 6000 Blackwell Server Edition",
            compute_capability=(12, 0),
            memory_total_mib=97887,
            memory_used_mib=2,
        )

    def test_nothing_is_left_unobserved_but_the_ports_nobody_asked_for(
        self, nvml: NvmlStand
    ) -> None:
        assert nvml.probe(rigs.GOOD).unobserved == {
            "ports": "The probe was not told which ports to try."
        }

    def test_the_drivers_own_reserve_does_not_count_as_used(self, nvml: NvmlStand) -> None:
        gpus = nvml.probe(rigs.GOOD.but_gpu(0, memory_reserved_mib="5000")).gpus

        assert gpus is not None
        assert gpus[0].memory_used_mib == 2

    def test_sixteen_gpus_in_order_of_pci_address(self, nvml: NvmlStand) -> None:
        gpus = nvml.probe(rigs.rig(*[rigs.SERVER] * 16)).gpus

        assert gpus is not None
        assert [gpu.pci_address for gpu in gpus] == [f"0000:{bus:x}1:00.0" for bus in range(16)]

    def test_a_pci_domain_above_the_first_keeps_its_digits(self, nvml: NvmlStand) -> None:
        gpus = nvml.probe(rigs.GOOD.but_gpu(0, pci="00010000:C1:00.0")).gpus

        assert gpus is not None
        assert gpus[0].pci_address == "10000:c1:00.0"

    def test_different_cards_keep_their_own_capability(self, nvml: NvmlStand) -> None:
        gpus = nvml.probe(rigs.rig(rigs.SERVER, rigs.H100, rigs.L40S)).gpus

        assert gpus is not None
        assert [gpu.compute_capability for gpu in gpus] == [(12, 0), (9, 0), (8, 9)]

    def test_no_gpu_at_all_is_an_empty_list_and_not_unknown(self, nvml: NvmlStand) -> None:
        assert nvml.probe(rigs.rig()).gpus == ()


class TestOneAnswerMissing:
    def test_memory_that_is_not_reported_is_unknown_and_not_zero(self, nvml: NvmlStand) -> None:
        facts = nvml.probe(rigs.rig(rigs.GB10))

        assert facts.gpus is not None
        assert facts.gpus[0].memory_total_mib is None
        assert facts.reason("gpus.0.memory_total_mib") == (
            "NVML error 3 (Not Supported): This GPU or its driver does not report it."
        )

    @pytest.mark.parametrize(
        ("question", "field"),
        [
            ("uuid", "uuid"),
            ("pci", "pci_address"),
            ("name", "name"),
            ("capability", "compute_capability"),
        ],
    )
    def test_spoils_no_other_answer(self, nvml: NvmlStand, question: str, field: str) -> None:
        good = nvml.probe(rigs.GOOD)
        assert good.gpus is not None

        facts = nvml.probe(rigs.GOOD.but_gpu(3, **{question: "!999"}))

        assert facts.gpus == (
            *good.gpus[:3],
            good.gpus[3].model_copy(update={field: None}),
            *good.gpus[4:],
        )
        assert set(facts.unobserved) - set(good.unobserved) == {f"gpus.3.{field}"}

    def test_a_function_the_driver_lacks_costs_its_fields_alone(self, nvml: NvmlStand) -> None:
        facts = nvml.probe(rigs.rig(rigs.A100).lacking("nvmlDeviceGetMemoryInfo_v2"))

        assert facts.gpus is not None
        assert facts.gpus[0].name == "NVIDIA A100-SXM4-80GB"
        assert facts.reason("gpus.0.memory_total_mib") == TOO_OLD
        assert facts.reason("gpus.0.memory_used_mib") == TOO_OLD

    def test_cuda_version_without_libcuda_names_that_library(self, nvml: NvmlStand) -> None:
        facts = nvml.probe(rigs.GOOD.but(cuda="!12"))

        assert facts.cuda_driver_version is None
        assert "libcuda.so.1 was not found" in facts.reason("cuda_driver_version")
        assert facts.driver_version == "580.95.05"

    def test_gpus_that_cannot_be_counted_are_unknown(self, nvml: NvmlStand) -> None:
        facts = nvml.probe(rigs.GOOD.but(count="!999"))

        assert facts.gpus is None
        assert facts.driver_version == "580.95.05"
        assert facts.reason("gpus") == (
            "NVML error 999 (Unknown Error): "
            "Run `nvidia-smi` to see whether the driver still answers."
        )


class TestLostGpu:
    def test_keeps_its_place_in_the_list(self, nvml: NvmlStand) -> None:
        facts = nvml.probe(rigs.GOOD.but_gpu(5, handle="!15"))

        assert facts.gpus is not None
        assert len(facts.gpus) == 8
        assert facts.gpus[5] == Gpu()
        assert {facts.reason(f"gpus.5.{field}") for field in Gpu.model_fields} == {LOST}

    def test_keeps_what_was_still_known(self, nvml: NvmlStand) -> None:
        rig = rigs.GOOD.but_gpu(5, capability="!15", memory_total_mib="!15", name="!15")
        facts = nvml.probe(rig)

        assert facts.gpus is not None
        assert facts.gpus[5] == Gpu(uuid=rig.gpus[5]["uuid"], pci_address="0000:51:00.0")
        assert facts.reason("gpus.5.compute_capability") == LOST

    def test_a_gpu_this_user_may_not_open_is_told_as_such(self, nvml: NvmlStand) -> None:
        facts = nvml.probe(rigs.GOOD.but_gpu(1, handle="!4"))

        assert "Run as root, or as a user who can open /dev/nvidiactl" in facts.reason(
            "gpus.1.uuid"
        )

    def test_nvml_is_shut_down_all_the_same(self, nvml: NvmlStand) -> None:
        calls = nvml.calls(rigs.GOOD.but_gpu(5, handle="!15"))

        assert (calls[0], calls[-1]) == ("nvmlInitWithFlags", "nvmlShutdown")
        assert calls.count("nvmlShutdown") == 1


class TestNvmlThatDoesNotStart:
    @pytest.mark.parametrize(
        ("code", "remedy"),
        [
            (4, "Run as root"),
            (9, "sudo modprobe nvidia"),
            (18, "Reboot."),
            (999, "Run `nvidia-smi`"),
        ],
    )
    def test_gives_its_code_and_what_to_do(self, nvml: NvmlStand, code: int, remedy: str) -> None:
        facts = nvml.probe(rigs.GOOD.but(init=f"!{code}"))

        assert facts.nvml is not None
        assert facts.nvml.code == code
        assert remedy in facts.nvml.message

    def test_leaves_driver_and_gpus_unknown(self, nvml: NvmlStand) -> None:
        facts = nvml.probe(rigs.GOOD.but(init="!18"))

        assert (facts.driver_version, facts.cuda_driver_version, facts.gpus) == (None, None, None)
        assert facts.reason("gpus") == (
            "NVML did not start: error 18 (RM has detected an NVML/RM version mismatch)."
        )

    def test_a_library_too_old_to_start_is_code_13(self, nvml: NvmlStand) -> None:
        facts = nvml.probe(rigs.GOOD.lacking("nvmlInitWithFlags"))

        assert facts.nvml is not None
        assert (facts.nvml.code, facts.nvml.message) == (
            13,
            "The installed NVIDIA driver is too old to answer. Update the driver.",
        )

    def test_a_library_that_is_not_there_is_code_12(self, nvml: NvmlStand) -> None:
        facts = nvml.probe(None)

        assert facts.nvml is not None
        assert facts.nvml.code == 12
        assert facts.nvml.message.startswith(
            "libnvidia-ml.so.1 was not found: no NVIDIA driver is installed here"
        )

    def test_nothing_is_written_to_stderr(self, nvml: NvmlStand) -> None:
        ended = nvml.run("from glm_deploy.host.probe import probe; probe()", None)

        assert (ended.stdout, ended.stderr) == ("", "")


class TestThisMachine:
    def test_is_told_as_it_is(self) -> None:
        try:
            ctypes.CDLL("libnvidia-ml.so.1")
            has_library = True
        except OSError:
            has_library = False

        facts = probe()

        assert facts.nvml is not None
        assert (facts.nvml.code == 12) is not has_library
        assert (facts.gpus is None) is ("gpus" in facts.unobserved)

    def test_facts_carry_when_and_by_what_they_were_made(self) -> None:
        facts = probe()

        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", facts.observed_at or "")
        assert facts.tool_version == glm_deploy.__version__

    def test_facts_survive_the_way_through_json(self) -> None:
        facts = probe([8000])

        assert parse_facts(facts.model_dump_json(), "here") == facts


class TestRecordedHosts:
    @pytest.mark.parametrize("name", rigs.RECORDED)
    def test_are_what_the_probe_says_today(self, nvml: NvmlStand, name: str) -> None:
        """When this fails: `PYTHONPATH=tests python -m testbench.nvml.record`, read the diff."""
        today = nvml.probe(rigs.RECORDED[name])

        assert record.timeless(record.recorded(name)) == record.timeless(today)

    def test_are_all_made_by_a_rig(self) -> None:
        assert {path.stem for path in record.FACTS.glob("*.json")} == set(rigs.RECORDED)
