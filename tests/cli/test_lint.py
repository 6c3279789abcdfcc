"""`glm-deploy lint` and `import`: what goes in, what comes out where, and the exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FACTS = Path(__file__).parent.parent / "facts"
SERVE = "python3 -m sglang.launch_server --model-path 0xSero/GLM-5.1-555B-NVFP4"
BROKEN = f"docker run --gpus all voipmonitor/sglang:cu130 {SERVE} --tp 8\n"
CLEAN = (
    "docker run --gpus all --ipc host lmsysorg/sglang:v0.5.18 sglang serve "
    "--model-path Qwen/Qwen3.5-122B-A10B-FP8 --tp 2\n"
)


def run(*arguments: str, text: str = "", home: Path) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "PORT": "4711"}
    command = [sys.executable, "-m", "glm_deploy", *arguments]
    return subprocess.run(
        command, input=text, capture_output=True, text=True, env=env, check=False, timeout=60
    )


def test_findings_are_the_product_and_what_was_understood_is_talk(tmp_path):
    done = run("lint", "--json", text=BROKEN, home=tmp_path)
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["verdict"] == "blocked"
    finding = next(f for f in report["findings"] if f["rule"] == "KV-001")
    assert (finding["line"], finding["subject"]) == (1, "--kv-cache-dtype")
    assert set(finding) >= {"rule", "severity", "subject", "message", "fix", "source", "column"}
    assert "sglang serving 0xSero/GLM-5.1-555B-NVFP4" in done.stderr
    assert "fork-c70c22a1" in done.stderr


def test_a_clean_launch_exits_0_and_fail_on_can_ask_for_more(tmp_path):
    assert run("lint", text=CLEAN, home=tmp_path).returncode == 0
    assert run("lint", "--fail-on", "warning", text=CLEAN, home=tmp_path).returncode == 1


def test_a_silent_rule_says_so_when_it_is_asked(tmp_path):
    done = run("lint", "--verbose", text=CLEAN, home=tmp_path)
    assert "silent   KV-001" in done.stderr
    assert "silent" not in run("lint", text=CLEAN, home=tmp_path).stderr


def test_another_engine_is_named_and_declined(tmp_path):
    done = run("lint", text="vllm serve X --max-model-len 4096\n", home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "vLLM" in done.stderr


def test_a_host_can_be_judged_with_the_launch(tmp_path):
    done = run("lint", "--json", "--facts", f"{FACTS}/h100-x8.json", text=BROKEN, home=tmp_path)
    assert "GPU-002" in {f["rule"] for f in json.loads(done.stdout)["findings"]}


def test_files_beside_the_document_are_read_and_no_others(tmp_path):
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "own.env").write_text("SGLANG_ENABLE_JIT_DEEPGEMM=0\n")
    (tmp_path / "other.env").write_text("SGLANG_ENABLE_JIT_DEEPGEMM=0\n")
    for name, told in (("own.env", False), ("../other.env", True), ("/etc/passwd", True)):
        (folder / "run.sh").write_text(BROKEN.replace("--gpus", f"--env-file {name} --gpus"))
        done = run("lint", "--json", str(folder / "run.sh"), home=tmp_path)
        rules = {f["rule"] for f in json.loads(done.stdout)["findings"]}
        assert ("DGM-001" in rules) is told
        assert (f"{name} was not read" in done.stderr) is told


def test_the_corrected_command_has_nothing_left_to_correct(tmp_path):
    fixed = run("lint", "--fix", text=BROKEN, home=tmp_path)
    assert fixed.returncode == 0
    again = run("lint", "--json", text=fixed.stdout, home=tmp_path)
    report = json.loads(again.stdout)
    assert [f["rule"] for f in report["findings"] if f["severity"] == "error"] == []
    assert run("lint", "--fix", text=fixed.stdout, home=tmp_path).stdout == fixed.stdout


def test_the_corrected_command_keeps_what_is_not_known_here(tmp_path):
    text = f"docker run --gpus all -e HF_TOKEN voipmonitor/sglang:cu130 {SERVE} --port $PORT\n"
    fixed = run("lint", "--fix", text=text, home=tmp_path).stdout
    assert '--port "$PORT"' in fixed
    assert '-e HF_TOKEN="$HF_TOKEN"' in fixed
    assert "4711" not in fixed


def test_an_imported_profile_can_be_rendered(tmp_path):
    done = run("import", text=CLEAN, home=tmp_path)
    assert done.returncode == 0
    assert "not taken over" in done.stderr
    (tmp_path / "my.yaml").write_text(done.stdout)
    shown = run("render", "-p", str(tmp_path / "my.yaml"), "--format", "json", home=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "Qwen/Qwen3.5-122B-A10B-FP8" in shown.stdout


def test_the_schema_is_that_of_the_reference_page(tmp_path):
    done = run("profiles", "schema", home=tmp_path)
    page = Path(__file__).parents[2] / "docs" / "reference" / "profile.schema.json"
    assert done.stdout == page.read_text("utf-8")
    assert done.stdout == run("profiles", "--schema", home=tmp_path).stdout


def test_shipped_profiles_name_their_schema():
    root = Path(__file__).parents[2]
    for path in (root / "profiles").glob("*.yaml"):
        _, _, name = path.read_text("utf-8").splitlines()[0].partition("$schema=")
        assert (path.parent / name).is_file()


@pytest.mark.parametrize("text", ["", "\x00", "services: [", "docker run", "a: &a [*a]"])
def test_what_is_no_launch_exits_2_with_a_remedy(text, tmp_path):
    done = run("lint", text=text, home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "fix:" in done.stderr
