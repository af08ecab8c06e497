"""What `vestibule doctor` looks at: a file for each organ, one table of all checks."""

from vestibule.cli.diagnosis.checks import CHECKS, examine
from vestibule.cli.diagnosis.finding import Finding, Verdict
from vestibule.cli.diagnosis.patient import Patient

__all__ = ["CHECKS", "Finding", "Patient", "Verdict", "examine"]
