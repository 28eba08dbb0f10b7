"""
Whatever lies in a log: the whole way of its bytes, tried with bytes that nobody wrote.

`pipeline` is what is tried and what must hold; `mutation` spoils logs in the ways that logs are
spoilt; `seeds` are what it begins from.  The tests here try a little of it each time.
`python -m tests.fuzz [SECONDS]` goes on for as long as one likes, led by coverage.
"""
