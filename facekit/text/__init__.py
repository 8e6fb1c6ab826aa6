"""Words for people: counted, escaped for terminals, shells and files, set in columns."""
