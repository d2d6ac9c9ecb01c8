"""Thin commands over the rooms: by `penstock`, `python -m scripts`, or `brownie run`."""
