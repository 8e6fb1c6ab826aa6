"""A server for programs and people: the verbs over HTTP, and a page. Needs the extra `serve`."""
