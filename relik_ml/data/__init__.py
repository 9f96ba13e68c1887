"""Reading and writing: the schema and files of documents, atomic folders, reports and downloads."""

from relik_ml.data.corpus_stats import Stats, crossings, measure, nesting
from relik_ml.data.defects import REPEATED, Defect, Report, StrictReport, TolerantReport, distinct, figures, first_of_id
from relik_ml.data.download import Archive, cache_folder, cached, content_checksum, data_folder, fetch
from relik_ml.data.extras import installed, load_extra
from relik_ml.data.input_records import Fields, Record, document_from_object, no_mentions
from relik_ml.data.inputs import STDIN, Input, find_inputs
from relik_ml.data.io import read_documents, read_entries, violations, write_documents, write_entries, write_lines
from relik_ml.data.lines import COMPRESSED, lines_of, open_lines, opened, reading
from relik_ml.data.parquet import document_rows, parquet_writer
from relik_ml.data.records import document_from_json, document_line, document_to_json, excerpt, from_json, parse_line
from relik_ml.data.schema import check
from relik_ml.data.store import (
    FILE,
    Format,
    atomic_folder,
    atomic_path,
    json_bytes,
    locked_folder,
    not_ours,
    read_manifest,
    refuse_foreign,
    resumable_folder,
    sha256,
    write_manifest,
)  # fmt: skip

__all__ = [
    "COMPRESSED", "FILE", "REPEATED", "STDIN", "Archive", "Defect", "Fields", "Format", "Input", "Record",
    "Report", "Stats", "StrictReport", "TolerantReport", "atomic_folder", "atomic_path", "cache_folder", "cached",
    "check", "content_checksum", "crossings", "data_folder", "distinct", "document_from_json",
    "document_from_object", "document_line", "document_rows", "document_to_json", "excerpt", "fetch", "figures",
    "find_inputs", "first_of_id", "from_json", "installed", "json_bytes", "lines_of", "load_extra",
    "locked_folder", "measure", "nesting", "no_mentions", "not_ours", "open_lines", "opened", "parquet_writer",
    "parse_line", "read_documents", "read_entries", "read_manifest", "reading", "refuse_foreign",
    "resumable_folder", "sha256", "violations", "write_documents", "write_entries", "write_lines",
    "write_manifest",
]  # fmt: skip
