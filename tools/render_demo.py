"""
Renders the picture of the README from what ``figuard demo`` really prints: ``docs/assets/demo.svg``.

Run it after the demo's words have changed. The picture needs nothing from outside: no font, no script.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "assets" / "demo.svg"
COLUMNS = 84
MARGIN = 12
ROOM_FOR_BUTTONS = 22
SHOWN = ("FiGuard:", "1 ", "2 ", "3 ", "5 ", "$ figuard ledger")
"""How the parts of the output begin that the picture shows; they are parted by empty lines."""
THEME = TerminalTheme(
    (13, 17, 23),
    (230, 237, 243),
    [(72, 79, 88), (255, 123, 114), (86, 211, 100), (227, 179, 65), (121, 192, 255), (210, 168, 255), (86, 212, 221)],
    [(139, 148, 158), (255, 161, 152), (126, 231, 135), (242, 204, 96), (165, 214, 255), (226, 197, 255)],
)
# Rich's own frame, without the window's buttons and without the font that it would fetch from elsewhere.
FRAME = """\
<svg viewBox="VIEW" width="{width}" role="img" xmlns="http://www.w3.org/2000/svg">
<title>figuard demo</title>
<style>
.{unique_id}-matrix {{ font: {char_height}px/{line_height}px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  font-variant-east-asian: full-width; }}
{styles}
</style>
<g class="sizes" data-width="{width}" data-height="{height}"/>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>{lines}</defs>
<rect fill="#0d1117" SHEET rx="12"/>
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def said() -> str:
    """Return what the demo prints to a terminal, colours included."""
    command = [sys.executable, "-m", "figuard.cli", "demo"]
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def picture(output: str) -> str:
    """Return the parts of an output that the picture shows, as SVG."""
    text = Text.from_ansi(output)
    parts = re.split(r"\n\n+", text.plain)
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    start = 0
    shown = []
    for part in parts:
        begin = text.plain.index(part, start)
        start = begin + len(part)
        if part.startswith(SHOWN):
            shown.append(text[begin:start])
    console.print(Text("$ figuard demo", style="dim"))
    console.print(Text("\n\n").join(shown))
    svg = console.export_svg(title="", theme=THEME, code_format=FRAME, unique_id="demo")
    return framed("\n".join(line.rstrip() for line in svg.splitlines()) + "\n")


def framed(svg: str) -> str:
    """Return the picture with an even margin, where rich leaves room for the buttons of a window."""
    width, height = (
        float(size) for size in re.findall(r'class="sizes" data-width="(.+?)" data-height="(.+?)"', svg)[0]
    )
    left, top, wide, high = -MARGIN, ROOM_FOR_BUTTONS, width + 2 * MARGIN, height - ROOM_FOR_BUTTONS
    svg = re.sub(r'<g class="sizes".*?/>\n', "", svg)
    svg = svg.replace("VIEW", f"{left} {top} {wide:g} {high:g}")
    return svg.replace("SHEET", f'x="{left}" y="{top}" width="{wide:g}" height="{high:g}"')


def main() -> None:
    """Write the picture."""
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(picture(said()), encoding="utf-8")
    print("wrote", PICTURE.relative_to(ROOT))


if __name__ == "__main__":
    main()
