"""What an installation needs, looked at: values, cluster, GitHub. Nothing is changed.

A check (`results.Check`) is a small function over the one `subject.Subject`, in a module named for what it is about;
`examine` has their order. Whatever a check meets becomes a result: none keeps the others from being made.
"""
