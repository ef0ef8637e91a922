"""Saved questions over measures: those the runbooks ask, and a workspace's own.

query = queries.find("calls-by-toolkit", actor, workspace)
table = queries.run(query, actor, workspace, {"last": "6h", "operation": "…"})
"""

from telemetry.queries.exporting import as_csv, as_data, csv_of
from telemetry.queries.finding import as_query, find, queries_of, row_of
from telemetry.queries.kinds import TIME, WINDOWS, Column, Parameter, Query, Question, Table
from telemetry.queries.running import LAST, run
from telemetry.queries.services import ACTION, change_query, create_query, remove_query
from telemetry.queries.shipped import SHIPPED

__all__ = [
    "ACTION",
    "LAST",
    "SHIPPED",
    "TIME",
    "WINDOWS",
    "Column",
    "Parameter",
    "Query",
    "Question",
    "Table",
    "as_csv",
    "as_data",
    "as_query",
    "change_query",
    "create_query",
    "csv_of",
    "find",
    "queries_of",
    "remove_query",
    "row_of",
    "run",
]
