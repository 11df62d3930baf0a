"""report.html: one self-contained page, from the plain data of report.json."""

from mcucc.report.html.page import report_page

__all__ = ["report_page"]
