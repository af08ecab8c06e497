"""What Vestibule itself calls: identity providers, key sets, external services, mail.

`network` is the only way out over HTTP; it decides at the moment of dialling whether an
address may be reached at all. `mail` hands messages to the operator's relay.
"""
