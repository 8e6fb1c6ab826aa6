"""The verbs: what facekit can do, each as one function that the command line calls too.

`facekit gallery check --people` is `facekit.gallery_check(people=True)`: the same name, and the same words,
keyword-only after the subject. What is not given is what the command takes: the default detector, the shipped
network, and the first gallery there is of the usual places. `on_note` hears the remarks that the command
prints on standard error, `on_progress` how many of how many pictures are done.
"""
