"""Kinds of accounts, each with its checker, and what stands before all of them."""
