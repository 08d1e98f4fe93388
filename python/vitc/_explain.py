"""What a compilation decided, and why."""

from __future__ import annotations

import html
import json
from typing import Any


class Explanation:
    """Kernels, fusions made and refused, schedules, registers, predicted times.

    ``print(explanation)`` is a table, a notebook shows a page, ``explanation.data`` is the report as
    the JSON of ``N.report.json``.
    """

    def __init__(self, table: str, page: str, report: str) -> None:
        self._table = table
        self._report = report
        self.page = page  #: HTML that needs nothing else

    @property
    def data(self) -> dict[str, Any]:
        """The report: kernels, fusions, predictions, sizes."""
        data: dict[str, Any] = json.loads(self._report)
        return data

    def __str__(self) -> str:
        return self._table

    __repr__ = __str__

    def _repr_html_(self) -> str:
        # Of its own, for its style is that of a page.
        return (
            '<iframe style="width:100%;height:640px;border:0" sandbox="allow-scripts" '
            f'srcdoc="{html.escape(self.page, quote=True)}"></iframe>'
        )
