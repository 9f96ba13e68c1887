"""The door to disk: the schema of documents, files of them, folders that appear whole, downloads."""

from __future__ import annotations

from relik_ml.data.download import Archive, cache_folder, cached, content_checksum, fetch
from relik_ml.data.io import document_line, read_documents, read_entries, violations, write_documents, write_lines
from relik_ml.data.lines import COMPRESSED, lines_of, open_lines, opened
from relik_ml.data.manifest import FILE, Format, read_manifest, write_manifest
from relik_ml.data.records import document_from_json, document_to_json
from relik_ml.data.report import BAD, REPEATED, Defect, Report, StrictReport, TolerantReport, distinct, figures
from relik_ml.data.stats import measure
from relik_ml.data.store import atomic_folder, atomic_path, locked_folder, nobodys, resumable_folder, sha256

__all__ = [
    "BAD",
    "COMPRESSED",
    "FILE",
    "REPEATED",
    "Archive",
    "Defect",
    "Format",
    "Report",
    "StrictReport",
    "TolerantReport",
    "atomic_folder",
    "atomic_path",
    "cache_folder",
    "cached",
    "content_checksum",
    "distinct",
    "document_from_json",
    "document_line",
    "document_to_json",
    "fetch",
    "figures",
    "lines_of",
    "locked_folder",
    "measure",
    "nobodys",
    "open_lines",
    "opened",
    "read_documents",
    "read_entries",
    "read_manifest",
    "resumable_folder",
    "sha256",
    "violations",
    "write_documents",
    "write_lines",
    "write_manifest",
]
