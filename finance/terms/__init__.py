"""The deal file: model, loader, checks, canonical hash, JSON Schema."""

from finance.terms.deal import Deal, KpiBond
from finance.terms.load import load_deal, parse_deal
from finance.terms.problems import DealFileError, InputError, Problem
from finance.terms.values import Term

__all__ = ["Deal", "DealFileError", "InputError", "KpiBond", "Problem", "Term", "load_deal", "parse_deal"]
