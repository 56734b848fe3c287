"""Tests of the pages' HTTP, and of where they are."""
