"""Names in photos' metadata, as digiKam, Lightroom, Picasa and others write and read them."""
