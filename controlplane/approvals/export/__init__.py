"""A packet as a document that leaves the portal: what was asked, who signed what, the very text
that was hashed. One content, written as HTML and as PDF."""

from controlplane.approvals.export.content import Document, document
from controlplane.approvals.export.html import as_html
from controlplane.approvals.export.pdf import as_pdf

__all__ = ["Document", "as_html", "as_pdf", "document"]
