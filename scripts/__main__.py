"""`python -m scripts ...` is `penstock ...`."""

from scripts.cli import main

main(prog_name="penstock")
