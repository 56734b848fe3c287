"""Tests of chatd/store."""
