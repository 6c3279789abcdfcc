"""What a ready server answers, spoken to with httpx and with the openai client."""

from __future__ import annotations

import json

import httpx
import openai
import pytest

HELLO = [{"role": "user", "content": "Where is Kyiv?"}]
BARE = ["--model-path", "m", "--tensor-parallel-size", "8"]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer"},
                "unit": {"enum": ["C", "F"]},
            },
            "required": ["city", "days", "unit"],
        },
    },
}


@pytest.fixture
def client(served):
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def chat(simulator, **body):
    body = {"model": "glm-5.1-reap", "messages": HELLO, **body}
    return httpx.post(f"{simulator.url}/v1/chat/completions", json=body, timeout=20)


def metric(simulator, name):
    text = httpx.get(f"{simulator.url}/metrics").text
    [line] = [line for line in text.splitlines() if line.startswith(f"sglang:{name}{{")]
    return float(line.rpartition(" ")[2])


def test_a_chat_has_an_answer_and_the_thought_before_it(client):
    reply = client.chat.completions.create(model="glm-5.1-reap", messages=HELLO)
    message = reply.choices[0].message
    assert "simulat" in message.content
    assert message.reasoning_content.startswith("The question is short.")
    assert reply.choices[0].finish_reason == "stop"
    assert reply.model == "glm-5.1-reap"
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens


def test_the_same_question_gets_the_same_answer(client):
    asked = [client.chat.completions.create(model="m", messages=HELLO) for _ in range(2)]
    assert asked[0].choices[0].message == asked[1].choices[0].message


def test_a_stream_adds_up_to_the_whole_answer(client):
    whole = client.chat.completions.create(model="m", messages=HELLO)
    chunks = list(
        client.chat.completions.create(
            model="m", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert deltas[0].role == "assistant"
    message = whole.choices[0].message
    assert "".join(d.content or "" for d in deltas) == message.content
    thought = "".join(getattr(d, "reasoning_content", None) or "" for d in deltas)
    assert thought == message.reasoning_content
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage == whole.usage


def test_a_stream_says_nothing_of_usage_unasked(client):
    chunks = client.chat.completions.create(model="m", messages=HELLO, stream=True)
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


def test_max_tokens_cuts_the_answer_short(client):
    reply = client.chat.completions.create(model="m", messages=HELLO, max_tokens=5)
    assert reply.choices[0].finish_reason == "length"
    assert reply.usage.completion_tokens == 5
    # Thinking comes first, so a small budget leaves nothing for the answer.
    assert reply.choices[0].message.content is None


def test_a_benchmark_gets_exactly_the_tokens_it_asks_for(client):
    reply = client.chat.completions.create(
        model="m", messages=HELLO, max_tokens=200, extra_body={"ignore_eos": True}
    )
    assert reply.usage.completion_tokens == 200


def test_thinking_can_be_switched_off(client):
    off = {"chat_template_kwargs": {"enable_thinking": False}}
    reply = client.chat.completions.create(model="m", messages=HELLO, extra_body=off)
    assert reply.choices[0].message.reasoning_content is None
    assert reply.usage.reasoning_tokens == 0


def test_a_tool_is_called_with_arguments_of_its_schema(client):
    reply = client.chat.completions.create(model="m", messages=HELLO, tools=[WEATHER])
    [call] = reply.choices[0].message.tool_calls
    assert reply.choices[0].finish_reason == "tool_calls"
    assert call.function.name == "weather"
    assert json.loads(call.function.arguments) == {"city": "Kyiv", "days": 1, "unit": "C"}


def test_a_streamed_tool_call_adds_up(client):
    chunks = client.chat.completions.create(model="m", messages=HELLO, tools=[WEATHER], stream=True)
    calls = [c for chunk in chunks for c in chunk.choices[0].delta.tool_calls or ()]
    assert [call.function.name for call in calls if call.function.name] == ["weather"]
    arguments = "".join(call.function.arguments for call in calls)
    assert json.loads(arguments) == {"city": "Kyiv", "days": 1, "unit": "C"}


@pytest.mark.parametrize(
    ("choice", "last"), [("none", HELLO[0]), ("auto", {"role": "tool", "content": "22 C"})]
)
def test_no_tool_is_called_when_none_is_wanted(client, choice, last):
    reply = client.chat.completions.create(
        model="m", messages=[*HELLO, last], tools=[WEATHER], tool_choice=choice
    )
    assert reply.choices[0].message.tool_calls is None
    assert reply.choices[0].message.content


def test_without_parsers_the_markup_stays_in_the_text(start):
    simulator = start(argv=BARE).ready()
    message = chat(simulator, tools=[WEATHER]).json()["choices"][0]["message"]
    assert message["reasoning_content"] is None
    assert message["tool_calls"] is None
    assert message["content"].startswith("<think>")
    assert "<tool_call>weather" in message["content"]


def test_models_are_listed_under_the_served_name(client):
    [model] = client.models.list().data
    assert (model.id, model.owned_by, model.max_model_len) == ("glm-5.1-reap", "sglang", 202752)
    assert client.models.retrieve("glm-5.1-reap").id == "glm-5.1-reap"
    with pytest.raises(openai.NotFoundError, match="The model 'gpt-4' does not exist"):
        client.models.retrieve("gpt-4")


def test_a_chat_for_another_model_is_answered_all_the_same(client):
    # As SGLang does: it repeats the name and asks its one model.
    assert client.chat.completions.create(model="gpt-4", messages=HELLO).model == "gpt-4"


def test_completions_come_whole_and_streamed(client):
    whole = client.completions.create(model="m", prompt="Once", max_tokens=8)
    assert whole.choices[0].finish_reason == "length"
    assert whole.usage.completion_tokens == 8
    parts = client.completions.create(model="m", prompt="Once", max_tokens=8, stream=True)
    assert "".join(part.choices[0].text for part in parts) == whole.choices[0].text


def test_the_native_endpoint_generates(served):
    body = {"text": "Once", "sampling_params": {"max_new_tokens": 3}}
    reply = httpx.post(f"{served.url}/generate", json=body).json()
    assert reply["meta_info"]["completion_tokens"] == 3
    assert reply["meta_info"]["finish_reason"] == {"type": "length"}
    assert reply["text"]


@pytest.mark.parametrize("path", ["/health", "/health_generate", "/flush_cache"])
def test_a_ready_server_says_200(served, path):
    assert httpx.get(f"{served.url}{path}").status_code == 200


@pytest.mark.parametrize("path", ["/model_info", "/get_model_info"])
def test_model_info_names_the_checkpoint(served, path):
    info = httpx.get(f"{served.url}{path}").json()
    assert info["model_path"] == "0xSero/GLM-5.1-555B-NVFP4"
    assert info["architectures"] == ["GlmMoeDsaForCausalLM"]


@pytest.mark.parametrize("path", ["/server_info", "/get_server_info"])
def test_server_info_repeats_the_arguments(served, path):
    info = httpx.get(f"{served.url}{path}").json()
    assert info["moe_runner_backend"] == "b12x"
    assert info["max_total_num_tokens"] > 400_000
    assert info["internal_states"][0]["memory_usage"]["token_capacity"] > 400_000


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"messages": []}, "Messages cannot be empty."),
        ({"messages": "hello"}, "messages: Input should be a valid list"),
        ({"max_tokens": "many"}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": 0}, "max_new_tokens must be at least 1, got 0."),
        ({"max_tokens": 300_000}, "Requested token count exceeds the model's maximum context"),
        ({"tool_choice": "required"}, "Tools cannot be empty if tool choice is set to required."),
    ],
)
def test_a_bad_request_is_400_with_a_reason(served, body, message):
    reply = chat(served, **body)
    assert reply.status_code == 400
    assert reply.json()["message"].startswith(message)
    assert (reply.json()["object"], reply.json()["code"]) == ("error", 400)


@pytest.mark.parametrize(
    ("content", "content_type"), [("{", "application/json"), ("{}", "text/plain")]
)
def test_a_body_that_is_not_json_is_400(served, content, content_type):
    reply = httpx.post(
        f"{served.url}/v1/chat/completions",
        content=content,
        headers={"Content-Type": content_type},
    )
    assert reply.status_code == 400
    assert reply.json()["object"] == "error"


def test_other_paths_and_methods_are_refused(served):
    assert httpx.get(f"{served.url}/v2").status_code == 404
    assert httpx.get(f"{served.url}/v1/chat/completions").status_code == 405
    assert httpx.post(f"{served.url}/v1/models").status_code == 405


def test_metrics_count_what_was_served(served):
    before = {n: metric(served, n) for n in ("generation_tokens_total", "num_requests_total")}
    usage = chat(served).json()["usage"]
    assert metric(served, "num_requests_total") == before["num_requests_total"] + 1
    generated = metric(served, "generation_tokens_total") - before["generation_tokens_total"]
    assert generated == usage["completion_tokens"]
    assert metric(served, "num_running_reqs") == 0


def test_there_are_no_metrics_unless_enabled(start):
    simulator = start(argv=BARE).ready()
    assert httpx.get(f"{simulator.url}/metrics").status_code == 404


def test_an_api_key_guards_everything_but_the_probes(start):
    simulator = start("--api-key", "s3cret", "--enable-metrics").ready()
    assert chat(simulator).status_code == 401
    assert chat(simulator).json() == {"error": "Unauthorized"}
    wrong = {"Authorization": "Bearer other"}
    assert httpx.get(f"{simulator.url}/v1/models", headers=wrong).status_code == 401
    for path in ("/health", "/health_generate", "/metrics"):
        assert httpx.get(f"{simulator.url}{path}").status_code == 200
    with openai.OpenAI(base_url=f"{simulator.url}/v1", api_key="s3cret") as client:
        assert client.models.list().data


def test_a_running_request_shows_and_keeps_the_cache_from_being_flushed(start):
    simulator = start("--enable-metrics", "--disable-cuda-graph", speed=150).ready()
    body = {"messages": HELLO, "stream": True, "max_tokens": 5000, "ignore_eos": True}
    url = f"{simulator.url}/v1/chat/completions"
    with httpx.stream("POST", url, json=body) as stream:
        lines = stream.iter_lines()
        next(lines)
        assert metric(simulator, "num_running_reqs") == 1
        assert metric(simulator, "token_usage") > 0
        assert httpx.post(f"{simulator.url}/flush_cache").status_code == 400
    # The client has hung up; the next token notices.
    for _ in range(200):
        if metric(simulator, "num_aborted_requests_total") == 1:
            break
    assert metric(simulator, "num_running_reqs") == 0
    assert httpx.post(f"{simulator.url}/flush_cache").status_code == 200
