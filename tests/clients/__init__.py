"""Client programs that are no Python, against a real server."""
