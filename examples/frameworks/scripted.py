"""
A chat model for the LangChain and LangGraph examples: it says what a function makes of the conversation so far.

Everything else is the framework's own. In a program of yours it is ``init_chat_model("gpt-5")`` or any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult


class Scripted(BaseChatModel):
    """The model. ``says`` gets the texts of all tool results so far and returns a text, or tool calls to make."""

    says: Callable[[list[str]], str | list[dict[str, Any]]]

    def _generate(self, messages: list[BaseMessage], *_: object, **__: object) -> ChatResult:
        results = [str(message.content) for message in messages if isinstance(message, ToolMessage)]
        said = self.says(results)
        calls = [] if isinstance(said, str) else [{**call, "id": f"call_{len(messages)}"} for call in said]
        message = AIMessage(content=said if isinstance(said, str) else "", tool_calls=calls)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def bind_tools(self, _tools: Sequence[Any], **_: object) -> Scripted:
        """Take the tools it is offered; the script knows them already."""
        return self

    @property
    def _llm_type(self) -> str:
        return "scripted"
