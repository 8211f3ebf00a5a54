"""Access rules in the client library's terms and in ours."""

from __future__ import annotations

from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

from broker.cluster.objects import Operation, Resource, Rule

_RESOURCES = {
    Resource.TOPIC: ResourceType.TOPIC,
    Resource.GROUP: ResourceType.GROUP,
    Resource.TRANSACTIONAL_ID: ResourceType.TRANSACTIONAL_ID,
}
_OPERATIONS = {
    Operation.READ: AclOperation.READ,
    Operation.WRITE: AclOperation.WRITE,
    Operation.DESCRIBE: AclOperation.DESCRIBE,
    Operation.DELETE: AclOperation.DELETE,
}
_ANY: Any = None  # the client's filters take None for "any", which its annotations do not say
EVERY_RULE = AclBindingFilter(
    ResourceType.ANY,
    _ANY,
    ResourcePatternType.ANY,
    _ANY,
    _ANY,
    AclOperation.ANY,
    AclPermissionType.ANY,
)


def _pattern(rule: Rule) -> tuple[ResourceType, str, ResourcePatternType, str, str, AclOperation, AclPermissionType]:
    pattern = ResourcePatternType.PREFIXED if rule.prefixed else ResourcePatternType.LITERAL
    resource, operation = _RESOURCES[rule.resource], _OPERATIONS[rule.operation]
    return resource, rule.name, pattern, f"User:{rule.principal}", "*", operation, AclPermissionType.ALLOW


def binding_of(rule: Rule) -> AclBinding:
    """What makes this rule."""
    return AclBinding(*_pattern(rule))


def filter_of(rule: Rule) -> AclBindingFilter:
    """What finds exactly this rule."""
    return AclBindingFilter(*_pattern(rule))


def rule_of(binding: AclBinding) -> Rule | None:
    """The rule, or None for one that `Rule` cannot express."""
    resource = next((ours for ours, theirs in _RESOURCES.items() if theirs == binding.restype), None)
    operation = next((ours for ours, theirs in _OPERATIONS.items() if theirs == binding.operation), None)
    plain = binding.permission_type == AclPermissionType.ALLOW and binding.host == "*"
    if resource is None or operation is None or not plain or not binding.principal.startswith("User:"):
        return None
    prefixed = binding.resource_pattern_type == ResourcePatternType.PREFIXED
    return Rule(binding.principal.removeprefix("User:"), operation, resource, binding.name, prefixed=prefixed)
