"""What we sign and what machines present: tokens, keys and their rotation, service secrets.

One kind of token never serves for another: each has its own `type` and `aud`, and those
that only we read have a key of their own as well.
"""
