"""The parts of a node, each by itself, or with a real Redis alone."""
