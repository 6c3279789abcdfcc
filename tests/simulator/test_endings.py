"""How a simulated server ends: drained, or by one of the scenarios."""

from __future__ import annotations

import threading
import time

import httpx
import pytest

HELLO = {"messages": [{"role": "user", "content": "Where is Kyiv?"}]}


def chat(simulator, **more):
    return httpx.post(f"{simulator.url}/v1/chat/completions", json=HELLO | more, timeout=20)


def test_sigterm_lets_a_running_stream_finish(start):
    simulator = start("--disable-cuda-graph", speed=150).ready()
    body = HELLO | {"stream": True, "max_tokens": 5000, "ignore_eos": True}
    url = f"{simulator.url}/v1/chat/completions"
    with httpx.stream("POST", url, json=body, timeout=20) as stream:
        lines = stream.iter_lines()
        next(lines)
        simulator.terminate()
        simulator.says("SIGTERM received.")
        assert simulator.health() == 503
        assert list(lines)[-2:] == ["data: [DONE]", ""]
    assert simulator.wait() == 0
    assert "Remaining number of requests 1." in simulator.log
    assert "Remaining number of requests 0." in simulator.log


def test_sigterm_ends_an_idle_server_at_once(start):
    simulator = start().ready()
    simulator.terminate()
    assert simulator.wait(3) == 0


def test_sigterm_ends_a_boot_at_once(start):
    simulator = start(speed=50)
    simulator.says("Init torch distributed begin.")
    simulator.terminate()
    assert simulator.wait(3) == 143


def test_out_of_memory_at_load(start):
    simulator = start(scenario="oom-at-load")
    assert simulator.wait() == 1
    assert "Load weight begin." in simulator.log
    assert "Load weight end." not in simulator.log
    assert simulator.log.count("torch.OutOfMemoryError: CUDA out of memory.") == 8


def test_a_hang_in_graph_capture_stays_silent_and_never_listens(start):
    simulator = start(scenario="hang-in-graph-capture")
    simulator.says(" 17/52 ")
    time.sleep(0.3)
    assert "| 18/52 " not in simulator.log
    assert simulator.process.poll() is None
    assert simulator.health() is None


def test_garbled_text_comes_from_a_server_that_looks_healthy(start):
    simulator = start(scenario="garbled").ready()
    reply = chat(simulator)
    assert reply.status_code == 200
    text = reply.json()["choices"][0]["message"]["content"]
    assert "simulat" not in text
    assert sum(character.isalpha() and character.isascii() for character in text) < len(text) / 2


def test_a_crash_after_ready_takes_the_second_request_and_the_server(start):
    simulator = start(scenario="crash-after-ready").ready()
    assert chat(simulator).status_code == 200
    with pytest.raises(httpx.TransportError):
        chat(simulator)
    assert simulator.wait() == 1
    assert "CUDA error: an illegal memory access was encountered" in simulator.log


def test_a_slow_first_turn_makes_the_health_check_fail_meanwhile(start):
    simulator = start("--disable-cuda-graph", scenario="slow-first-turn", speed=200).ready()
    began = time.monotonic()
    first = threading.Thread(target=chat, args=(simulator,))
    first.start()
    simulator.says("Prefill batch")
    assert simulator.health() == 503
    first.join()
    assert time.monotonic() - began > 0.9
    began = time.monotonic()
    assert chat(simulator).status_code == 200
    assert time.monotonic() - began < 0.8
    assert simulator.health() == 200
