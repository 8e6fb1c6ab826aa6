"""Pictures: found in folders, checked before they are decoded, turned upright, 8-bit RGB."""
