"""Several nodes as one server: real processes, a real Redis, a real PostgreSQL, and haproxy before them."""
