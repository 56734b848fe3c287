"""Benchmarks: ``python -m bench`` measures chatd beside other servers that do the same work."""
