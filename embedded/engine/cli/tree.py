"""The tree of commands: where each one's code is (loaded when it runs), and its line in the help of its group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Node:
    """A command or a group of commands; `target` is MODULE:FUNCTION below `embedded.engine.cli`, empty for a mere group."""

    short: str
    target: str = ""
    aliases: tuple[str, ...] = ()
    children: Mapping[str, Node] = field(default_factory=dict)
    hidden: bool = False
    long: str = ""

    def child(self, name: str) -> tuple[str, Node] | None:
        """The subcommand of a name or alias, with its proper name."""
        if name in self.children:
            return name, self.children[name]
        return next(((key, node) for key, node in self.children.items() if name in node.aliases), None)


_STACK = Node(
    "Manage stacks and view stack state",
    "stack:show",
    children={
        "change-secrets-provider": Node("Change the secrets provider for a stack", "stack_secrets:change_provider"),
        "export": Node("Export a stack's deployment to standard out", "stack_state:export"),
        "graph": Node("Export a stack's dependency graph to a file", "stack_state:graph"),
        "history": Node("Display history for a stack", "stack_history:history", ("hist",)),
        "import": Node("Import a deployment from standard in into an existing stack", "stack_state:import_"),
        "init": Node("Create an empty stack with the given name, ready for updates", "stack:init", ("new",)),
        "ls": Node("List stacks", "stack:list_stacks", ("list",)),
        "output": Node("Show a stack's output properties", "stack_state:output"),
        "rename": Node("Rename an existing stack", "stack:rename"),
        "rm": Node("Remove a stack and its configuration", "stack:remove", ("remove",)),
        "select": Node("Switch the current workspace to the given stack", "stack:select"),
        "tag": Node(
            "Manage stack tags",
            children={
                "get": Node("Get a single stack tag value", "stack_tags:get"),
                "ls": Node("List all stack tags", "stack_tags:list_tags", ("list",)),
                "rm": Node("Remove a stack tag", "stack_tags:remove", ("remove",)),
                "set": Node("Set a stack tag", "stack_tags:set_tag"),
            },
        ),
        "unselect": Node("Reset stack selection from the current workspace", "stack:unselect"),
    },
)

_CONFIG = Node(
    "Manage configuration",
    "config:show",
    ("cfg",),
    children={
        "cp": Node("Copy config to another stack", "config:copy", ("copy",)),
        "env": Node(
            "Manage ESC environments for a stack",
            children={
                "add": Node("Add environments to a stack", "cloud_only:config_env"),
                "init": Node("Create an environment for a stack", "cloud_only:config_env"),
                "ls": Node("List imported environments", "cloud_only:config_env", ("list",)),
                "rm": Node("Remove environment from a stack", "cloud_only:config_env", ("remove",)),
            },
        ),
        "get": Node("Get a single configuration value", "config:get"),
        "refresh": Node(
            "Update the local configuration based on the most recent deployment of the stack", "config:refresh"
        ),
        "rm": Node("Remove configuration value", "config:remove", ("remove",)),
        "rm-all": Node("Remove multiple configuration values", "config:remove_all", ("remove-all",)),
        "set": Node("Set configuration value", "config:set_value"),
        "set-all": Node("Set multiple configuration values", "config:set_all"),
    },
)

_STATE = Node(
    "Edit the current stack's state",
    children={
        "delete": Node("Deletes a resource from a stack's state", "state:delete"),
        "edit": Node("Edit the current stack's state in your EDITOR", "state_repair:edit"),
        "move": Node("Move resources from one stack to another", "state_move:move"),
        "protect": Node("Protect resource in a stack's state", "state:protect"),
        "rename": Node("Renames a resource from a stack's state", "state:rename"),
        "repair": Node("Repair an invalid state", "state_repair:repair"),
        "taint": Node("Taint one or more resources in the stack's state", "state:taint"),
        "unprotect": Node("Unprotect resources in a stack's state", "state:unprotect"),
        "untaint": Node("Untaint one or more resources in the stack's state", "state:untaint"),
    },
)

ROOT = Node(
    "Pulumi command line",
    children={
        "about": Node("Print information about the Pulumi environment", "about:about"),
        "cancel": Node("Cancel a stack's currently running update, if any", "stack:cancel"),
        "config": _CONFIG,
        "destroy": Node("Destroy all existing resources in the stack", "operations:destroy", ("down", "dn")),
        "import": Node("Import resources into an existing stack", "operations_import:import_resources"),
        "install": Node("Install packages and plugins for the current program", "plugin:install_project"),
        "login": Node("Log in to a backend", "login:login"),
        "logout": Node("Log out of a backend", "login:logout"),
        "logs": Node("Show aggregated resource logs for a stack", "logs:logs", ("log",)),
        "new": Node("Create a new Pulumi project", "new:new"),
        "org": Node(
            "Manage Organization configuration",
            children={
                "get-default": Node("Get the default org for the current backend", "cloud_only:organizations"),
                "set-default": Node(
                    "Set the local default organization for the current backend", "cloud_only:organizations"
                ),
            },
        ),
        "plugin": Node(
            "Manage language and resource provider plugins",
            children={
                "install": Node("Install one or more plugins", "plugin:install"),
                "ls": Node("List plugins", "plugin:list_plugins", ("list",)),
                "rm": Node("Remove one or more plugins from the download cache", "plugin:remove", ("remove",)),
            },
        ),
        "preview": Node("Show a preview of updates to a stack's resources", "operations:preview", ("pre",)),
        "refresh": Node("Refresh the resources in a stack", "operations:refresh"),
        "stack": _STACK,
        "state": _STATE,
        "up": Node("Create or update the resources in a stack", "operations:up", ("update", "u")),
        "version": Node("Print Pulumi's version number", "about:version"),
        "whoami": Node("Display the current logged-in user", "login:whoami"),
    },
    long=(
        "Pulumi - Modern Infrastructure as Code\n\n"
        "This is the engine embedded in this project: it takes the commands of the official CLI and keeps its files.\n\n"
        "The most common commands are:\n\n"
        "    - pulumi up       : Deploy code and/or resource changes\n"
        "    - pulumi stack    : Manage instances of your project\n"
        "    - pulumi config   : Alter your stack's configuration or secrets\n"
        "    - pulumi destroy  : Tear down your stack's resources entirely"
    ),
)
