"""
All tool calls of one message of Anthropic, made at once, for a loop written by hand: blocking and awaited.

A call is known by the message's id, its own id and its arguments. Making the calls of the same message again, after a
crash or a lost connection, is therefore free: what was settled is not done twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from figuard.integrations.dispatch import WORKERS, Answer, Asked, Tools, dispatch, dispatch_async

if TYPE_CHECKING:
    from figuard.integrations.guard import ToolGuard


def run_tools(
    message: Any,  # noqa: ANN401 - a Message
    tools: Tools,
    guard: ToolGuard | None = None,
    *,
    workers: int = WORKERS,
) -> list[dict[str, Any]]:
    """
    Make every tool call of a message and return the ``tool_result`` blocks: the content of your next message.

    *message* is that of ``messages.create``, or a stream's final one. *tools* are functions, by name or by their own
    names, guarded by a decorator, or all by *guard*. At most *workers* run at once. A denied call does not run; the
    model reads the denial, as an error. So it does of a tool that raised, whose hold is released.

    Raises ``FiGuardUnguardableError`` for a function without a guard, ``TypeError`` for an async one, and what asking
    raises; that tool has not run.
    """
    return [_block(answer) for answer in dispatch(_calls(message), tools, guard, workers)]


async def run_tools_async(
    message: Any,  # noqa: ANN401 - a Message
    tools: Tools,
    guard: ToolGuard | None = None,
) -> list[dict[str, Any]]:
    """
    Make every tool call of a message, as ``run_tools`` does, all at once.

    Takes coroutine functions and blocking ones, which run on threads.
    """
    return [_block(answer) for answer in await dispatch_async(_calls(message), tools, guard)]


def _calls(message: Any) -> list[Asked]:  # noqa: ANN401 - a Message
    content = getattr(message, "content", None)
    if content is None:
        raise TypeError(f"{type(message).__name__} is no message; of a stream, take the final one")
    return [Asked(block.id, block.name, block.input, message.id) for block in content if block.type == "tool_use"]


def _block(answer: Answer) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": answer.id, "content": answer.text}
    return {**block, "is_error": True} if answer.is_error else block
