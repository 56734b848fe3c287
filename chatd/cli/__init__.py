"""The command line for people: ``python -m chatd``."""
