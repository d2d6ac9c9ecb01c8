"""Reports: tables, plots, workbooks and pages of what the other rooms computed. Nothing is calculated here."""
