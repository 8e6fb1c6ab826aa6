"""Its folder is where all tests of galleries find `gallery_samples`."""
