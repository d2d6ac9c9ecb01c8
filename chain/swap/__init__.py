"""A KPI payment on a chain, with or without a project: `acts`, those of its life by named senders; `ledger`,
its events as tables."""
