"""Servers that do the same room work with other libraries. Each is started as ``FILE PORT``."""
