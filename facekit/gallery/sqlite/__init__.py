"""Galleries in one SQLite file each."""
