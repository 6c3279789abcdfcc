"""The reference recipe, held against the real parsers of sglang."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbench.sglang_releases import RealParser

RELEASES = ("0.5.10.post1", "0.5.18", "0.5.23")

# The model card's command for 0xSero/GLM-5.1-555B-NVFP4, without its two b12x flags: no upstream
# release has that backend.
REFERENCE = [
    *("--model-path", "0xSero/GLM-5.1-555B-NVFP4"),
    *("--served-model-name", "glm-5.1-reap"),
    *("--reasoning-parser", "glm45"),
    *("--tool-call-parser", "glm47"),
    *("--tensor-parallel-size", "8"),
    *("--quantization", "compressed-tensors"),
    *("--kv-cache-dtype", "bf16"),
    "--trust-remote-code",
    *("--mem-fraction-static", "0.85"),
    *("--chunked-prefill-size", "16384"),
    *("--attention-backend", "flashinfer"),
    *("--host", "0.0.0.0"),
    *("--port", "5000"),
]

pytestmark = pytest.mark.parametrize("version", RELEASES)


def test_the_reference_recipe_is_accepted_without_b12x(
    version: str, real_parser: Callable[[str], RealParser]
) -> None:
    [verdict] = real_parser(version).judge([REFERENCE])
    assert verdict.message == ""
    assert verdict.accepted
    assert verdict.namespace["model_path"] == "0xSero/GLM-5.1-555B-NVFP4"
    assert verdict.namespace["kv_cache_dtype"] == "bf16"
    assert verdict.namespace["mem_fraction_static"] == 0.85


@pytest.mark.parametrize("flag", ["--moe-runner-backend", "--fp4-gemm-backend"])
def test_b12x_is_in_no_upstream_release(
    version: str, flag: str, real_parser: Callable[[str], RealParser]
) -> None:
    [verdict] = real_parser(version).judge([[*REFERENCE, flag, "b12x"]])
    assert not verdict.accepted
    assert "invalid choice: 'b12x'" in verdict.message


def test_the_short_names_of_the_model_card_are_ambiguous(
    version: str, real_parser: Callable[[str], RealParser]
) -> None:
    [verdict] = real_parser(version).judge([["--model-path", "m", "--tp", "2", "--pp", "3"]])
    assert not verdict.accepted
    assert verdict.message.startswith("ambiguous option: --pp could match --pp")


def test_a_refusal_does_not_disturb_the_next_verdict(
    version: str, real_parser: Callable[[str], RealParser]
) -> None:
    bad, good = real_parser(version).judge([["--no-such-flag"], REFERENCE])
    assert (bad.accepted, good.accepted) == (False, True)
