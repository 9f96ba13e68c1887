"""Other people's pipelines: one module per library, each with the one class or function that the library asks for.

A module here imports its library at its top, so it is imported only by those who have that library.
"""
