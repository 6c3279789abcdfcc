"""Bad input: one clear message, its exit code, no traceback."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from invocation import FACTS, GOOD_HOST, environment, glm, process

UNWRITTEN = "no-such-folder/x"


@pytest.fixture
def file(tmp_path):
    """Write a file of these bytes and return its path."""

    def write(content: bytes, name: str = "my.yaml") -> str:
        path = tmp_path / name
        path.write_bytes(content)
        return str(path)

    return write


def refused(outcome, message, code=2):
    assert outcome.code == code
    assert outcome.out == ""
    assert message in outcome.err
    assert "Traceback" not in outcome.err
    assert "a bug in glm-deploy" not in outcome.err
    return True


class TestProfile:
    """What `-p` names."""

    @pytest.mark.parametrize("command", ["render", "preflight", "up"])
    def test_a_misspelled_profile_is_refused_with_the_nearest(self, command):
        message = "error: there is no profile sm120-tp9; did you mean sm120-tp8 or "
        assert refused(glm(command, "-p", "sm120-tp9"), message)

    def test_a_name_near_to_none_is_refused_with_those_there_are(self):
        outcome = glm("render", "-p", "zzzzzz")
        assert refused(outcome, "there is no profile zzzzzz; there are sm120-tp2-pp3, sm120-tp8")
        assert "fix:   `glm-deploy profiles` lists them" in outcome.err

    def test_a_file_that_is_not_there(self, tmp_path):
        message = f"{tmp_path}/gone.yaml cannot be read: No such file or directory"
        assert refused(glm("render", "-p", f"{tmp_path}/gone.yaml"), message)

    def test_a_folder(self, tmp_path):
        assert refused(glm("render", "-p", f"{tmp_path}/"), "cannot be read: Is a directory")

    def test_a_file_that_is_not_utf_8(self, file):
        path = file("name: caf\xe9\n".encode("latin-1"))
        assert refused(glm("render", "-p", path), f"the profile {path} is not UTF-8 text")

    @pytest.mark.parametrize("content", [b"\x7fELF\x02\x01\x01\x00", b"a: \x00b\n", b"\x00" * 64])
    def test_a_binary_file(self, file, content):
        assert refused(glm("render", "-p", file(content)), "not valid YAML")

    def test_an_empty_file(self, file):
        assert refused(glm("render", "-p", file(b"")), "is not a profile")

    def test_a_huge_file(self, file):
        path = file(b"# " + b"x" * 1_100_000)
        assert refused(glm("render", "-p", path), "a profile is at most 1,000,000")

    def test_a_file_without_end(self):
        outcome = glm("render", "-p", "/dev/zero")
        assert refused(outcome, "the profile /dev/zero holds more than 10,000,000 characters")

    def test_broken_yaml(self, file):
        path = file(b"server:\n  port: [1\n")
        assert refused(glm("render", "-p", path), f"error: {path}:3:1: not valid YAML: ")

    def test_an_unknown_key(self, file):
        path = file(b"extends: sm120-tp8\nserver:\n  prt: 1\n")
        message = (
            f"error: {path}:3: server.prt is not a key of a profile; did you mean server.port?"
        )
        assert refused(glm("render", "-p", path), message)

    def test_every_mistake_gets_a_line_and_all_of_them_one_fix(self, file):
        outcome = glm("render", "-p", file(b"extends: sm120-tp8\nengin: 1\nservr: 2\n"))
        assert refused(outcome, "did you mean engine?")
        first, second, third = outcome.err.splitlines()
        assert (first[:7], second[:7], third[:7]) == ("error: ", "       ", "fix:   ")


class TestFacts:
    """What `--facts` names."""

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("not json", "Invalid JSON"),
            ("", "Invalid JSON"),
            ("[]", "object"),
            ("{}x", "Invalid JSON"),
            ('{"gpus": 3}', "gpus: "),
            ('{"gpus": [{"memory_total_mib": -1}]}', "gpus.0.memory_total_mib: "),
            ('{"no_such_fact": 1}', "no_such_fact: "),
            ('{"schema_version": "new"}', "schema_version: "),
        ],
    )
    def test_text_that_is_no_facts_is_refused(self, file, text, message):
        path = file(text.encode(), "host.json")
        outcome = glm("preflight", "--facts", path)
        assert refused(outcome, f"error: {path} is not a facts file: ")
        assert message in outcome.err
        assert "fix:   Write one with `glm-deploy probe > host.json`." in outcome.err

    def test_facts_of_another_version_are_refused(self):
        outcome = glm("preflight", "--facts", "-", stdin='{"schema_version": 2}')
        assert refused(outcome, "schema_version")

    def test_standard_input_is_named_as_such(self):
        outcome = glm("preflight", "--facts", "-", stdin="not json")
        assert refused(outcome, "error: standard input is not a facts file: ")

    def test_a_file_that_is_not_there(self):
        outcome = glm("preflight", "--facts", "gone.json")
        assert refused(outcome, "the facts file gone.json cannot be read: No such file")

    def test_a_file_that_is_not_utf_8(self, file):
        path = file(b"\xff\xfe{}", "host.json")
        assert refused(glm("preflight", "--facts", path), "is not UTF-8 text")


class TestWords:
    """Commands, options and overrides."""

    def test_a_misspelled_command(self):
        assert refused(glm("rendr"), "there is no command rendr; did you mean render?")

    def test_a_command_near_to_none(self):
        assert refused(glm("zzzz"), "there is no command zzzz; there are up, preflight, render")

    def test_a_misspelled_option(self):
        assert refused(glm("render", "--formt", "json"), "--format")

    def test_an_unknown_format(self):
        assert refused(
            glm("render", "--format", "helm"), "'compose', 'docker-run', 'shell', 'json'"
        )

    def test_no_command_at_all_shows_the_help(self):
        assert glm().code in {0, 2}

    @pytest.mark.parametrize("setting", ["server.port", "=1", "server..port=1"])
    def test_a_set_without_key_or_value(self, setting):
        assert refused(glm("render", "--set", setting), "is not of the form key.path=value")

    def test_a_set_of_the_wrong_type(self):
        outcome = glm("render", "--set", "server.port=abc")
        assert refused(outcome, "error: --set server.port: server.port = 'abc': ")

    @pytest.mark.parametrize("name", ["A b", "-x", "", "a" * 61, "a/b", "\u00e9", "a\n"])
    def test_a_name_that_docker_would_refuse(self, name):
        message = f"error: {name!r} cannot name a deployment" if name else "cannot name"
        outcome = glm("render", f"--name={name}")
        assert outcome.code == (2 if name else 0)
        assert not name or refused(outcome, message)

    def test_an_unknown_flag_catalogue(self):
        outcome = glm("render", "--set", "image.engine.parser=mine")
        assert refused(outcome, "image.engine.parser: no flag catalogue named 'mine'; there are ")

    def test_every_documented_exit_code_is_in_the_help(self):
        out = glm("--help").out
        for code in (0, 1, 2, 3, 4, 5, 70, 130):
            assert any(line.split()[:1] == [str(code)] for line in out.splitlines()), code


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("render", "-p", "gone"), 2),
        (("render", "-p", "/dev/null"), 2),
        (("render", "--set", "engine.extra_args.--chunked-prefill-size=inf"), 0),
        (("render", "--set", "env.X=\udcff"), 2),
        (("render", "--set", "\udcff=1"), 2),
        (("render", "--name", "\udcff"), 2),
        (("render", "-p", "\udcff"), 2),
        (("render", "-p", "\udcff.yaml"), 2),
        (("render", "--allow", "\udcff"), 2),
        (("render", "-o", UNWRITTEN), 3),
        (("preflight", "--facts", "/dev/null"), 2),
        (("explain", "\udcff"), 2),
        (("explain", ""), 2),
        (("nonsense",), 2),
    ],
)
def test_no_input_ends_in_a_traceback(args, code):
    outcome = process(*args)
    assert "Traceback" not in outcome.err
    assert "a bug in glm-deploy" not in outcome.err
    assert outcome.code == code


class TestStreams:
    """Who reads the output."""

    COMMANDS = (
        ("render", "-q"),
        ("explain", "--markdown"),
        ("profiles",),
        ("preflight", "-q", "--facts", GOOD_HOST),
        ("--help",),
    )

    @staticmethod
    def without_a_reader(args):
        started = subprocess.Popen(
            [sys.executable, "-m", "glm_deploy", *args],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert started.stdout is not None
        started.stdout.close()
        assert started.stderr is not None
        err = started.stderr.read()
        return started.wait(timeout=30), err

    @pytest.mark.parametrize("args", COMMANDS, ids=lambda args: args[0])
    def test_a_reader_who_has_seen_enough_is_told_nothing(self, args):
        _, err = self.without_a_reader(args)
        assert err == ""

    @pytest.mark.parametrize("args", COMMANDS[:-1], ids=lambda args: args[0])
    def test_a_reader_who_has_seen_enough_is_no_failure(self, args):
        code, _ = self.without_a_reader(args)
        assert code == 0

    def test_a_reader_who_has_seen_enough_of_the_help_is_no_failure(self):
        code, _ = self.without_a_reader(("--help",))
        assert code == 0

    @pytest.mark.parametrize("args", COMMANDS[:-1], ids=lambda args: args[0])
    def test_a_full_disk_behind_stdout_is_no_bug(self, args):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "glm_deploy", *args],
                env=environment(),
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert done.returncode == 3
        assert "No space left on device" in done.stderr
        assert "fix:   " in done.stderr

    @pytest.mark.parametrize("args", COMMANDS, ids=lambda args: args[0])
    def test_piped_output_holds_no_escape_codes(self, args):
        outcome = process(*args, environ={"TERM": "xterm-256color", "FORCE_COLOR": ""})
        assert "\x1b" not in outcome.out + outcome.err

    @staticmethod
    def on_a_terminal(*args, **environ):
        """What the command writes to a terminal, stdout and stderr together."""
        ours, theirs = pty.openpty()
        started = subprocess.Popen(
            [sys.executable, "-m", "glm_deploy", *args],
            env=environment(**{"TERM": "xterm-256color", "COLUMNS": "80", **environ}),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        written = bytearray()
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # how Linux says that the other end was closed
                break
            if not chunk:
                break
            written += chunk
        os.close(ours)
        started.wait(timeout=30)
        return written.decode()

    PREFLIGHT = ("preflight", "--facts", str(FACTS / "h100-x8.json"))

    def test_a_terminal_gets_colour(self):
        shown = self.on_a_terminal(*self.PREFLIGHT)
        assert "\x1b[" in shown
        assert "GPU-002 Wrong compute capability" in shown

    def test_an_error_on_a_terminal_is_coloured(self):
        assert "\x1b[" in self.on_a_terminal("render", "-p", "gone")

    @pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
    def test_a_terminal_that_wants_no_colour_gets_none(self, environ):
        shown = self.on_a_terminal(*self.PREFLIGHT, **environ)
        assert "\x1b" not in shown
        assert "GPU-002 Wrong compute capability" in shown

    def test_the_rendered_file_is_never_coloured(self):
        assert "\x1b" not in self.on_a_terminal("render", "-q")

    def test_lines_on_a_terminal_are_folded(self):
        shown = self.on_a_terminal(*self.PREFLIGHT, NO_COLOR="1")
        long = [line for line in shown.splitlines() if len(line) > 80 and "fix:" not in line]
        assert [line for line in long if "http" not in line] == []
