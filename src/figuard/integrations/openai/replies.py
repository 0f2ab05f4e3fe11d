"""
All tool calls of one response of OpenAI, made at once: chat completions and Responses, blocking and awaited.

A call is known by the response's id, its own id and its arguments. Making the calls of the same response again, after
a crash or a lost connection, is therefore free: what was settled is not done twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from figuard.integrations.dispatch import WORKERS, Answer, Asked, Tools, dispatch, dispatch_async

if TYPE_CHECKING:
    from figuard.integrations.guard import ToolGuard


def run_tools(
    response: Any,  # noqa: ANN401 - a ChatCompletion or a Response
    tools: Tools,
    guard: ToolGuard | None = None,
    *,
    workers: int = WORKERS,
) -> list[dict[str, Any]]:
    """
    Make every function call of a response and return the messages to send with the next request.

    *response* is that of ``chat.completions`` or of ``responses``; a stream's final one too. *tools* are functions, by
    name or by their own names, guarded by a decorator, or all by *guard*. At most *workers* run at once. A denied
    call does not run; the model reads the denial. So it does of a tool that raised, whose hold is released.

    Raises ``FiGuardUnguardableError`` for a function without a guard, ``TypeError`` for an async one, and what asking
    raises; that tool has not run.
    """
    is_chat, calls = _calls(response)
    return [_message(answer, is_chat=is_chat) for answer in dispatch(calls, tools, guard, workers)]


async def run_tools_async(
    response: Any,  # noqa: ANN401 - as above
    tools: Tools,
    guard: ToolGuard | None = None,
) -> list[dict[str, Any]]:
    """
    Make every function call of a response, as ``run_tools`` does, all at once.

    Takes coroutine functions and blocking ones, which run on threads.
    """
    is_chat, calls = _calls(response)
    return [_message(answer, is_chat=is_chat) for answer in await dispatch_async(calls, tools, guard)]


def _calls(response: Any) -> tuple[bool, list[Asked]]:  # noqa: ANN401 - as above
    """Return whether a response is of the chat API, and its calls. Hosted and custom tools are none."""
    choices, output = getattr(response, "choices", None), getattr(response, "output", None)
    if choices is not None:
        called = (choices[0].message.tool_calls or []) if choices else []
        return True, [
            Asked(one.id, one.function.name, one.function.arguments, response.id)
            for one in called
            if one.type == "function"
        ]
    if output is not None:
        return False, [
            Asked(one.call_id, one.name, one.arguments, response.id) for one in output if one.type == "function_call"
        ]
    raise TypeError(f"{type(response).__name__} is no response; of a stream, take the final one")


def _message(answer: Answer, *, is_chat: bool) -> dict[str, Any]:
    if is_chat:
        return {"role": "tool", "tool_call_id": answer.id, "content": answer.text}
    return {"type": "function_call_output", "call_id": answer.id, "output": answer.text}
