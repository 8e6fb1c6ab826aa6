"""From a picture to its faces: alignment, quality, unit vectors; many pictures at a time."""
