"""The rules of the protocol where each client is on another node.

The tests are those of ``tests/processes`` and ``tests/durability``, unchanged: what they call ``server`` is
three nodes behind haproxy here, and what they start is two. 134 of them; left out are, and why:

- what is of one process, and not of a room: ``test_start``, ``test_stop``, ``test_reload``, ``test_daemon``,
  ``test_systemd``, ``test_manhole``, ``test_admin``, ``test_tls``, ``test_nginx``, ``test_logging``;
- what looks into the SQLite file, and the failing disks of ``tests/durability``;
- what each node does alone with the backend that its file names: ``test_hooks``, but for what the backend is
  told of a conversation;
- what has a node's own limit (``server.max_connections``), of which the next node knows nothing.

A module that leaves out some of the tests of its namesake says so again.
"""
