"""`glm-deploy render`: a file on stdout or on disk, whole or not at all."""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
import threading
from contextlib import contextmanager

import pytest
import yaml
from invocation import FORMATS, glm, process
from testbench.parts import requires

BLOCKED = ("--set", "engine.kv_cache_dtype=fp8_e4m3")
NAMES = {
    "compose": "compose.yaml",
    "docker-run": "docker-run.sh",
    "shell": "run.sh",
    "json": "plan.json",
}


@pytest.mark.parametrize("target", FORMATS)
def test_stdout_is_the_file_and_nothing_else(target, tmp_path):
    printed = glm("render", "--format", target)
    path = tmp_path / "written"
    written = glm("render", "--format", target, "--output", str(path))
    assert (printed.code, written.code) == (0, 0)
    assert printed.out == path.read_text("utf-8")
    assert written.out == ""


def test_compose_is_the_default():
    assert glm("render").out == glm("render", "--format", "compose").out
    assert yaml.safe_load(glm("render").out)["services"]["sm120-tp8"]["command"]


def test_findings_are_on_stderr_and_info_is_left_out():
    err = glm("render").err
    assert "warning  IMG-001 Image is not pinned by digest" in err
    assert "BKD-003" not in err


def test_quiet_says_nothing_of_a_plan_that_is_not_blocked():
    outcome = glm("render", "-q")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == glm("render").out


@pytest.mark.parametrize("quiet", [(), ("-q",)])
def test_a_blocked_plan_prints_no_file_and_its_findings_on_stderr(quiet):
    outcome = glm("render", *BLOCKED, *quiet)
    assert (outcome.code, outcome.out) == (1, "")
    assert "error    KV-001 KV cache is not bf16 on sm120" in outcome.err
    assert "fix: --set engine.kv_cache_dtype=bf16" in outcome.err


def test_a_blocked_plan_makes_no_file(tmp_path):
    assert glm("render", *BLOCKED, "--output", str(tmp_path / "new.yaml")).code == 1
    assert list(tmp_path.iterdir()) == []


def test_a_blocked_plan_does_not_touch_the_file_that_is_there(tmp_path):
    path = tmp_path / "compose.yaml"
    path.write_text("as it was", "utf-8")
    before = path.stat()
    assert glm("render", *BLOCKED, "--output", str(path)).code == 1
    assert path.read_text("utf-8") == "as it was"
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_ino == before.st_ino


@pytest.mark.parametrize(("fail_on", "code"), [("error", 0), ("warning", 1), ("info", 1)])
def test_fail_on_says_from_which_severity_a_plan_is_blocked(fail_on, code):
    outcome = glm("render", "--fail-on", fail_on)
    assert outcome.code == code
    assert bool(outcome.out) is (code == 0)


@pytest.mark.parametrize("target", FORMATS)
def test_an_overruled_rule_is_shown_in_every_format(target):
    outcome = glm("render", *BLOCKED, "--allow", "kv-001", "--format", target)
    assert outcome.code == 0
    assert "fp8_e4m3" in outcome.out
    assert "allowed  KV-001 KV cache is not bf16 on sm120" in outcome.err
    if target == "json":
        assert json.loads(outcome.out)["allow"] == ["KV-001"]
    else:
        assert "# Overruled by the operator (--allow): KV-001" in outcome.out.splitlines()


def test_quiet_does_not_hide_what_was_overruled():
    assert "allowed  KV-001" in glm("render", "-q", *BLOCKED, "--allow", "KV-001").err


def test_an_unknown_rule_cannot_be_allowed():
    outcome = glm("render", "--allow", "KV-999")
    assert (outcome.code, outcome.out) == (2, "")
    assert "error: there is no rule KV-999" in outcome.err


def test_the_name_of_the_deployment_may_be_chosen():
    data = json.loads(glm("render", "--name", "prod", "--format", "json").out)
    assert data["spec"]["name"] == "prod"


def test_the_profile_may_come_from_the_environment():
    rendered = glm("render", "--format", "json", GLM_DEPLOY_PROFILE="sm120-tp2-pp3")
    assert json.loads(rendered.out)["spec"]["profile"] == "sm120-tp2-pp3"


def test_a_variable_overrides_the_profile_and_is_named_as_the_reason():
    rendered = glm("render", GLM_DEPLOY__SERVER__PORT="5001")
    assert '- "--port"  # environment GLM_DEPLOY__SERVER__PORT\n      - "5001"' in rendered.out


def test_the_same_plan_renders_to_the_same_bytes_in_another_process():
    assert process("render", "-q").out == glm("render", "-q").out


def test_a_second_run_that_remembers_the_profile_renders_the_same(tmp_path):
    environ = {"XDG_CACHE_HOME": str(tmp_path)}
    first = glm("render", "--set", "env.X=1e5", **environ)
    assert list(tmp_path.rglob("*.json"))
    assert glm("render", "--set", "env.X=1e5", **environ) == first


@pytest.mark.parametrize("text", ["", "[]", "null", "3", "{", "{}", '{"name": 3}', "\ufffd"])
def test_a_memory_that_holds_nonsense_is_forgotten(tmp_path, text):
    environ = {"XDG_CACHE_HOME": str(tmp_path)}
    first = glm("render", **environ)
    for file in tmp_path.rglob("*.json"):
        file.write_text(text, "utf-8")
    assert glm("render", **environ) == first


def test_a_memory_that_cannot_be_written_is_done_without(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("", "utf-8")
    outcome = glm("render", XDG_CACHE_HOME=str(blocked))
    assert (outcome.code, outcome.out) == (0, glm("render").out)


class TestOutput:
    """Where the file goes."""

    @pytest.mark.parametrize("target", FORMATS)
    def test_a_folder_gets_the_file_under_its_own_name(self, tmp_path, target):
        assert glm("render", "--format", target, "-o", str(tmp_path)).code == 0
        assert [path.name for path in tmp_path.iterdir()] == [NAMES[target]]

    def test_a_dash_is_stdout(self):
        assert glm("render", "-o", "-").out == glm("render").out

    def test_a_new_file_gets_the_mode_of_the_umask(self, tmp_path):
        old = os.umask(0o027)
        try:
            assert glm("render", "-o", str(tmp_path / "new")).code == 0
        finally:
            os.umask(old)
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640

    def test_a_file_that_is_there_keeps_its_mode(self, tmp_path):
        path = tmp_path / "old"
        path.write_text("", "utf-8")
        path.chmod(0o600)
        assert glm("render", "-o", str(path)).code == 0
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_who_is_reading_the_old_file_reads_it_to_its_end(self, tmp_path):
        path = tmp_path / "old"
        path.write_text("as it was", "utf-8")
        with path.open(encoding="utf-8") as reader:
            assert glm("render", "-o", str(path)).code == 0
            assert reader.read() == "as it was"
        assert path.read_text("utf-8") == glm("render").out

    def test_a_link_stays_a_link_to_the_file(self, tmp_path):
        (tmp_path / "real").write_text("old", "utf-8")
        (tmp_path / "link").symlink_to("real")
        assert glm("render", "-o", str(tmp_path / "link")).code == 0
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "real").read_text("utf-8") == glm("render").out

    def test_what_is_no_file_is_written_to_and_not_replaced(self, tmp_path):
        fifo = tmp_path / "fifo"
        os.mkfifo(fifo)
        read = []
        reader = threading.Thread(target=lambda: read.append(fifo.read_text("utf-8")), daemon=True)
        reader.start()
        assert glm("render", "-o", str(fifo)).code == 0
        reader.join(timeout=10)
        assert read == [glm("render").out]
        assert stat.S_ISFIFO(fifo.stat().st_mode)

    @pytest.mark.parametrize("path", ["missing/compose.yaml", "file/compose.yaml"])
    def test_a_place_that_is_not_there_is_refused(self, tmp_path, path):
        (tmp_path / "file").write_text("", "utf-8")
        outcome = glm("render", "-o", str(tmp_path / path))
        assert (outcome.code, outcome.out) == (3, "")
        assert f"error: {tmp_path / path} cannot be written: " in outcome.err
        assert "fix:   Choose another place with --output" in outcome.err

    def test_a_filesystem_that_takes_no_files_is_refused(self):
        outcome = glm("render", "-o", "/proc/compose.yaml")
        assert outcome.code == 3
        assert "error: /proc/compose.yaml cannot be written: " in outcome.err

    @pytest.mark.parametrize("target", FORMATS)
    def test_a_write_that_stops_half_way_leaves_the_old_file_and_no_other(self, tmp_path, target):
        path = tmp_path / "old"
        path.write_text("as it was", "utf-8")

        def at_most_1_kib_per_file():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))

        outcome = process(
            "render", "--format", target, "-o", str(path), preexec_fn=at_most_1_kib_per_file
        )
        assert outcome.code == 3
        assert f"error: {path} cannot be written: File too large" in outcome.err
        assert path.read_text("utf-8") == "as it was"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_full_disk_leaves_the_old_file_and_no_other(self, small_disk):
        path = small_disk / "old"
        path.write_text("as it was", "utf-8")
        filler = small_disk / "filler"
        with pytest.raises(OSError, match="No space left"):
            filler.write_bytes(b"x" * 2**20)
        outcome = glm("render", "-o", str(path))
        assert outcome.code == 3
        assert f"error: {path} cannot be written: No space left on device" in outcome.err
        assert path.read_text("utf-8") == "as it was"
        assert sorted(small_disk.iterdir()) == [filler, path]


@pytest.fixture
def small_disk(tmp_path):
    """A filesystem of 64 KiB."""
    with mounted(tmp_path / "disk", "size=64k") as folder:
        yield folder


@contextmanager
def mounted(folder, options):
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, check=False)
    requires("the right to mount a tmpfs", "run the tests as root", present=done.returncode == 0)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_read_only_filesystem_is_refused(tmp_path):
    with mounted(tmp_path / "disk", "size=64k,ro") as folder:
        outcome = glm("render", "-o", str(folder / "compose.yaml"))
    assert outcome.code == 3
    assert "cannot be written: Read-only file system" in outcome.err
