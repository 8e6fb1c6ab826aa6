"""What tests of galleries on a server share."""

from gallery_samples import random_vectors

PROBES = random_vectors(12, seed=5)
END_CLIENTS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'facekit'"
POOR = {"size": 50.0, "stranger_rate": 0.4}


def one_line(raised):
    message = str(raised.value)
    assert "\n" not in message
    assert "s3cret" not in message
    return message


def content(gallery):
    return [(*vars(item).values(), bytes(item.vector)) for item in gallery.contents()]
