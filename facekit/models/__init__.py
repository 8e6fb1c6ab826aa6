"""The networks that ship, and the runtime that they run in."""
