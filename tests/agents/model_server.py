"""A model server on loopback that answers by a script, streamed, as four vendors' APIs do. It thinks nothing.

Anthropic Messages, OpenAI Responses, OpenAI Chat Completions and Gemini generateContent. The first part of the path
names the script (`/good/v1/messages`; `script.py` has them all), so that each client picks its own by its base URL.
`model_server.py PORT LOG` serves until it is ended; LOG gets a JSON object a request.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from script import Answer, Call, Fault, Request, Say, Wait, answer

INPUT_TOKENS, OUTPUT_TOKENS, CACHED_TOKENS = 1_000, 50, 400
"""Of each answer; the cached ones are part of the input where the API counts them so (OpenAI, Gemini)."""
_PATHS = (
    (re.compile(r"/v1/messages"), "anthropic"),
    (re.compile(r"(/v1)?/responses"), "responses"),
    (re.compile(r"(/v1)?/chat/completions"), "chat"),
    (re.compile(r"/v1(beta|alpha)?/models/[^:/]+:(streamG|g)enerateContent"), "gemini"),
)


@dataclass(frozen=True)
class Wire:
    """An answer on the wire: events of a stream with their names (None: unnamed), or one JSON object."""

    events: list[tuple[str | None, Any]]
    whole: Any


def _id(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:20]}"


def _text(content: Any) -> str:
    """The text of what clients send as a tool's result, in whatever form."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(_text(part) for part in content)
    if isinstance(content, dict):
        return _text(
            content.get("text") or content.get("output") or content.get("content") or content.get("error") or ""
        )
    return ""


# -- Anthropic Messages: https://docs.anthropic.com/en/api/messages-streaming ------------------------------------------


def _read_anthropic(body: dict[str, Any]) -> Request:
    blocks = [
        block
        for message in body.get("messages", [])
        if isinstance(message.get("content"), list)
        for block in message["content"]
    ]
    results = [_text(block.get("content")) for block in blocks if block.get("type") == "tool_result"]
    return Request(body.get("model", ""), [tool.get("name", "") for tool in body.get("tools") or []], results)


def _write_anthropic(request: Request, step: Say | Call) -> Wire:
    usage = {
        "input_tokens": INPUT_TOKENS - CACHED_TOKENS,
        "output_tokens": OUTPUT_TOKENS,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": CACHED_TOKENS,
    }
    head = {"id": _id("msg"), "type": "message", "role": "assistant", "model": request.model, "stop_sequence": None}
    if isinstance(step, Say):
        block: dict[str, Any] = {"type": "text", "text": step.text}
        empty, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": step.text}
        reason = "end_turn"
    else:
        block = {"type": "tool_use", "id": _id("toolu"), "name": step.tool, "input": step.arguments}
        empty, delta = {**block, "input": {}}, {"type": "input_json_delta", "partial_json": json.dumps(step.arguments)}
        reason = "tool_use"
    begun = {**head, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": empty},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    ]
    whole = {**head, "content": [block], "stop_reason": reason, "usage": usage}
    return Wire([(event["type"], event) for event in events], whole)


# -- OpenAI Responses: https://platform.openai.com/docs/api-reference/responses-streaming ------------------------------


def _read_responses(body: dict[str, Any]) -> Request:
    outputs = [item for item in body.get("input") or [] if isinstance(item, dict) and "output" in item]
    tools: list[str] = []
    for tool in body.get("tools") or []:
        # Tools of an MCP server come as a namespace with tools of its own.
        inner = tool.get("tools") if tool.get("type") == "namespace" else None
        tools += [f"{tool['name']}/{part['name']}" for part in inner] if inner else [tool.get("name") or tool["type"]]
    return Request(body.get("model", ""), tools, [_text(item["output"]) for item in outputs])


def _write_responses(request: Request, step: Say | Call) -> Wire:
    if isinstance(step, Say):
        text = {"type": "output_text", "text": step.text, "annotations": []}
        item = {"type": "message", "id": _id("msg"), "role": "assistant", "status": "completed", "content": [text]}
    else:
        namespace, _, name = step.tool.rpartition("/")
        item = {
            "type": "function_call",
            "id": _id("fc"),
            "call_id": _id("call"),
            "name": name,
            "arguments": json.dumps(step.arguments),
            "status": "completed",
            **({"namespace": namespace} if namespace else {}),
        }
    usage = {
        "input_tokens": INPUT_TOKENS,
        "input_tokens_details": {"cached_tokens": CACHED_TOKENS},
        "output_tokens": OUTPUT_TOKENS,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
    }
    whole = {"id": _id("resp"), "object": "response", "status": "completed", "model": request.model, "output": [item]}
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {**whole, "usage": usage}},
    ]
    return Wire([(event["type"], event) for event in events], {**whole, "usage": usage})


# -- OpenAI Chat Completions: https://platform.openai.com/docs/api-reference/chat-streaming ----------------------------


def _read_chat(body: dict[str, Any]) -> Request:
    results = [_text(message.get("content")) for message in body.get("messages", []) if message.get("role") == "tool"]
    return Request(body.get("model", ""), [tool["function"]["name"] for tool in body.get("tools") or []], results)


def _write_chat(request: Request, step: Say | Call) -> Wire:
    if isinstance(step, Say):
        delta: dict[str, Any] = {"role": "assistant", "content": step.text}
        finish = "stop"
    else:
        function = {"name": step.tool, "arguments": json.dumps(step.arguments)}
        call = {"index": 0, "id": _id("call"), "type": "function", "function": function}
        delta, finish = {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
    usage = {
        "prompt_tokens": INPUT_TOKENS,
        "completion_tokens": OUTPUT_TOKENS,
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        "prompt_tokens_details": {"cached_tokens": CACHED_TOKENS},
    }
    head = {"id": _id("chatcmpl"), "created": int(time.time()), "model": request.model}
    chunk = {**head, "object": "chat.completion.chunk"}
    end = {"index": 0, "delta": {}, "finish_reason": finish}
    events: list[tuple[str | None, Any]] = [
        (None, {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}),
        (None, {**chunk, "choices": [end], "usage": usage}),
        (None, "[DONE]"),
    ]
    choice = {"index": 0, "message": delta, "finish_reason": finish}
    return Wire(events, {**head, "object": "chat.completion", "choices": [choice], "usage": usage})


# -- Gemini generateContent: https://ai.google.dev/api/generate-content ------------------------------------------------


def _read_gemini(body: dict[str, Any]) -> Request:
    parts = [part for content in body.get("contents") or [] for part in content.get("parts") or []]
    answers = [part["functionResponse"] for part in parts if "functionResponse" in part]
    # In a session that it resumes Gemini CLI sends each answer twice.
    of_call = {answer.get("id") or str(at): answer for at, answer in enumerate(answers)}
    results = [_text(answer.get("response")) for answer in of_call.values()]
    declared = [function for tool in body.get("tools") or [] for function in tool.get("functionDeclarations") or []]
    return Request("", [function["name"] for function in declared], results)


def _write_gemini(request: Request, step: Say | Call) -> Wire:
    part: dict[str, Any] = {"text": step.text} if isinstance(step, Say) else {}
    if isinstance(step, Call):
        part = {"functionCall": {"id": _id("call"), "name": step.tool, "args": step.arguments}}
    usage = {
        "promptTokenCount": INPUT_TOKENS,
        "cachedContentTokenCount": CACHED_TOKENS,
        "candidatesTokenCount": OUTPUT_TOKENS,
        "totalTokenCount": INPUT_TOKENS + OUTPUT_TOKENS,
    }
    candidate = {"index": 0, "content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}
    whole = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": request.model, "responseId": _id("r")}
    return Wire([(None, whole)], whole)


_APIS = {
    "anthropic": (_read_anthropic, _write_anthropic),
    "responses": (_read_responses, _write_responses),
    "chat": (_read_chat, _write_chat),
    "gemini": (_read_gemini, _write_gemini),
}


def _fault(api: str, fault: Fault) -> Any:
    """A fault's body, as the API words it."""
    if api == "anthropic":
        return {"type": "error", "error": {"type": fault.kind, "message": fault.message}, "request_id": _id("req")}
    if api == "gemini":
        return {"error": {"code": fault.status, "message": fault.message, "status": fault.kind.upper()}}
    if fault.resets_at:
        # As ChatGPT answers Codex where a plan is used up; its clients know no other form.
        used_up = {"type": "usage_limit_reached", "plan_type": "plus", "resets_at": fault.resets_at}
        return {"error": {"message": fault.message, **used_up}}
    return {"error": {"message": fault.message, "type": fault.kind, "param": None, "code": fault.kind}}


class Handler(BaseHTTPRequestHandler):
    """Answers requests; each client has its own thread."""

    protocol_version = "HTTP/1.1"
    log: Path
    writing = threading.Lock()

    def log_message(self, *_: Any) -> None:
        """Nothing to stderr: `log` has what tests read."""

    def do_HEAD(self) -> None:
        self._reply(200, {})

    def do_GET(self) -> None:
        self._reply(200, {"object": "list", "data": [], "models": []})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            raw = gzip.decompress(raw)
        body = json.loads(raw or b"{}")
        script, _, rest = self.path.lstrip("/").partition("/")
        path, _, query = f"/{rest}".partition("?")
        api = next((name for pattern, name in _PATHS if pattern.fullmatch(path)), "")
        if not api:
            self._note({"script": script, "path": path, "api": "none"})
            # What counts tokens is answered, too: its client goes on without.
            self._reply(200 if path.endswith("count_tokens") else 404, {"input_tokens": INPUT_TOKENS})
            return
        read, write = _APIS[api]
        request = replace(read(body), text=raw.decode(errors="replace"))
        if api == "gemini":
            request = replace(request, model=path.split("/")[-1].partition(":")[0])
        step: Answer = answer(script, request)
        self._note({"script": script, "api": api, "model": request.model, "tools": request.tools, "step": repr(step)})
        if isinstance(step, Wait):
            time.sleep(step.seconds)
            step = Say("I waited.")
        if isinstance(step, Fault):
            self._reply(step.status, _fault(api, step), step.headers)
            return
        wire = write(request, step)
        streams = body.get("stream") or "streamGenerateContent" in path or "alt=sse" in query
        if streams:
            self._stream(wire.events)
        else:
            self._reply(200, wire.whole)

    def _note(self, entry: dict[str, Any]) -> None:
        with self.writing, self.log.open("a") as file:
            file.write(json.dumps({"at": time.time(), **entry}) + "\n")

    def _reply(self, status: int, body: Any, headers: Iterable[tuple[str, str]] = ()) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(content))), *headers):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _stream(self, events: Iterable[tuple[str | None, Any]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in self._chunks(events):
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    @staticmethod
    def _chunks(events: Iterable[tuple[str | None, Any]]) -> Iterator[bytes]:
        for name, data in events:
            text = data if isinstance(data, str) else json.dumps(data)
            yield ((f"event: {name}\n" if name else "") + f"data: {text}\n\n").encode()


def serve(port: int, log: Path) -> ThreadingHTTPServer:
    """A server on loopback, not yet serving; port 0 takes a free one."""
    handler = type("Logged", (Handler,), {"log": log})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    return server


if __name__ == "__main__":
    made = serve(int(sys.argv[1]), Path(sys.argv[2]))
    print(made.server_address[1], flush=True)
    made.serve_forever()
