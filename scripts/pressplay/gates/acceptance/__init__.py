"""The acceptance gate: QA's plan of probes, made by the harness against the deployment; what came back is the proof.

`plan` reads what QA wrote, `reach` says what may be touched, `net` asks strangers over HTTP, `probes` carries a plan
out, `judge` compares what came with what was expected, `proof` is what is kept and shown.
"""
