"""Many nodes, one chat: a room lives on one node, its owner, and every node is a door to it.

The owner runs the same code as a server without others; connections of a room that are on other nodes, its
*edges*, stand in its Room with a channel that leads there. docs/architecture.rst has the whole of it.
"""
