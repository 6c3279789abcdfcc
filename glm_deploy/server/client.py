"""An httpx client of one SGLang server; every call is bounded in time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx

from glm_deploy.errors import LaunchError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

# /health runs a one-token generation and answers 503 after 20 s (sglang 0.5.9 to 0.5.23): a client
# that waits less mistakes a slow server for a dead one.
HEALTH_TIMEOUT_S = 25.0
CONNECT_TIMEOUT_S = 5.0

# What reading an answer raises when it is JSON of another shape, or no JSON at all.
_MISSHAPEN = (KeyError, IndexError, TypeError, ValueError, AttributeError)


class Client:
    """Talks to the server at `endpoint` (a base URL), with an API key if it wants one."""

    def __init__(self, endpoint: str, api_key: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        # trust_env: a proxy of the operator's shell must not stand between us and this machine.
        self._http = httpx.Client(base_url=endpoint, headers=headers, trust_env=False)
        self.endpoint = endpoint

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def health(self) -> int | None:
        """The status of `/health`: 200 when it can generate, `None` when nobody answers."""
        try:
            return self._http.get("/health", timeout=_timeout(HEALTH_TIMEOUT_S)).status_code
        except httpx.HTTPError:
            return None

    def served_names(self) -> tuple[str, ...]:
        """The model names that `/v1/models` lists.

        Raises:
            LaunchError: the server does not answer, or not with a list of models.
        """
        data = self._json("GET", "/v1/models", timeout_s=HEALTH_TIMEOUT_S)
        try:
            return tuple(str(model["id"]) for model in data["data"])
        except _MISSHAPEN:
            raise LaunchError(
                f"{self.endpoint}/v1/models did not answer with a list of models: {data!r:.200}",
                remedy="Another server may hold the port: glm-deploy status",
            ) from None

    def chat(self, model: str, prompt: str, *, max_tokens: int, timeout_s: float) -> dict[str, Any]:
        """One chat completion; the first choice's message, `content` and `reasoning_content`.

        Raises:
            LaunchError: no answer in time, or not a completion.
        """
        body = {
            "model": model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": max_tokens,
            "temperature": 0,
        }
        data = self._json("POST", "/v1/chat/completions", body=body, timeout_s=timeout_s)
        try:
            return dict(data["choices"][0]["message"])
        except _MISSHAPEN:
            raise LaunchError(
                f"{self.endpoint}/v1/chat/completions answered without a completion: {data!r:.200}",
                remedy="Look at the server's log: glm-deploy logs",
            ) from None

    def stream_chat(
        self, model: str, prompt: str, *, timeout_s: float
    ) -> Iterator[tuple[str, str]]:
        """A chat completion as it is made: pairs of (`reasoning` or `content`, text).

        Raises:
            LaunchError: the server refuses the request, or the stream breaks off.
        """
        body = {
            "model": model,
            "messages": [{"role": "user", "content": prompt}],
            "stream": True,
        }
        url, timeout = "/v1/chat/completions", _timeout(timeout_s)
        try:
            with self._http.stream("POST", url, json=body, timeout=timeout) as response:
                if response.status_code != httpx.codes.OK:
                    response.read()
                    raise _refused(response)
                yield from _pieces(response.iter_lines())
        except (httpx.HTTPError, *_MISSHAPEN) as error:
            raise _silent(f"{self.endpoint}{url}", error) from None

    def _json(
        self, method: str, path: str, *, timeout_s: float, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, json=body, timeout=_timeout(timeout_s))
            if response.status_code != httpx.codes.OK:
                raise _refused(response)
            return dict(response.json())
        except (httpx.HTTPError, *_MISSHAPEN) as error:
            raise _silent(f"{self.endpoint}{path}", error) from None


def _timeout(read_s: float) -> httpx.Timeout:
    return httpx.Timeout(read_s, connect=CONNECT_TIMEOUT_S)


def _pieces(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        if line == "data: [DONE]":
            return
        if line.startswith("data: "):
            yield from _deltas(json.loads(line.removeprefix("data: ")))
    raise _broke_off("it ended without its end mark")


def _deltas(chunk: dict[str, Any]) -> Iterator[tuple[str, str]]:
    # An error after the first token cannot change the status any more; it comes as an event.
    if "error" in chunk:
        raise _broke_off(str(chunk["error"]))
    for choice in chunk.get("choices", ()):
        delta = choice.get("delta", {})
        if delta.get("reasoning_content"):
            yield "reasoning", delta["reasoning_content"]
        if delta.get("content"):
            yield "content", delta["content"]


def _refused(response: httpx.Response) -> LaunchError:
    remedy = {
        401: "The server wants its API key: chat takes --api-key-file FILE, up takes "
        "--set server.api_key_file=FILE.",
        404: "Ask for the served name: `glm-deploy status` shows it.",
    }.get(response.status_code, "Look at the server's log: glm-deploy logs")
    return LaunchError(
        f"{response.request.url} answered {response.status_code}: {response.text[:200]}",
        remedy=remedy,
    )


def _broke_off(reason: str) -> LaunchError:
    return LaunchError(
        f"the answer broke off: {reason[:200]}",
        remedy="Look at the server's log: glm-deploy logs",
    )


def _silent(where: str, error: Exception) -> LaunchError:
    kind = type(error).__name__
    return LaunchError(
        f"{where} did not answer properly ({kind}: {error})",
        remedy="Look at the server's log: glm-deploy logs",
    )
