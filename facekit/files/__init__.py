"""Files: read within limits, written whole or not at all, and never over what facekit did not write."""
