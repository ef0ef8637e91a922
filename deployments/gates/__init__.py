"""What must hold before a deployment goes and after it went: `table` says what is asked,
`computing` looks at what the portal knows, `looking` remembers what one look has read."""
