"""What a profile's values become in the launch spec."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from plans import SHIPPED, flags, plan_of

from glm_deploy.errors import UsageError
from glm_deploy.model import LABEL_PREFIX, Mount, Ulimit
from glm_deploy.plan.container import API_KEY_TARGET


def test_a_digest_pins_the_image():
    digest = "sha256:" + "a" * 64
    assert plan_of("sm120-tp8", f"image.digest={digest}").spec.image == (
        f"voipmonitor/sglang:cu130@{digest}"
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("true", ()),
        ("7", ("7",)),
        ("0.5", ("0.5",)),
        ("plain", ("plain",)),
        ('"two words"', ("two words",)),
        ("[a, 2, true]", ("a", "2", "true")),
        ('{"a": 1, "b": [true]}', ('{"a": 1, "b": [true]}',)),
        ('"$HOME `x` \\"q\\""', ('$HOME `x` "q"',)),
    ],
)
def test_an_extra_argument_becomes_words_of_argv(value, words):
    plan = plan_of("sm120-tp8", f"engine.extra_args.--some-flag={value}")
    assert flags(plan)["--some-flag"] == words


@pytest.mark.parametrize("value", ["false", "null"])
def test_an_extra_argument_that_is_off_is_left_out(value):
    plan = plan_of("sm120-tp8", f"engine.extra_args.--enable-metrics={value}")
    assert "--enable-metrics" not in flags(plan)


def test_a_json_valued_key_becomes_one_word():
    config = '{"enable_multithread_load": true, "num_threads": 16}'
    plan = plan_of("sm120-tp8", f"engine.model_loader_extra_config={config}")
    assert flags(plan)["--model-loader-extra-config"] == (config,)


def test_a_key_file_is_mounted_read_only_and_given_by_config():
    plan = plan_of("sm120-tp8", "server.api_key_file=~/server.yaml")
    mount = Mount("bind", "/home/operator/server.yaml", API_KEY_TARGET, read_only=True)
    assert mount in plan.spec.mounts
    assert flags(plan)["--config"] == (API_KEY_TARGET,)
    assert plan.spec.api_key_file == "/home/operator/server.yaml"
    assert "--api-key" not in plan.spec.argv


@pytest.mark.parametrize(
    ("source", "mount"),
    [
        ("~", Mount("bind", "/home/operator", "/x")),
        ("~/a b", Mount("bind", "/home/operator/a b", "/x")),
        ("/srv/models", Mount("bind", "/srv/models", "/x")),
        ("cache", Mount("volume", "cache", "/x")),
    ],
)
def test_a_volume_source_is_a_path_or_a_name(source, mount):
    assert mount in plan_of("sm120-tp8", f"container.volumes./x='{source}'").spec.mounts


def test_what_is_unset_is_left_out():
    spec = plan_of(
        "sm120-tp8",
        "container.volumes./cache/jit=null",
        "container.ulimits.stack=null",
        "env.NCCL_P2P_LEVEL=null",
    ).spec
    assert [mount.target for mount in spec.mounts] == ["/root/.cache/huggingface"]
    assert [limit.name for limit in spec.ulimits] == ["memlock"]
    assert "NCCL_P2P_LEVEL" not in spec.env


def test_an_empty_variable_is_set_and_empty():
    assert plan_of("sm120-tp8", "env.NCCL_DEBUG=").spec.env["NCCL_DEBUG"] == ""


def test_a_ulimit_may_have_a_soft_and_a_hard_value():
    spec = plan_of("sm120-tp8", "container.ulimits.nofile={soft: 1024, hard: 4096}").spec
    assert Ulimit("nofile", 1024, 4096) in spec.ulimits


@pytest.mark.parametrize(
    ("size", "size_bytes"),
    [
        ("8g", 8 * 1024**3),
        ("512 MiB", 512 * 1024**2),
        ("1k", 1024),
        ("64", 64),
        ("2T", 2 * 1024**4),
    ],
)
def test_sizes_are_binary_as_docker_reads_them(size, size_bytes):
    assert plan_of("sm120-tp8", f"container.shm_size={size}").spec.shm_size_bytes == size_bytes


@pytest.mark.parametrize(
    ("host", "endpoint"),
    [
        ("0.0.0.0", "http://127.0.0.1:5000"),
        ("127.0.0.1", "http://127.0.0.1:5000"),
        ("'::'", "http://[::1]:5000"),
        ("10.0.0.7", "http://10.0.0.7:5000"),
    ],
)
def test_the_endpoint_is_where_a_client_on_this_host_reaches_it(host, endpoint):
    spec = plan_of("sm120-tp8", f"server.host={host}").spec
    assert spec.endpoint == endpoint
    assert f"{endpoint}/health" in spec.health.command


@pytest.mark.parametrize("profile", SHIPPED)
def test_labels_say_what_finds_the_container_later(profile):
    spec = plan_of(profile, name="prod").spec
    assert dict(spec.labels) == {
        f"{LABEL_PREFIX}.deployment": "prod",
        f"{LABEL_PREFIX}.profile": profile,
        f"{LABEL_PREFIX}.plan": spec.digest(),
        f"{LABEL_PREFIX}.endpoint": spec.endpoint,
        f"{LABEL_PREFIX}.served-name": "glm-5.1-reap",
    }


def test_equal_specs_have_equal_digests_whatever_their_labels():
    spec = plan_of().spec
    assert plan_of().spec == spec
    assert replace(spec, labels={}).digest() == spec.digest()


@pytest.mark.parametrize(
    "setting", ["server.port=5001", "env.A=1", "image.ref=other", "container.stop_timeout_s=7"]
)
def test_any_difference_makes_another_digest(setting):
    assert plan_of("sm120-tp8", setting).spec.digest() != plan_of().spec.digest()


@pytest.mark.parametrize("profile", SHIPPED)
def test_a_spec_is_plain_data(profile):
    spec = plan_of(profile).spec
    assert json.loads(json.dumps(spec.to_json()))["argv"] == list(spec.argv)


def test_a_flag_catalogue_that_there_is_not_is_refused_with_those_there_are():
    with pytest.raises(UsageError, match=r"image.engine.parser: .*'mine'; there are 0.5"):
        plan_of("sm120-tp8", "image.engine.parser=mine")


def test_what_is_overruled_is_part_of_the_plan():
    assert plan_of(allow=("KV-001",)).allow == ("KV-001",)
