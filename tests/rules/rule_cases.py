"""For every rule: launches and hosts that are in its bad state, and ones that are not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glm_deploy.cli.inputs import fetch
from glm_deploy.facts import Facts, NvmlStatus, PortUse, parse_facts
from glm_deploy.lint.document import read_document
from glm_deploy.lint.spec import read_launch
from glm_deploy.lint.target import Target
from glm_deploy.plan import make_plan
from glm_deploy.profile.load import resolve
from glm_deploy.profile.overrides import parse_set
from glm_deploy.rules import judge

if TYPE_CHECKING:
    from glm_deploy.model import Finding, LaunchSpec, Report

FACTS = Path(__file__).parent.parent / "facts"
TP8, PIPELINE = "sm120-tp8", "sm120-tp2-pp3"
UPSTREAM, THROUGHPUT = "sm120-tp8-upstream", "sm120-tp8-throughput"

DIGEST = "image.digest=sha256:" + "a" * 64
REVISION = "model.revision=0123456789abcdef0123456789abcdef01234567"
# What makes the shipped profile ready: nothing open, nothing that moves.
SOUND = (DIGEST, REVISION, "server.host=127.0.0.1")


def recorded(name: str) -> Facts:
    """The facts of a recorded host."""
    path = FACTS / f"{name}.json"
    return parse_facts(path.read_text("utf-8"), str(path))


def host(name: str = "rtx-pro-6000-x8", **changes: Any) -> Facts:
    """A recorded host whose port 5000 is free, with `changes`."""
    free = {5000: PortUse(free=True)}
    return recorded(name).model_copy(update={"ports": free, **changes})


@dataclass(frozen=True)
class Launch:
    """A shipped profile with `settings` laid over it, for a host where one is given.

    `without` takes flags and variables out of the finished spec: what rules would have decided.
    """

    settings: tuple[str, ...] = ()
    profile: str = TP8
    facts: Facts | None = None
    without: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join((self.profile, *self.settings, *(f"without {w}" for w in self.without)))

    def spec(self, *more: str) -> LaunchSpec:
        """The launch spec, with further settings laid over it."""
        overrides = map(parse_set, (*self.settings, *more))
        resolved = resolve(self.profile, fetch, overrides)
        plan = make_plan(resolved, name=self.profile, home="/home/operator")
        return replace(
            plan.spec,
            argv=(
                *plan.launcher,
                *(w for flag in plan.flags if flag.subject not in self.without for w in flag.words),
            ),
            env={name: v for name, v in plan.spec.env.items() if name not in self.without},
        )

    def report(self, *more: str) -> Report:
        """What the rules say of it, with further settings laid over it."""
        return judge(self.spec(*more), self.facts)

    def findings(self, rule: str) -> tuple[Finding, ...]:
        """The findings of one rule."""
        return tuple(finding for finding in self.report().findings if finding.rule == rule)


@dataclass(frozen=True)
class Read(Launch):
    """A launch that somebody else wrote, as `lint` reads it."""

    without: tuple[str, ...] = ("nothing to override",)
    text: str = ""

    def __str__(self) -> str:
        return self.text

    def spec(self, *more: str) -> LaunchSpec:
        """The spec that `lint` makes of the text."""
        (found,) = read_document(self.text, "text", lambda _: None).launches
        return read_launch(found, Target()).spec


def read(options: str = "", flags: str = "", entrypoint: str = "") -> Read:
    """`docker run` of the image, sound but for what is added."""
    return Read(
        text=f"docker run --gpus all --ipc host --ulimit memlock=-1 -v hf:/root/.cache/huggingface "
        f"-v jit:/cache/jit {options} voipmonitor/sglang:cu130 {entrypoint} "
        f"-m sglang.launch_server --model-path 0xSero/GLM-5.1-555B-NVFP4 {flags}"
    )


def launch(*settings: str, profile: str = TP8) -> Launch:
    return Launch(settings, profile)


def without(*names: str, profile: str = TP8) -> Launch:
    return Launch((), profile, without=names)


def on(facts: Facts, *settings: str, profile: str = TP8) -> Launch:
    return Launch(settings, profile, facts)


GOOD = host()
GRAPH = "env.NCCL_GRAPH_FILE=/etc/nccl_graph_opt.xml"
EXPANDABLE = "env.PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True"
ONESHOT = "engine.extra_args.--enable-pcie-oneshot-allreduce=true"
PP_SPEC = "env.SGLANG_ENABLE_PP_SPEC=1"
NEXTN = "engine.speculative_algorithm=NEXTN"
MTP = ("model.id=festr2/GLM-5-NVFP4-MTP", "model.quantization=null", NEXTN)
MODELOPT = ("model.id=lukealonso/GLM-5.1-NVFP4", "model.quantization=null")
PATTERN = 'engine.extra_args.--json-model-override-args={"index_topk_pattern": "FFSF"}'
JSON_FLAG = 'engine.model_loader_extra_config={"num_threads": 16}'
PARTITION = "env.SGLANG_PP_LAYER_PARTITION"

TRIGGERS: dict[str, list[Launch]] = {
    "ATT-001": [
        without("--attention-backend"),
        launch("engine.attention_backend=fa3"),
        launch("engine.attention_backend=trtllm_mla"),
        launch("engine.extra_args.--prefill-attention-backend=flashmla"),
    ],
    "ATT-002": [
        launch("engine.attention_backend=triton"),
        launch("engine.extra_args.--decode-attention-backend=triton"),
    ],
    "BKD-001": [
        launch("engine.moe_runner_backend=b12x", profile=UPSTREAM),
        launch("engine.fp4_gemm_backend=b12x", profile=UPSTREAM),
        launch("engine.attention_backend=b12x", profile=UPSTREAM),
    ],
    "BKD-002": [launch("engine.extra_args.--expert-parallel-size=8")],
    "BKD-003": [launch()],
    "BKD-004": [launch("engine.max_running_requests=4"), launch("engine.max_running_requests=64")],
    "BKD-005": [
        launch("engine.moe_runner_backend=flashinfer_cutlass"),
        launch("engine.moe_runner_backend=flashinfer_cutlass", profile=UPSTREAM),
    ],
    "COM-001": [
        launch("engine.disable_custom_all_reduce=false"),
        without("--disable-custom-all-reduce", profile=PIPELINE),
    ],
    "COM-002": [launch(GRAPH, profile=PIPELINE)],
    "COM-003": [launch("env.NCCL_P2P_LEVEL=5"), launch("env.NCCL_P2P_LEVEL=sys")],
    "COM-004": [launch("env.NCCL_P2P_DISABLE=1")],
    "COM-005": [launch(EXPANDABLE, ONESHOT)],
    "COM-006": [launch(GRAPH, "engine.mem_fraction_static=0.95")],
    "CTR-001": [
        launch("container.restart.policy=always"),
        launch("container.restart.policy=unless-stopped"),
        launch("container.restart.max_retries=0"),
    ],
    "CTR-002": [launch("container.ipc=private", "container.shm_size=64m")],
    "CTR-003": [
        launch("container.ulimits.memlock=67108864"),
        launch("container.ulimits.memlock=null"),
    ],
    "CTR-004": [read("--privileged", "", "python3")],
    "CTR-005": [read("--entrypoint python3"), read("--entrypoint ''", "", "python3")],
    "CTR-006": [launch("container.volumes./cache/jit=null")],
    "CTR-007": [
        launch("container.volumes./root/.cache/huggingface=null"),
        launch("model.id=/models/glm-5.1"),
    ],
    "CTR-008": [read("--network host -p 5000:5000", "", "python3")],
    "CTR-009": [
        read("-p 5000:5000", "--port 5000", "python3"),
        read("-p 8000:8000", "--host 0.0.0.0", "python3"),
    ],
    "CTR-010": [
        Read(text="docker run lmsysorg/sglang:v0.5.18 sglang serve --model-path Qwen/Qwen3-8B")
    ],
    "DGM-001": [
        launch("env.SGLANG_ENABLE_JIT_DEEPGEMM=1"),
        without("SGLANG_ENABLE_JIT_DEEPGEMM"),
    ],
    "DGM-002": [launch("env.SGLANG_ENABLE_DEEP_GEMM=1"), without("SGLANG_ENABLE_DEEP_GEMM")],
    "DGM-003": [
        launch("engine.moe_runner_backend=deep_gemm"),
        launch("engine.extra_args.--fp8-gemm-backend=deep_gemm"),
    ],
    "FLG-001": [
        launch("engine.extra_args.--no-such-flag=1", profile=UPSTREAM),
        launch("engine.attention_backend=b12x", profile=UPSTREAM),
    ],
    "FLG-002": [launch("engine.attention_backend=nonsense"), launch(ONESHOT)],
    "FLG-003": [launch("engine.extra_args.--enable-metrcs=true")],
    "FLG-004": [launch("engine.extra_args.--pp=3"), launch("engine.extra_args.--enable-metric=1")],
    "FLG-005": [
        launch("engine.extra_args.--gpu-memory-utilization=0.9"),
        launch("engine.extra_args.--enable-prefix-caching=true", profile=UPSTREAM),
    ],
    "FLG-006": [read("", "--tp 8", "python3")],
    "FLG-007": [
        launch("engine.extra_args.--json-model-override-args='{a: 1}'"),
        launch("""engine.extra_args.--json-model-override-args="{'a': 1}\""""),
        read("", '--json-model-override-args {"a": 1}', "python3"),
    ],
    "FLG-008": [read("", "'--port 5000'", "python3")],
    "GPU-001": [on(host("rtx-pro-6000-x6")), on(host("gb10")), on(host(gpus=()))],
    "GPU-002": [
        on(host(name)) for name in ("h100-x8", "b200-x8", "gb10", "l40s-x8", "a100-x8", "h200-x8")
    ],
    "GPU-003": [on(host("rtx-5090-x8")), on(host("h100-x8"))],
    "GPU-004": [on(host("mixed-editions-x8"))],
    "GPU-005": [on(host("rtx-5090-x8")), on(host("a100-x8"))],
    "GPU-006": [on(host("lost-gpu-x8"))],
    "HST-001": [on(host("no-driver")), on(host("version-mismatch"))],
    "HST-002": [on(host(driver_version="570.133.20"))],
    "HST-003": [on(host(driver_version="580.50"))],
    "HST-004": [on(host(cuda_driver_version=12080))],
    "HST-005": [on(host(cuda_driver_version=13020))],
    "HST-006": [on(host(ports={5000: PortUse(free=False, holder="python3 (4711)")}))],
    "IMG-001": [launch()],
    "IMG-002": [launch("env.NCCL_IB_DISABLE=0"), without("NCCL_IB_DISABLE")],
    "IMG-003": [
        launch("env.MODEL_PROFILE=glm5-nvfp4", profile=PIPELINE),
        launch("env.MODEL_PROFILE=glm5-nvfp4", JSON_FLAG),
    ],
    "IMG-004": [
        launch("hardware.compute_capability=12.1"),
        launch("hardware.compute_capability=9.0"),
    ],
    "KV-001": [
        launch("engine.kv_cache_dtype=fp8_e4m3"),
        launch("engine.kv_cache_dtype=auto"),
        without("--kv-cache-dtype"),
        launch("engine.kv_cache_dtype=fp8_e4m3", profile=UPSTREAM),
    ],
    "KV-002": [launch("engine.kv_cache_dtype=fp8_e5m2")],
    "MDL-001": [
        launch("model.quantization=modelopt_fp4"),
        launch(MODELOPT[0], "model.quantization=compressed-tensors"),
    ],
    "MDL-002": [launch("model.id=0xSero/GLM-5.1-555B-GGUF")],
    "MDL-003": [
        launch("engine.chunked_prefill_size=1000"),
        launch("engine.chunked_prefill_size=10"),
    ],
    "MDL-004": [launch("model.served_name=glm:5.1")],
    "MDL-005": [launch(*MODELOPT)],
    "PAR-001": [launch(f"parallelism.tensor={tensor}") for tensor in (3, 5, 6, 7)],
    "PAR-002": [
        launch("parallelism.tensor=4"),
        launch("parallelism.tensor=8", profile=PIPELINE),
        launch("parallelism.pipeline=2"),
    ],
    "PAR-003": [
        launch("container.devices=[0, 1]"),
        launch("container.devices=[0, 0, 1, 2, 3, 4, 5, 6]"),
        launch("container.devices=[0, 1, 2, 3, 4]", profile=PIPELINE),
    ],
    "PAR-004": [
        launch(f"{PARTITION}={partition}", profile=PIPELINE)
        for partition in ("26,26,25", "39,39", "26,x,26")
    ],
    "PAR-005": [
        launch(NEXTN, profile=PIPELINE),
        launch(NEXTN, PP_SPEC, "image.engine.version=0.5.18", profile=PIPELINE),
        launch(NEXTN, "image.engine.version=0.5.23", profile=PIPELINE),
    ],
    "PAR-006": [launch("engine.enable_mixed_chunk=true", profile=PIPELINE)],
    "PAR-007": [launch(PATTERN, profile=PIPELINE)],
    "SEC-001": [launch(), launch("server.host='::'")],
    "SEC-002": [launch()],
    "SEC-003": [launch("engine.extra_args.--admin-api-key=hunter2")],
    "SEC-004": [
        launch("env.HF_TOKEN=hf_abc"),
        launch("env.AWS_SECRET_ACCESS_KEY=x"),
        launch("env.SERVICE_PASSWORD=x"),
    ],
    "SPC-001": [
        launch(*MTP, "env.SGLANG_ENABLE_SPEC_V2=False"),
        Launch(MTP, without=("SGLANG_ENABLE_SPEC_V2",)),
    ],
    "SPC-002": [launch(NEXTN)],
}

# Launches that are close to the bad state and not in it. A rule that is not listed passes SOUND.
PASSES: dict[str, list[Launch]] = {
    "ATT-001": [launch(), launch("engine.attention_backend=flashinfer_sparse_mla")],
    "BKD-001": [launch(profile=UPSTREAM)],
    "BKD-002": [
        launch("engine.extra_args.--expert-parallel-size=1"),
        launch("engine.extra_args.--expert-parallel-size=8", profile=THROUGHPUT),
    ],
    "BKD-003": [launch(profile=THROUGHPUT), launch(*MODELOPT)],
    "BKD-004": [
        launch("engine.max_running_requests=3"),
        launch("engine.max_running_requests=64", profile=THROUGHPUT),
    ],
    "BKD-005": [launch(profile=UPSTREAM)],
    "COM-001": [launch("engine.disable_custom_all_reduce=true")],
    "COM-002": [launch(GRAPH)],
    "COM-003": [launch("env.NCCL_P2P_LEVEL=PHB"), launch("env.NCCL_P2P_LEVEL=null")],
    "COM-004": [
        launch("env.NCCL_P2P_DISABLE=0"),
        launch("env.NCCL_P2P_DISABLE=1", "env.NCCL_P2P_LEVEL=null"),
    ],
    "COM-005": [launch(EXPANDABLE), launch(ONESHOT)],
    "COM-006": [
        launch(GRAPH, "engine.mem_fraction_static=0.93"),
        launch("engine.mem_fraction_static=0.95"),
    ],
    "CTR-001": [launch("container.restart.policy=no", "container.restart.max_retries=0")],
    "CTR-002": [launch("container.ipc=private", "container.shm_size=8g")],
    "CTR-004": [read("--privileged=false", "", "python3")],
    "CTR-006": [launch("container.volumes./cache/jit=null", "container.volumes./cache=all")],
    "CTR-007": [
        launch("model.id=/models/glm-5.1", "container.volumes./models=/srv/models"),
        read("-e HF_HOME=/hf -v /srv/hf:/hf", "", "python3"),
    ],
    "CTR-008": [read("--network host", "", "python3")],
    "CTR-009": [
        read("-p 5000:5000", "--port 5000 --host 0.0.0.0", "python3"),
        read("-p 127.0.0.1:80:5000/tcp", "--port 5000 --host 0.0.0.0", "python3"),
        read("-p 5000-5010:5000-5010", "--port 5005 --host 0.0.0.0", "python3"),
    ],
    "FLG-001": [launch(profile=UPSTREAM)],
    # `--tp` begins one flag alone; what is written out is no abbreviation.
    "FLG-006": [read("", "--tp-size 8 --model-path=x", "python3")],
    "FLG-007": [launch(JSON_FLAG), launch(PATTERN)],
    # A flag that only builds of the image's author have is no slip of the hand.
    "FLG-003": [launch(ONESHOT)],
    "FLG-004": [launch("engine.extra_args.--enable-metrics=true")],
    "GPU-001": [on(GOOD), on(host("rtx-pro-6000-x6"), profile=PIPELINE)],
    "GPU-002": [on(host("rtx-5090-x8"))],
    "GPU-004": [on(host("h100-x8"))],
    "HST-003": [on(host(driver_version="580.65.06")), on(host(driver_version="570.1"))],
    "HST-004": [on(host(cuda_driver_version=13000))],
    "HST-005": [on(host(cuda_driver_version=13010))],
    "HST-006": [on(host(ports={5000: PortUse(free=True), 5001: PortUse(free=False)}))],
    "IMG-003": [launch("env.MODEL_PROFILE=glm5-nvfp4")],
    "KV-001": [launch(), launch("engine.kv_cache_dtype=bfloat16")],
    "KV-002": [launch("engine.kv_cache_dtype=fp8_e4m3")],
    "MDL-001": [launch(*MODELOPT)],
    "MDL-003": [
        launch("engine.chunked_prefill_size=64"),
        launch("engine.chunked_prefill_size=-1"),
    ],
    "MDL-005": [launch(*MODELOPT, "engine.disable_shared_experts_fusion=true")],
    "PAR-001": [launch(f"parallelism.tensor={tensor}") for tensor in (1, 2, 4, 8)],
    "PAR-002": [
        launch(profile=PIPELINE),
        launch("parallelism.tensor=4", "parallelism.pipeline=2"),
    ],
    "PAR-003": [launch(profile=PIPELINE), launch("container.devices=[7, 6, 5, 4, 3, 2, 1, 0]")],
    "PAR-004": [launch(f"{PARTITION}=27,24,27", profile=PIPELINE)],
    "PAR-005": [
        launch(profile=PIPELINE),
        launch(NEXTN, PP_SPEC, "image.engine.version=0.5.23", profile=PIPELINE),
    ],
    "PAR-006": [launch(profile=PIPELINE)],
    "PAR-007": [launch(PATTERN, f"{PARTITION}=27,24,27", profile=PIPELINE)],
    "SEC-001": [launch("server.host=127.0.0.1"), launch("server.api_key_file=/etc/key.yaml")],
    "SEC-002": [launch(REVISION), launch("model.id=/models/glm")],
    "SEC-004": [launch("env.TOKENIZERS_PARALLELISM=false"), launch("env.HF_TOKEN=")],
    "SPC-001": [launch(NEXTN), launch(*MTP, "env.SGLANG_ENABLE_SPEC_V2=1")],
    "SPC-002": [launch(*MTP)],
}

# Launches that a rule does not speak about at all.
SILENT: dict[str, list[Launch]] = {
    "ATT-001": [launch("hardware.compute_capability=9.0", "engine.attention_backend=fa3")],
    "BKD-001": [launch()],
    "BKD-002": [launch("engine.extra_args.--ep-size=8", profile=UPSTREAM)],
    "BKD-005": [launch(*MODELOPT, "engine.moe_runner_backend=flashinfer_cutlass")],
    "COM-001": [launch("parallelism.tensor=1")],
    "CTR-002": [launch("container.shm_size=64m")],
    "DGM-001": [
        launch("hardware.compute_capability=10.0", "env.SGLANG_ENABLE_JIT_DEEPGEMM=1"),
        launch("image.engine.version=0.5.13", profile=UPSTREAM),
        launch("env.SGLANG_ENABLE_JIT_DEEPGEMM=1", "model.id=zai-org/GLM-4.7"),
    ],
    "FLG-001": [launch(ONESHOT)],
    "FLG-002": [launch("engine.attention_backend=nonsense", profile=UPSTREAM)],
    "HST-003": [on(host(driver_version="580.50"), profile=UPSTREAM)],
    "HST-005": [
        on(
            host(cuda_driver_version=13020),
            "container.tmpfs./usr/local/cuda-13.0/compat=true",
        )
    ],
    "IMG-002": [launch("env.NCCL_IB_DISABLE=0", profile=UPSTREAM)],
    # Later releases select flashinfer_sparse_mla, which reads fp8 back right.
    "KV-001": [
        launch("engine.kv_cache_dtype=fp8_e4m3", "image.engine.version=0.5.17", profile=UPSTREAM),
        launch("engine.kv_cache_dtype=fp8_e4m3", "model.id=Qwen/Qwen3.5-397B-A17B"),
    ],
    "KV-002": [launch("engine.kv_cache_dtype=fp8_e5m2", "model.id=moonshotai/Kimi-K2-Thinking")],
    "MDL-003": [launch("engine.chunked_prefill_size=1000", "model.id=MiniMaxAI/MiniMax-M2.5")],
    "CTR-005": [launch(profile=UPSTREAM)],
    "CTR-009": [launch()],
    "FLG-006": [launch()],
    "MDL-001": [launch("model.id=/models/mine", "model.quantization=modelopt_fp4")],
    "PAR-005": [launch(NEXTN)],
    "SPC-001": [launch(*MTP, "image.engine.version=0.5.12", profile=UPSTREAM)],
}

# For each rule about a host: hosts on which what it reads could not be read.
UNREADABLE: dict[str, list[Facts]] = {
    **{rule: [host("no-driver"), host(gpus=None)] for rule in ("GPU-001", "GPU-006")},
    **{
        rule: [host("no-driver"), host("lost-gpu-x8"), host(gpus=None)]
        for rule in ("GPU-002", "GPU-003", "GPU-004", "GPU-005")
    },
    "HST-001": [host(nvml=None)],
    "HST-002": [host("no-driver"), host(driver_version=None)],
    "HST-003": [host("no-driver"), host(driver_version=None)],
    "HST-004": [host("no-driver"), host(cuda_driver_version=None)],
    "HST-005": [host("no-driver"), host(cuda_driver_version=None)],
    "HST-006": [host(ports=None), host(ports={5001: PortUse(free=True)})],
}

NVML_CODES = {
    code: host(nvml=NvmlStatus(code=code, message="as NVML says")) for code in (4, 9, 12, 18, 999)
}
