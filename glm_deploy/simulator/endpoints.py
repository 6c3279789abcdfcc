"""The HTTP endpoints of the simulated server, with SGLang's paths, bodies and status codes."""

from __future__ import annotations

import hmac
import json
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from glm_deploy.simulator import completions, requests
from glm_deploy.simulator.engine import Status
from glm_deploy.simulator.requests import BadRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from glm_deploy.simulator.engine import Engine


@dataclass(frozen=True, slots=True)
class Answer:
    """One response: a whole body, or the events of a stream."""

    status: HTTPStatus = HTTPStatus.OK
    body: bytes = b""
    content_type: str = "application/json"
    events: Iterator[dict[str, Any]] | None = None


def answer(
    engine: Engine, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> Answer:
    """Serve one request; `headers` by lower-case name."""
    if not _authorized(engine, path, headers):
        return _json({"error": "Unauthorized"}, HTTPStatus.UNAUTHORIZED)
    if path.startswith("/v1/models/") and method == "GET":
        return _one_model(engine, path.removeprefix("/v1/models/"))
    if path in _GENERATE and method == "POST":
        return _generate(engine, path, headers, body)
    allowed = _LOOK.get(path)
    if allowed is None and path not in _GENERATE:
        return _json({"detail": "Not Found"}, HTTPStatus.NOT_FOUND)
    if allowed is None or method not in allowed[0]:
        return _json({"detail": "Method Not Allowed"}, HTTPStatus.METHOD_NOT_ALLOWED)
    return allowed[1](engine)


def _json(data: Any, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    return Answer(status, json.dumps(data).encode())


def _authorized(engine: Engine, path: str, headers: Mapping[str, str]) -> bool:
    key = engine.arguments["--api-key"]
    # Probes and scrapers need no key (sglang/srt/utils/auth.py).
    if not key or path.startswith(("/health", "/metrics")):
        return True
    scheme, _, given = headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), key.encode())


def _health(engine: Engine) -> Answer:
    well = engine.status is Status.UP and engine.answers()
    return Answer(HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE)


def _model_card(engine: Engine) -> dict[str, Any]:
    name = engine.arguments.served_name
    return {
        "id": name,
        "object": "model",
        "created": int(time.time()),
        "owned_by": "sglang",
        "root": name,
        "parent": None,
        "max_model_len": engine.arguments.context_tokens,
    }


def _models(engine: Engine) -> Answer:
    return _json({"object": "list", "data": [_model_card(engine)]})


def _one_model(engine: Engine, name: str) -> Answer:
    if name == engine.arguments.served_name:
        return _json(_model_card(engine))
    error = {
        "message": f"The model '{name}' does not exist",
        "type": "invalid_request_error",
        "param": "model",
        "code": "model_not_found",
    }
    return _json({"error": error}, HTTPStatus.NOT_FOUND)


def _model_info(engine: Engine) -> Answer:
    arguments = engine.arguments
    return _json(
        {
            "model_path": arguments["--model-path"],
            "tokenizer_path": arguments["--tokenizer-path"] or arguments["--model-path"],
            "is_generation": True,
            "preferred_sampling_params": arguments["--preferred-sampling-params"],
            "weight_version": "default",
            "has_image_understanding": False,
            "has_audio_understanding": False,
            "model_type": "glm_moe_dsa",
            "architectures": ["GlmMoeDsaForCausalLM"],
        }
    )


def _server_info(engine: Engine) -> Answer:
    memory, arguments = engine.memory, engine.arguments
    state = {
        "last_gen_throughput": engine.last_throughput,
        "memory_usage": {
            "weight": round(memory.weights_gib, 2),
            "kvcache": round(memory.kv_gib, 2),
            "token_capacity": memory.kv_tokens,
        },
        "effective_max_running_requests_per_dp": arguments.max_running_requests,
    }
    # The API key is in it, as in the real answer: it has to be asked for with the key.
    return _json(
        {
            **arguments.by_dest,
            "status": "ready",
            "max_total_num_tokens": memory.kv_tokens,
            "max_req_input_len": arguments.context_tokens - 6,
            "internal_states": [state],
            "version": arguments.catalogue.version,
        }
    )


def _metrics(engine: Engine) -> Answer:
    if not engine.arguments["--enable-metrics"]:
        return _json({"detail": "Not Found"}, HTTPStatus.NOT_FOUND)
    text = engine.metrics.render(engine.arguments.served_name, engine.gauges())
    return Answer(body=text.encode(), content_type="text/plain; version=0.0.4; charset=utf-8")


def _flush_cache(engine: Engine) -> Answer:
    if engine.busy:
        status, text = HTTPStatus.BAD_REQUEST, "Flush cache failed.\n"
    else:
        status, text = HTTPStatus.OK, "Cache flushed.\n"
    return Answer(status, text.encode(), "text/plain; charset=utf-8")


def _generate(engine: Engine, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
    read, whole, events = _GENERATE[path]
    try:
        generation = read(engine, _body(headers, body))
    except BadRequest as bad:
        return _bad_request(path, str(bad))
    pieces = engine.generate(generation.prompt_tokens, generation.pieces)
    if generation.stream:
        return Answer(content_type="text/event-stream", events=events(generation, pieces))
    return _json(whole(generation, pieces))


def _body(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise BadRequest("Unsupported Media Type: Only 'application/json' is allowed")
    try:
        data = json.loads(body)
    except ValueError as error:
        raise BadRequest(f"JSON decode error: {error}") from None
    if not isinstance(data, dict):
        raise BadRequest("Input should be a valid dictionary")
    return data


def _bad_request(path: str, message: str) -> Answer:
    if path == "/generate":
        return _json({"error": {"message": message}}, HTTPStatus.BAD_REQUEST)
    error = {"object": "error", "message": message, "type": "BadRequestError"}
    return _json({**error, "param": None, "code": 400}, HTTPStatus.BAD_REQUEST)


_GENERATE: dict[str, tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]] = {
    "/v1/chat/completions": (
        requests.read_chat,
        completions.chat_body,
        completions.chat_events,
    ),
    "/v1/completions": (
        requests.read_completion,
        completions.text_body,
        completions.text_events,
    ),
    "/generate": (requests.read_native, completions.native_body, completions.native_events),
}

_LOOK: dict[str, tuple[tuple[str, ...], Callable[[Engine], Answer]]] = {
    "/health": (("GET",), _health),
    "/health_generate": (("GET",), _health),
    "/v1/models": (("GET",), _models),
    "/model_info": (("GET",), _model_info),
    "/get_model_info": (("GET",), _model_info),
    "/server_info": (("GET",), _server_info),
    "/get_server_info": (("GET",), _server_info),
    "/metrics": (("GET",), _metrics),
    "/flush_cache": (("GET", "POST"), _flush_cache),
}
