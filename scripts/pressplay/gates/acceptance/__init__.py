"""The acceptance gate: the harness carries out QA's plan of probes on the deployment; the results are the proof.

`probe_plan` reads QA's plan, `reach` decides what may be called, `net` sends requests over HTTP, `probes` carries a
plan out, `judge` compares results with expectations, `proof` is what is kept and shown.
"""
