"""Where signed proofs are kept for longer than a ConfigMap: a bucket (S3), or a repository of an OCI registry."""
