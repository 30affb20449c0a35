"""`python -m node.cli` is `foramina`, also where the script is not on the path."""

from node.cli import main

main()
