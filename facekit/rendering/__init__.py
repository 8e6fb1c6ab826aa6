"""How results are shown: escaped text, tables, JSON lines, CSV, annotated pictures, saved crops."""
