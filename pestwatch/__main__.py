"""`python -m pestwatch`: the command line without the script."""

from pestwatch.cli import main

main(prog_name="pestwatch")
