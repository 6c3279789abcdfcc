"""What no command line, mount or address can carry is refused where it is written."""

from __future__ import annotations

import pytest

from glm_deploy.cli.inputs import load_plan
from glm_deploy.errors import UsageError


@pytest.mark.parametrize(
    "section",
    [
        'env:\n  A: "a\\0b"',
        'env:\n  "A\\0": b',
        'model:\n  id: "a\\0b"',
        'engine:\n  extra_args:\n    --x: "a\\0b"',
        'container:\n  volumes:\n    /x: "/a\\0b"',
    ],
)
def test_nul_is_refused_with_its_line(tmp_path, section):
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: sm120-tp8\n{section}\n", "utf-8")
    with pytest.raises(UsageError, match=r"mine\.yaml:[345]: .* no command line can carry"):
        load_plan(str(path), None, (), ())


def test_a_lone_surrogate_is_refused_with_its_line(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text('extends: sm120-tp8\nenv:\n  A: "\\uD800"\n', "utf-8")
    with pytest.raises(UsageError, match=r"mine\.yaml:3:"):
        load_plan(str(path), None, (), ())


@pytest.mark.parametrize(
    "setting",
    [
        "server.api_key_file=/etc/a:b.yaml",
        "server.host=local host",
        "server.host='; rm'",
        "engine.extra_args.--x=[]",
        'container.devices=["0,1"]',
        "container.ulimits={'mem=lock': 1}",
    ],
)
def test_a_value_that_its_target_cannot_take_is_refused(setting):
    with pytest.raises(UsageError) as refused:
        load_plan("sm120-tp8", None, (setting,), ())
    assert setting.partition("=")[0].rpartition(".--")[0] in refused.value.message


def test_an_ipv6_address_stands_in_brackets_in_the_endpoint():
    plan = load_plan("sm120-tp8", None, ("server.host=fd00::5",), ())
    assert plan.spec.endpoint == "http://[fd00::5]:5000"
