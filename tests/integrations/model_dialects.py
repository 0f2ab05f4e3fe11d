"""
What a scripted model says, in the three languages that model servers speak, whole or as a stream of events.

Each dialect reads the tool results out of a request and writes one reply; none of them knows of sockets or scripts.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import Any

INPUT_TOKENS, OUTPUT_TOKENS = 21, 7
"""What every reply says it used."""


@dataclass(frozen=True)
class Asked:
    """One tool call of the model: its id, the tool and its arguments."""

    id: str
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Said:
    """One reply of the model: some tool calls, or a text."""

    calls: tuple[Asked, ...] = ()
    text: str = ""
    number: int = 1
    """Which reply of this server it is: replies have ids of their own."""


def as_text(content: Any) -> str:
    """Return the text of a message's content, which may be a list of parts."""
    if isinstance(content, list):
        return "".join(part.get("text", json.dumps(part)) if isinstance(part, dict) else str(part) for part in content)
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


class Chat:
    """OpenAI chat completions."""

    path = "/chat/completions"
    calls_prefix = "call"

    def results(self, body: dict[str, Any]) -> list[str]:
        return [as_text(one.get("content")) for one in body.get("messages", []) if one.get("role") == "tool"]

    def whole(self, body: dict[str, Any], said: Said) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": said.text or None}
        if said.calls:
            message["tool_calls"] = self._calls(said)
        choice = {"index": 0, "message": message, "finish_reason": self._reason(said), "logprobs": None}
        return self._head(body, said, "chat.completion") | {"choices": [choice], "usage": self._usage()}

    def events(self, body: dict[str, Any], said: Said) -> list[dict[str, Any] | str]:
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None if said.calls else ""}]
        deltas += [{"tool_calls": [{"index": index, **call}]} for index, call in enumerate(self._calls(said))]
        deltas += [{"content": f"{word} "} for word in said.text.split()]
        head = self._head(body, said, "chat.completion.chunk")
        chunks = [head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
        chunks.append(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": self._reason(said)}]})
        if (body.get("stream_options") or {}).get("include_usage"):
            chunks.append(head | {"choices": [], "usage": self._usage()})
        return [*chunks, "[DONE]"]

    @staticmethod
    def _calls(said: Said) -> list[dict[str, Any]]:
        return [
            {"id": one.id, "type": "function", "function": {"name": one.name, "arguments": json.dumps(one.arguments)}}
            for one in said.calls
        ]

    @staticmethod
    def _reason(said: Said) -> str:
        return "tool_calls" if said.calls else "stop"

    @staticmethod
    def _head(body: dict[str, Any], said: Said, kind: str) -> dict[str, Any]:
        return {"id": f"chatcmpl-{said.number}", "object": kind, "created": 1, "model": body.get("model")}

    @staticmethod
    def _usage() -> dict[str, int]:
        total = INPUT_TOKENS + OUTPUT_TOKENS
        return {"prompt_tokens": INPUT_TOKENS, "completion_tokens": OUTPUT_TOKENS, "total_tokens": total}


class Responses:
    """OpenAI Responses."""

    path = "/responses"
    calls_prefix = "call"

    def results(self, body: dict[str, Any]) -> list[str]:
        given = body.get("input")
        items = given if isinstance(given, list) else []
        return [as_text(one.get("output")) for one in items if one.get("type") == "function_call_output"]

    def whole(self, body: dict[str, Any], said: Said) -> dict[str, Any]:
        usage = {
            "input_tokens": INPUT_TOKENS,
            "output_tokens": OUTPUT_TOKENS,
            "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        }
        return {
            "id": f"resp_{said.number}", "object": "response", "created_at": 1, "model": body.get("model"),
            "status": "completed", "output": self._output(said), "usage": usage, "parallel_tool_calls": True,
            "tool_choice": "auto", "tools": [], "error": None, "incomplete_details": None, "instructions": None,
            "metadata": {}, "temperature": 1, "top_p": 1,
        }  # fmt: skip

    def events(self, body: dict[str, Any], said: Said) -> list[dict[str, Any] | str]:
        whole = self.whole(body, said)
        started = whole | {"status": "in_progress", "output": [], "usage": None}
        events: list[dict[str, Any]] = [{"type": "response.created", "response": started}]
        for index, item in enumerate(whole["output"]):
            empty = {"arguments": ""} if item["type"] == "function_call" else {"content": []}
            opened = {**item, **empty, "status": "in_progress"}
            events.append({"type": "response.output_item.added", "output_index": index, "item": opened})
            parts = self._call_parts(item) if item["type"] == "function_call" else self._text_parts(item)
            events += [{**part, "output_index": index, "item_id": item["id"]} for part in parts]
            events.append({"type": "response.output_item.done", "output_index": index, "item": item})
        events.append({"type": "response.completed", "response": whole})
        return [{**event, "sequence_number": number} for number, event in enumerate(events)]

    @staticmethod
    def _output(said: Said) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = [
            {"type": "function_call", "id": f"fc_{one.id}", "call_id": one.id, "name": one.name, "status": "completed",
             "arguments": json.dumps(one.arguments)}
            for one in said.calls
        ]  # fmt: skip
        if calls:
            return calls
        content = [{"type": "output_text", "text": said.text, "annotations": [], "logprobs": []}]
        return [
            {
                "type": "message",
                "id": f"msg_{said.number}",
                "role": "assistant",
                "status": "completed",
                "content": content,
            }
        ]

    @staticmethod
    def _call_parts(item: dict[str, Any]) -> list[dict[str, Any]]:
        kind = "response.function_call_arguments"
        done = {"type": f"{kind}.done", "arguments": item["arguments"], "name": item["name"]}
        return [{"type": f"{kind}.delta", "delta": item["arguments"]}, done]

    @staticmethod
    def _text_parts(item: dict[str, Any]) -> list[dict[str, Any]]:
        whole = item["content"][0]
        parts: list[dict[str, Any]] = [
            {"type": "response.content_part.added", "part": {**whole, "text": ""}},
            {"type": "response.output_text.delta", "delta": whole["text"], "logprobs": []},
            {"type": "response.output_text.done", "text": whole["text"], "logprobs": []},
            {"type": "response.content_part.done", "part": whole},
        ]
        return [{**part, "content_index": 0} for part in parts]


class Messages:
    """Anthropic messages."""

    path = "/messages"
    calls_prefix = "toolu"

    def results(self, body: dict[str, Any]) -> list[str]:
        return [as_text(block.get("content")) for block in self.result_blocks(body)]

    @staticmethod
    def result_blocks(body: dict[str, Any]) -> list[dict[str, Any]]:
        contents = [one["content"] for one in body.get("messages", []) if isinstance(one.get("content"), list)]
        return [block for block in itertools.chain(*contents) if block.get("type") == "tool_result"]

    def whole(self, body: dict[str, Any], said: Said) -> dict[str, Any]:
        content: list[dict[str, Any]] = [
            {"type": "tool_use", "id": one.id, "name": one.name, "input": one.arguments} for one in said.calls
        ]
        return {
            "id": f"msg_{said.number}", "type": "message", "role": "assistant", "model": body.get("model"),
            "content": content or [{"type": "text", "text": said.text}],
            "stop_reason": "tool_use" if said.calls else "end_turn", "stop_sequence": None,
            "usage": {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS},
        }  # fmt: skip

    def events(self, body: dict[str, Any], said: Said) -> list[dict[str, Any] | str]:
        whole = self.whole(body, said)
        usage = {"input_tokens": INPUT_TOKENS, "output_tokens": 1}
        opened = {**whole, "content": [], "stop_reason": None, "usage": usage}
        events: list[dict[str, Any] | str] = [{"type": "message_start", "message": opened}]
        for index, block in enumerate(whole["content"]):
            if block["type"] == "tool_use":
                empty = {**block, "input": {}}
                delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            else:
                empty, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": block["text"]}
            events += [
                {"type": "content_block_start", "index": index, "content_block": empty},
                {"type": "content_block_delta", "index": index, "delta": delta},
                {"type": "content_block_stop", "index": index},
            ]
        end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
        events.append({"type": "message_delta", "delta": end, "usage": {"output_tokens": OUTPUT_TOKENS}})
        return [*events, {"type": "message_stop"}]


DIALECTS = (Chat(), Responses(), Messages())
