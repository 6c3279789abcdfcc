"""Reads the JSON bodies of generation requests and decides the reply's pieces."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glm_deploy.simulator import replies
from glm_deploy.simulator.replies import Piece
from glm_deploy.simulator.settings import Scenario

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from glm_deploy.simulator.engine import Engine

# What a chat template puts around each message.
TEMPLATE_TOKENS = 4


class BadRequest(Exception):  # noqa: N818  # named for its HTTP status
    """The body cannot be served; the message is for the client, with status 400."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One reply, decided: `pieces` are what will be generated, cut to the tokens allowed."""

    model: str
    prompt_tokens: int
    pieces: Sequence[Piece]
    finish_reason: str
    tool: str | None
    stream: bool
    include_usage: bool


def read_chat(engine: Engine, body: Mapping[str, Any]) -> Generation:
    """Read the body of /v1/chat/completions; raises BadRequest."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(isinstance(m, dict) for m in messages):
        raise BadRequest("messages: Input should be a valid list")
    if not messages:
        raise BadRequest("Messages cannot be empty.")
    texts = [_text(message.get("content")) for message in messages]
    tools = [t["function"] for t in body.get("tools") or () if isinstance(t.get("function"), dict)]
    if body.get("tool_choice") == "required" and not tools:
        raise BadRequest("Tools cannot be empty if tool choice is set to required.")
    tool = _chosen_tool(tools, body.get("tool_choice"), messages[-1].get("role"))
    prompt_tokens = sum(len(replies.tokens(text)) + TEMPLATE_TOKENS for text in texts)
    prompt_tokens += len(replies.tokens(json.dumps(tools))) if tools else 0
    pieces = [*_thinking(engine, body), *_content(engine, tool, texts[-1])]
    parsed = tool is not None and engine.arguments["--tool-call-parser"] is not None
    return _generation(
        engine, body, prompt_tokens, pieces, tool=tool["name"] if tool and parsed else None
    )


def read_completion(engine: Engine, body: Mapping[str, Any]) -> Generation:
    """Read the body of /v1/completions; raises BadRequest."""
    prompt = body.get("prompt")
    if isinstance(prompt, list) and all(isinstance(token, int) for token in prompt) and prompt:
        prompt = " ".join(str(token) for token in prompt)
    if not isinstance(prompt, str):
        raise BadRequest("prompt: Input should be a valid string or list of token ids")
    # OpenAI's default for this endpoint, kept by SGLang.
    body = {"max_tokens": 16, **body}
    return _generation(engine, body, len(replies.tokens(prompt)), _content(engine, None, prompt))


def read_native(engine: Engine, body: Mapping[str, Any]) -> Generation:
    """Read the body of SGLang's own /generate; raises BadRequest."""
    prompt, ids = body.get("text"), body.get("input_ids")
    if isinstance(ids, list) and prompt is None:
        prompt = " ".join(str(token) for token in ids)
    if not isinstance(prompt, str):
        raise BadRequest("Either text, input_ids or input_embeds should be provided.")
    sampling = body.get("sampling_params") or {}
    limits = {
        "max_tokens": sampling.get("max_new_tokens", 128),
        "ignore_eos": sampling.get("ignore_eos"),
        "stream": body.get("stream"),
    }
    return _generation(engine, limits, len(replies.tokens(prompt)), _content(engine, None, prompt))


def _generation(
    engine: Engine,
    body: Mapping[str, Any],
    prompt_tokens: int,
    pieces: list[Piece],
    tool: str | None = None,
) -> Generation:
    limit = _limit(body)
    context = engine.arguments.context_tokens
    asked = prompt_tokens + (limit or 0)
    if asked > context:
        raise BadRequest(
            f"Requested token count exceeds the model's maximum context length of {context} "
            f"tokens. You requested a total of {asked} tokens."
        )
    if limit and body.get("ignore_eos"):
        pieces = replies.longer(pieces, limit)
    whole = limit is None or (len(pieces) <= limit and not body.get("ignore_eos"))
    options = body.get("stream_options") or {}
    return Generation(
        model=str(body.get("model") or engine.arguments.served_name),
        prompt_tokens=prompt_tokens,
        pieces=pieces if whole else pieces[:limit],
        finish_reason=("tool_calls" if tool else "stop") if whole else "length",
        tool=tool,
        stream=bool(body.get("stream")),
        include_usage=bool(isinstance(options, dict) and options.get("include_usage")),
    )


def _limit(body: Mapping[str, Any]) -> int | None:
    limit = body.get("max_completion_tokens", body.get("max_tokens"))
    if limit is None:
        return None
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise BadRequest("max_tokens: Input should be a valid integer")
    if limit < 1:
        raise BadRequest(f"max_new_tokens must be at least 1, got {limit}.")
    return limit


def _text(content: Any) -> str:
    if isinstance(content, list):
        return " ".join(str(p.get("text", "")) for p in content if isinstance(p, dict))
    return "" if content is None else str(content)


def _chosen_tool(
    tools: Sequence[Mapping[str, Any]], choice: Any, last_role: Any
) -> Mapping[str, Any] | None:
    """The function this model calls: the one asked for, or the first; none after its result."""
    if isinstance(choice, dict):
        name = (choice.get("function") or {}).get("name")
        named = [tool for tool in tools if tool.get("name") == name]
        if not named:
            raise BadRequest(f"Tool '{name}' not found in tools list.")
        return named[0]
    if not tools or choice == "none" or (last_role == "tool" and choice != "required"):
        return None
    return tools[0]


def _thinking(engine: Engine, body: Mapping[str, Any]) -> list[Piece]:
    """GLM thinks first unless told not to; without a parser the tags stay in the text."""
    template = body.get("chat_template_kwargs") or {}
    garbled = engine.settings.scenario is Scenario.GARBLED
    if template.get("enable_thinking") is False or garbled:
        return []
    separate = engine.arguments["--reasoning-parser"] and body.get("separate_reasoning", True)
    if separate:
        return [Piece("reasoning", text) for text in replies.thought()]
    text = ["<think>", *replies.thought(), "</think>"]
    return [Piece("content", token) for token in text]


def _content(engine: Engine, tool: Mapping[str, Any] | None, prompt: str) -> list[Piece]:
    if engine.settings.scenario is Scenario.GARBLED:
        return [Piece("content", text) for text in replies.garbage(prompt)]
    if tool is None:
        return [Piece("content", text) for text in replies.answer(prompt)]
    arguments = replies.tool_arguments(tool, prompt)
    if engine.arguments["--tool-call-parser"]:
        return [Piece("tool", text) for text in replies.tokens(arguments)]
    # Without a parser the model's own markup reaches the client.
    markup = f"<tool_call>{tool['name']} {arguments}</tool_call>"
    return [Piece("content", text) for text in replies.tokens(markup)]
