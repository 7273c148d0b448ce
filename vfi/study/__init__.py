"""Studies: small networks that learn one film in different ways, and what the differences come to, in numbers."""
