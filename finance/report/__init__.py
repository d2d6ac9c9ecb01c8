"""Reports: tables, plots, workbooks and pages of what other rooms computed. Nothing is calculated here."""
