"""The kinds that we ask a cluster for, by the names that its API has for them."""

from __future__ import annotations

KINDS = {
    "ConfigMap": ("v1", "configmaps"),
    "Secret": ("v1", "secrets"),
    "Pod": ("v1", "pods"),
    "PersistentVolumeClaim": ("v1", "persistentvolumeclaims"),
    "Namespace": ("v1", "namespaces"),
    "Service": ("v1", "services"),
    "ServiceAccount": ("v1", "serviceaccounts"),
    "ResourceQuota": ("v1", "resourcequotas"),
    "LimitRange": ("v1", "limitranges"),
    "Deployment": ("apps/v1", "deployments"),
    "StatefulSet": ("apps/v1", "statefulsets"),
    "DaemonSet": ("apps/v1", "daemonsets"),
    "Workflow": ("argoproj.io/v1alpha1", "workflows"),
    "WorkflowTemplate": ("argoproj.io/v1alpha1", "workflowtemplates"),
    "CronWorkflow": ("argoproj.io/v1alpha1", "cronworkflows"),
    "EventBus": ("argoproj.io/v1alpha1", "eventbus"),
    "EventSource": ("argoproj.io/v1alpha1", "eventsources"),
    "Sensor": ("argoproj.io/v1alpha1", "sensors"),
    "CodeRun": ("agents.platform/v1", "coderuns"),
    "DocsRun": ("agents.platform/v1", "docsruns"),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
    "StorageClass": ("storage.k8s.io/v1", "storageclasses"),
    "CustomResourceDefinition": ("apiextensions.k8s.io/v1", "customresourcedefinitions"),
}
"""Kind → (apiVersion, resource)."""


def resource(kind: str, sub: str = "") -> str:
    """A kind, or a subresource of it, as access rules name it: `pods/log`, `workflows.argoproj.io`.

    KeyError for a kind that is not in the table.
    """
    version, plural = KINDS[kind]
    group, _, _ = version.rpartition("/")
    whole = f"{plural}/{sub}" if sub else plural
    return f"{whole}.{group}" if group else whole
