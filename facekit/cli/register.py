"""`facekit register`."""
