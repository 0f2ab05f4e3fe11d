"""An MCP server that sells, over standard input and output; every sale is a line in the file it is given."""

import sys
from pathlib import Path

try:
    from mcp.server.mcpserver import MCPServer
except ImportError:  # mcp 1
    from mcp.server.fastmcp import FastMCP as MCPServer

server = MCPServer("paid")


@server.tool()
def buy(item: str, price: float) -> str:
    """Buy an item."""
    with Path(sys.argv[1]).open("a") as sales:
        sales.write(f"{item}\n")
    if item == "broken":
        raise RuntimeError("the till is on fire")
    return f"sold {item} for {price}"


server.run(transport="stdio")
