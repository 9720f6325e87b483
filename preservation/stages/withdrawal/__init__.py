"""Withdrawal: the creator's decision carried out everywhere. `erase` empties one site of one package and reads that back."""
