"""Documents in other shapes: one file per output format, and beside them what the formats share.

JSON Lines, the library's own format, is ``relik_ml.data.io``.
"""
