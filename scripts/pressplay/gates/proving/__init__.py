"""Whether a pull request's tests prove it: the commit's tests run on several trees, and what the results show."""
