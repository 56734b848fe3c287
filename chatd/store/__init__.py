"""Stores: what keeps messages and containers, so that they survive the process."""
