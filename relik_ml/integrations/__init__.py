"""Components for the pipelines of other libraries, one module for each library.

A module imports its library at the top, so import it only if that library is installed.
"""
