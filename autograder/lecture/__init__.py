"""`autograder lecture`: the widgets for a lecture, full screen, driven by the reference.

One page in Voila: a start page and a slide for each demo of `demos.DEMOS`, all in one kernel, so
that the next slide is there at once.
"""
