"""Tests of chatd/checkers."""
