"""The official plugin's schema, condensed, and the script that condenses it."""
