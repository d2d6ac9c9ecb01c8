"""The demonstration of a deal with a KPI payment: forty quarters of a wind project, or of any two parties."""
