"""Hosts that cannot run the profile are refused in words that name both sides."""

from __future__ import annotations

import pytest
from rule_cases import Launch, host

from glm_deploy import known

REFUSED = {
    "h100-x8": "8x NVIDIA H100 80GB HBM3 (9.0)",
    "b200-x8": "8x NVIDIA B200 (10.0)",
    "gb10": "1x NVIDIA GB10 (12.1)",
    "l40s-x8": "8x NVIDIA L40S (8.9)",
    "a100-x8": "8x NVIDIA A100-SXM4-80GB (8.0)",
}


def refusal(name: str):
    (finding,) = Launch(facts=host(name)).findings("GPU-002")
    return finding


def test_hopper_is_refused_with_both_sides_and_a_way_out():
    finding = refusal("h100-x8")
    assert finding.message == (
        "profile sm120-tp8 needs 8x compute capability 12.0; "
        "this host has 8x NVIDIA H100 80GB HBM3 (9.0). "
        "NVFP4 W4A4 kernels exist only for Blackwell; SGLang stops there with "
        '"Current platform does not support w4a4 nvfp4 quantization". '
        "On these cards use 0xSero/GLM-5.1-555B-W4A16."
    )
    assert finding.fix == "On these cards serve 0xSero/GLM-5.1-555B-W4A16 instead."


@pytest.mark.parametrize(("name", "cards"), REFUSED.items())
def test_every_refusal_names_the_profile_and_the_cards(name, cards):
    message = refusal(name).message
    assert message.startswith("profile sm120-tp8 needs 8x compute capability 12.0; this host has ")
    assert cards in message


def test_each_architecture_has_a_sentence_of_its_own():
    sentences = [refusal(name).message.partition("). ")[2] for name in REFUSED]
    assert all(sentences)
    assert len(set(sentences)) == len(REFUSED)


@pytest.mark.parametrize("name", ["h100-x8", "l40s-x8", "a100-x8"])
def test_where_nvfp4_cannot_run_the_other_variant_is_offered(name):
    assert "0xSero/GLM-5.1-555B-W4A16" in refusal(name).fix


@pytest.mark.parametrize("name", ["b200-x8", "gb10"])
def test_where_nvfp4_runs_from_another_image_no_other_variant_is_offered(name):
    finding = refusal(name)
    assert "W4A16" not in finding.message + finding.fix
    assert "image" in finding.message


def test_a_mixed_host_is_refused_for_each_kind_of_card_in_it():
    good, hopper = host(), host("h100-x8")
    facts = good.model_copy(update={"gpus": (*good.gpus[:7], hopper.gpus[0])})
    (finding,) = Launch(facts=facts).findings("GPU-002")
    assert "this host has 1x NVIDIA H100 80GB HBM3 (9.0)" in finding.message


def test_a_5090_has_the_right_architecture_and_is_refused_by_name_and_memory():
    case = Launch(facts=host("rtx-5090-x8"))
    assert case.findings("GPU-002") == ()
    (name,) = case.findings("GPU-003")
    assert name.message == (
        "profile sm120-tp8 needs 8x RTX PRO 6000 Blackwell; "
        "this host has 8x NVIDIA GeForce RTX 5090"
    )
    (memory,) = case.findings("GPU-005")
    assert memory.message == (
        "GPUs 0, 1, 2, 3, 4, 5, 6, 7: 32607 MiB on each; profile sm120-tp8 needs 97000 MiB"
    )


def test_a_lost_card_is_not_passed_by_any_rule_that_would_have_read_it():
    report = Launch(facts=host("lost-gpu-x8")).report()
    skipped = {s.rule: s.reason for s in report.skipped}
    assert set(skipped) == {"GPU-002", "GPU-003", "GPU-004", "GPU-005"}
    assert all(reason.startswith("GPU 5: NVML error 15") for reason in skipped.values())


def test_a_lost_card_blocks_and_is_named_with_nvmls_reason():
    report = Launch(facts=host("lost-gpu-x8")).report()
    (lost,) = [finding for finding in report.findings if finding.rule == "GPU-006"]
    assert lost.subject == "gpus.5"
    assert lost.message.startswith("NVML error 15")
    assert report.verdict == "blocked"


@pytest.mark.parametrize(
    ("capability", "name", "runs_nvfp4"),
    [
        ((12, 0), "Blackwell workstation (sm_120)", True),
        ((12, 1), "GB10 (sm_121)", True),
        ((10, 0), "Blackwell data centre (sm_100)", True),
        ((10, 3), "Blackwell data centre (sm_100)", True),
        ((9, 0), "Hopper (sm_90)", False),
        ((8, 9), "Ada (sm_89)", False),
        ((8, 6), "Ampere (sm_80)", False),
        ((7, 5), "sm_75", False),
        ((13, 0), "sm_130", False),
    ],
)
def test_a_family_is_known_by_its_compute_capability(capability, name, runs_nvfp4):
    family = known.gpu_family(capability)
    assert (family.name, family.runs_nvfp4) == (name, runs_nvfp4)
    assert (family.refusal is None) == (capability == (12, 0))


@pytest.mark.parametrize(
    "ref",
    [
        "voipmonitor/sglang:cu130",
        "voipmonitor/sglang",
        "voipmonitor/sglang@sha256:" + "0" * 64,
        "voipmonitor/sglang:cu130@sha256:" + "0" * 64,
    ],
)
def test_a_known_image_is_recognised_whatever_its_tag_or_digest(ref):
    image = known.image_repository(ref)
    assert image is not None
    assert image.name == "voipmonitor/sglang"
    assert image.compute_capabilities == ((12, 0),)


@pytest.mark.parametrize(
    "ref",
    ["sglang:cu130", "localhost:5000/voipmonitor/sglang:cu130", "voipmonitor/sglang-next:cu130"],
)
def test_another_image_is_not_taken_for_a_known_one(ref):
    assert known.image_repository(ref) is None
