"""Proves who sees what: the truth table asked of an account, and each weakening of it that has to be noticed."""
