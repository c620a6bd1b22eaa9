"""How good the results are: python -m benchmarks.quality --table=NAME --output=DIR"""
