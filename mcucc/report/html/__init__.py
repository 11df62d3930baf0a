"""report.html: one self-contained page."""

from mcucc.report.html.page import report_page, write_page

__all__ = ["report_page", "write_page"]
