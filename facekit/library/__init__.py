"""The faces of a user's folders, kept in a file beside the gallery: photos are looked through once."""
