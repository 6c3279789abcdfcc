"""`extends`: a profile builds on a shipped one or on a file beside it."""

from __future__ import annotations

import pytest
from profile_files import EXTENDS, load, refusal, write


def test_a_profile_that_only_extends_is_the_extended_one_under_its_own_name(tmp_path):
    mine = load(write(tmp_path, EXTENDS)).profile
    shipped = load("sm120-tp8").profile
    assert mine.name == "my"
    assert vars(mine) == {**vars(shipped), "name": "my", "extends": "sm120-tp8"}


def test_maps_merge_key_by_key_and_lists_replace(tmp_path):
    path = write(
        tmp_path,
        "extends: sm120-tp2-pp3\nenv: {MINE: 1}\ncontainer: {devices: [7], ulimits: {nofile: 9}}\n",
    )
    profile = load(path).profile
    assert profile.env["NCCL_P2P_LEVEL"] == "SYS"
    assert profile.env["MINE"] == "1"
    assert profile.container.devices == ["7"]
    assert set(profile.container.ulimits) == {"memlock", "stack", "nofile"}


def test_a_file_is_found_beside_the_profile_that_names_it(tmp_path, monkeypatch):
    folder = tmp_path / "rigs"
    folder.mkdir()
    write(folder, EXTENDS + "server: {port: 5001}\n", "base.yaml")
    path = write(folder, "extends: ./base.yaml\nserver: {host: 127.0.0.1}\n")
    monkeypatch.chdir(tmp_path)
    server = load(path).profile.server
    assert (server.port, server.host) == (5001, "127.0.0.1")


def test_the_ending_alone_makes_it_a_file(tmp_path):
    write(tmp_path, EXTENDS + "server: {port: 5001}\n", "base.yml")
    assert load(write(tmp_path, "extends: base.yml\n")).profile.server.port == 5001


def test_a_home_folder_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path, EXTENDS + "server: {port: 5001}\n", "base.yaml")
    assert load("~/base.yaml").profile.server.port == 5001


def test_a_chain_keeps_the_origin_of_each_link(tmp_path):
    base = write(tmp_path, EXTENDS + "server: {port: 5001}\n", "base.yaml")
    mine = write(tmp_path, "extends: ./base.yaml\nserver: {host: 127.0.0.1}\n")
    resolved = load(mine)
    assert resolved.origin("server", "host").where == f"{mine}:2"
    assert resolved.origin("server", "port").where == f"{base}:2"
    assert resolved.origin("model", "id").where == "profiles/sm120-tp8.yaml:22"


def test_a_circle_is_refused_with_everyone_in_it(tmp_path):
    a = write(tmp_path, "extends: ./b.yaml\n", "a.yaml")
    b = write(tmp_path, "extends: ./a.yaml\n", "b.yaml")
    assert refusal(a) == [f"profiles extend each other in a circle: {a} -> {b} -> {a}"]


def test_a_profile_that_extends_itself_is_a_circle(tmp_path):
    path = write(tmp_path, "extends: ./my.yaml\n")
    assert refusal(path) == [f"profiles extend each other in a circle: {path} -> {path}"]


def test_a_circle_is_seen_through_the_way_its_paths_are_written(tmp_path):
    (tmp_path / "rigs").mkdir()
    path = write(tmp_path / "rigs", "extends: ../rigs/my.yaml\n")
    assert refusal(path) == [f"profiles extend each other in a circle: {path} -> {path}"]


def test_a_missing_file_is_refused_by_its_path(tmp_path):
    path = write(tmp_path, "extends: ./gone.yaml\n")
    (line,) = refusal(path)
    assert line == f"the profile {tmp_path}/gone.yaml cannot be read: No such file or directory"


def test_a_misspelled_shipped_name_is_refused_with_the_nearest(tmp_path):
    (line,) = refusal(write(tmp_path, "extends: sm120-tp9\n"))
    assert line.startswith("there is no profile sm120-tp9; did you mean sm120-tp8 or ")


@pytest.mark.parametrize("value", ["[sm120-tp8]", "3", "{a: 1}", "true"])
def test_extends_names_one_profile(tmp_path, value):
    path = write(tmp_path, f"extends: {value}\n")
    assert refusal(path) == [f"{path}: extends must name one profile"]


def test_an_unknown_key_is_told_in_the_file_that_has_it(tmp_path):
    base = write(tmp_path, EXTENDS + "engin: {}\n", "base.yaml")
    mine = write(tmp_path, "extends: ./base.yaml\nservr: {}\n")
    assert sorted(line.split(": ")[0] for line in refusal(mine)) == [f"{base}:2", f"{mine}:2"]
