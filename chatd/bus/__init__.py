"""Buses: what carries a turn's deliveries to the nodes."""
