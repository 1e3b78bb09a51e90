"""From a signed webhook to the Workflows that it starts: what Argo Events makes of the chart's EventSource and Sensor.

The rendered Sensor is the only definition of what an event starts. Here it is read and judged as Argo Events 1.9.11
does (pkg/eventsources/sources/github, pkg/sensors), for the sandbox and for `pressplay event`. What is not known is
refused by name and place, so that it can't drift in silence.
"""
