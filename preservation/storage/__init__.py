"""Object stores behind one interface: `store` says what every store promises; one module a kind of site."""
