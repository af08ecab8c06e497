"""The kinds of test that a rule may be, and how a rule is read (access.md 3.4, api.md 4)."""

from vestibule.policy.selectors.parse import parse_rule as parse_rule
from vestibule.policy.selectors.selector import Finding as Finding
from vestibule.policy.selectors.selector import Selector as Selector
from vestibule.policy.selectors.table import SELECTORS as SELECTORS
