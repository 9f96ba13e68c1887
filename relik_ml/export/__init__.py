"""Documents in other shapes: one file per output format, each with one function from a document to text.

JSON Lines, the library's own format, is ``relik_ml.io``.
"""
