"""
``python -m figuard.cli``: the command line where no script is on the path.
"""

from figuard.cli import main

main()
