"""What trains, judges, serves and watches models; the same code here and in Snowflake.

Imports nothing but itself, the standard library, numpy, pandas, scikit-learn, scipy and skops, so that it can be shipped whole.
"""
