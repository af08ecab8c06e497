"""Three small applications to put behind a gateway: a wiki, an echo, and a payroll.

They show what an application behind an identity-aware gateway should do: believe nothing
but the signed token, and check it with the keys that the team domain publishes.
"""
