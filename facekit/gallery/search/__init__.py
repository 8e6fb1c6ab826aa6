"""Exact search of templates in memory, whatever gallery they are from."""
