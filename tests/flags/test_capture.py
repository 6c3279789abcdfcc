"""Reading the parser inside a real image and beside a real venv, and judging by it afterwards."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import docker

sys.path.append(str(Path(__file__).parents[1] / "cli"))
from invocation import glm
from testbench.sglang_releases import PYTHON, SGLANG, command

from glm_deploy.lifecycle import captures
from glm_deploy.sglang import catalogue, releases

if TYPE_CHECKING:
    from collections.abc import Iterator


def capture_text(name="example/engine:1", flag="--only-here", version="0.5.10"):
    entry = {"flags": [flag], "dest": "x", "action": "store"}
    head = {"name": name, "engine": "sglang", "version": version, "source": "a test"}
    lines = [f"{json.dumps(k)}: {json.dumps(v)}," for k, v in head.items()]
    return "\n".join(["{", *lines, '"options": [', json.dumps(entry), "]", "}", ""])


@pytest.fixture
def containers(on_test_engine: str) -> Iterator[list[str]]:
    """The containers that a test leaves behind."""
    client = docker.DockerClient(base_url=on_test_engine)
    before = {c.id for c in client.containers.list(all=True)}
    left: list[str] = []
    yield left
    left += [c.id for c in client.containers.list(all=True) if c.id not in before]
    ours = [c for c in left if "sglang" in str(client.containers.get(c).attrs["Config"]["Image"])]
    client.close()
    assert ours == []


def test_an_image_is_read_with_its_own_python(data, sglang_image, containers):
    outcome = glm("flags", "capture", sglang_image, XDG_DATA_HOME=os.environ["XDG_DATA_HOME"])
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines()[0] == "sglang 0.5.23: 531 options, 559 names"
    assert "  torch: 2.13.0+cpu" in outcome.out
    assert "  b12x: unknown" in outcome.out
    [path] = data.iterdir()
    assert path.name.startswith("sha256-")
    stored = json.loads(path.read_text())
    assert stored["options"] == releases.entries("0.5.23")
    assert stored["versions"]["transformers"]
    assert stored["versions"]["flashinfer"] is None


def test_what_was_captured_judges_before_any_shipped_catalogue(data, sglang_image, on_test_engine):
    glm("flags", "capture", sglang_image)
    upstream = ("-p", "sm120-tp8-upstream", "--set", f"image.ref={sglang_image}")
    outcome = glm("render", *upstream)
    assert outcome.code == 0, outcome.err
    assert "flags judged by the image's own parser: sglang 0.5.23" in outcome.err
    assert "# Flags judged by the engine's own parser, sglang 0.5.23" in outcome.out
    # 0.5.23 needs no bf16 cache, and refuses what the profile's own catalogue would accept.
    assert "--kv-cache-dtype" not in outcome.out
    refused = glm("render", *upstream, "--set", "engine.extra_args.--nsa-decode-backend=fa3")
    assert refused.code == 1
    assert "FLG-001" in refused.err


def test_an_image_without_sglang_says_so_and_leaves_nothing(data, base_image, on_test_engine):
    outcome = glm("flags", "capture", base_image)
    assert outcome.code == 2
    assert "No module named 'sglang'" in outcome.err
    assert not data.exists()


def test_an_image_without_python_says_so(data, on_test_engine):
    client = docker.DockerClient(base_url=on_test_engine)
    client.api.import_image_from_data(b"\0" * 10240, repository="glm-deploy-test-empty", tag="1")
    try:
        outcome = glm("flags", "capture", "glm-deploy-test-empty:1")
        assert outcome.code == 4
        assert "needs a python3 with sglang" in outcome.err
        left = client.containers.list(all=True, filters={"ancestor": "glm-deploy-test-empty:1"})
        assert left == []
    finally:
        client.images.remove("glm-deploy-test-empty:1", force=True)
        client.close()


def test_a_venv_is_read_with_its_own_python(data, tmp_path):
    command("0.5.23", "extract")  # skips where the release is not unpacked
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\nPYTHONPATH={SGLANG / "0.5.23"} exec {PYTHON} "$@"\n', encoding="utf-8"
    )
    python.chmod(0o755)
    outcome = glm("flags", "capture", "--python", str(python))
    assert outcome.code == 0, outcome.err
    listed = glm("flags", "list", "--release", str(python), "--json")
    assert len(json.loads(listed.out)) == len(json.loads(
        glm("flags", "list", "--release", "0.5.23", "--json").out
    ))  # fmt: skip


def test_one_of_image_and_python_is_wanted():
    assert glm("flags", "capture").code == 2
    assert glm("flags", "capture", "IMAGE", "--python", "python").code == 2


def test_an_image_is_found_by_its_digest_without_docker(data):
    captures.save("sha256:abc", capture_text())
    found = captures.find("anything@sha256:abc")
    assert found is not None
    assert found.catalogue.find("--only-here")
    assert captures.find("anything@sha256:other") is None


def test_without_docker_the_latest_capture_of_that_name_counts(data, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    for age, (key, flag) in enumerate((("sha256:a", "--old"), ("sha256:b", "--new"))):
        path = captures.save(key, capture_text(flag=flag))
        os.utime(path, (age, age))
    found = captures.find("example/engine:1")
    assert found is not None
    assert found.catalogue.find("--new")
    assert found.how == "captured from example/engine:1, which may have moved"
    assert captures.find("example/engine:2") is None


def test_a_damaged_capture_names_its_file(data):
    path = captures.save("sha256:abc", "{}")
    outcome = glm("render", "--set", "image.digest=sha256:" + "0" * 64)
    assert outcome.code in (0, 1)
    with pytest.raises(Exception, match=str(path)):
        captures.find("x@sha256:abc")


def test_a_capture_is_a_catalogue_like_any_other():
    found = catalogue.from_json(capture_text())
    assert found.parse(["--only-here", "1"]) == {"x": "1"}
    with pytest.raises(ValueError, match="no catalogue"):
        catalogue.from_json('{"options": 3}')
