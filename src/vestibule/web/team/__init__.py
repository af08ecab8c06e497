"""The team domain, and the reserved paths on applications' hosts: HTTP in, HTTP out."""
