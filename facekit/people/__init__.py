"""Who somebody is: identification, enrollment, clustering, and the check of a gallery."""
