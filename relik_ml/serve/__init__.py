"""``relik-ml serve``: texts over HTTP in, documents out (extra ``serve``).

A request passes the gate (key, size, time), waits at the desk for the one thread that has the model, and leaves with
its documents. What cannot be done is refused at once, as JSON that says what, got and fix.
"""
