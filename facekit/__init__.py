"""Who is in this photo? Face identification on an ordinary computer."""

__version__ = "0.1.0"
