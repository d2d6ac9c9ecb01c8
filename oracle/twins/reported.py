"""What was published of a reported KPI, for the nodes of a demonstration.

Values come, in this order, from the options (a file `reports` as nodes read it, or `values`, `documents` and
`label`), from the KPI's
`reported_values` (published when it is sourced, otherwise assumed), or from the KPI's own process in the
deal, drawn with a seed and labelled simulated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from finance.pricing.outlook import kpi_outlook, over_time
from finance.terms import Deal, InputError
from oracle.methods.base import NodeData, Preparation
from oracle.methods.reported_table import ReportedRow, last_day, read_file, rows_text
from oracle.methods.series import decimal_text

REPORTS = "reports.csv"
YEAR_SECONDS = 365.25 * 86_400


def reported_rows(wanted: Preparation) -> list[ReportedRow]:
    """One row per period that has a value. Raises InputError when there are more values than periods, or none
    can be had."""
    if wanted.options.get("reports") is not None:
        return list(read_file(Path(wanted.options["reports"])).values())
    values, documents, label = _values(wanted)
    ends = wanted.terms.period_ends
    if len(values) > len(ends) or len(documents) not in (1, len(values)):
        raise InputError(
            f"values: {len(values)} with {len(documents)} documents, but the KPI has {len(ends)} periods"
        )
    documents = list(documents) * (len(values) if len(documents) == 1 else 1)
    return [
        ReportedRow(last_day(end), value, document, label)
        for end, value, document in zip(ends, values, documents, strict=False)
    ]


def _values(wanted: Preparation) -> tuple[list[str], Sequence[str], str]:
    options, deal = wanted.options, wanted.deal
    if options.get("values") is not None:
        documents = options.get("documents") or ["given for a demonstration"]
        return [str(value) for value in options["values"]], documents, options.get("label") or "simulated"
    if deal is None:
        raise InputError("values: are required where there is no deal")
    stated = deal.kpis[wanted.terms.kpi].reported_values
    if stated is not None:
        label = "as published" if stated.is_sourced else "assumed"
        return [_plain(number) for number in stated.value], [_document(deal, stated)], label
    text = f"simulated from the process of the KPI in the deal; seed {wanted.seed}"
    return _simulated(deal, wanted), [text], "simulated"


def _plain(number: Any) -> str:
    return format(Decimal(number), "f")


def _document(deal: Deal, stated: Any) -> str:
    source = deal.sources.get(str(stated.source)) if stated.is_sourced else None
    return (source.url or source.citation) if source else stated.citation


def _simulated(deal: Deal, wanted: Preparation) -> list[str]:
    """A draw of the KPI for every period, within its bounds and at its decimals."""
    terms = wanted.terms
    try:
        process = over_time(kpi_outlook(deal.kpis[terms.kpi]))
    except InputError as error:
        raise InputError(f"values: are required: {error}") from None
    times = (np.array(terms.period_ends) - terms.period_starts[0]) / YEAR_SECONDS
    normals = np.random.default_rng(wanted.seed).standard_normal((len(times), 1))
    drawn = process.paths(times, normals)[:, 0]
    whole = np.clip(np.rint(drawn * 10.0**terms.decimals), terms.min_value, terms.max_value)
    return [decimal_text(int(value), terms.decimals) for value in whole]


def node_reports(wanted: Preparation) -> Callable[[int], NodeData]:
    """Data of the nodes of a deal on a reported KPI: each has its own copy of the same publications."""
    text = rows_text(reported_rows(wanted))

    def node(index: int) -> NodeData:
        return NodeData({REPORTS: text}, {"reports": REPORTS, "reader": {"id": f"reader-{index}"}})

    return node
