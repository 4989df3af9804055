"""The `ms-ovs` command: one module a verb, imported light; heavy modules load when the verb runs."""
