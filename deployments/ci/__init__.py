"""What pipelines of any make report: results of checks, and the end of steps they were given."""
