"""What the processes say of themselves: logs and metrics."""
