# Programs are data: they are not wrapped.
# ruff: noqa: E501
"""Engine scenarios: small programs and the commands run on them, one after another.

Each has a name, the behaviour that it shows, and steps: `op` the command, `prog` the program's text after the prelude (kept until
another is given), `args`, `cloud` an edit of the provider's fake cloud before the command, `files` further files. What the official
CLI 3.260.0 did is in `golden/NAME.json`; for those it was not recorded on, `wanted` has the steps that it takes, in short.
"""

SCENARIOS = []


def S(name, about, *steps, wanted=None, any_order=False):
    """Add a scenario; in `any_order` where what it proves is not the order of resources that know nothing of each other."""
    SCENARIOS.append({"name": name, "about": about, "steps": list(steps), "wanted": wanted, "any_order": any_order})


def U(prog=None, *args, **keywords):
    """An `up`."""
    return X("up", prog, *args, **keywords)


def X(op, prog=None, *args, **keywords):
    """Any command."""
    step = {"op": op, "args": list(args), **keywords}
    if prog is not None:
        step["prog"] = prog
    return step


def URN(name, typ="tst:index:Res", stack="dev"):
    """The URN of a resource at the top level."""
    return f"urn:pulumi:{stack}::scn::{typ}::{name}"


A = 'a = res("a", x=1)\n'
AB = 'a = res("a", x=1)\nb = res("b", y=a.out)\n'

# --- lifecycle
S(
    "create-same-update-delete",
    "create stack, default provider, then resources in dependency order; then all same; one update in place; a removed resource is deleted after the others; removing all removes the default provider too",
    U(AB),
    U(),
    U('a = res("a", x=2)\nb = res("b", y=a.out)\n'),
    U('a = res("a", x=2)\n'),
    U("pass\n"),
    X("destroy"),
)
S(
    "preview-create",
    "preview of creates: create steps, provider Check then Create with preview=true, unknown outputs; no state written",
    X("preview", AB + 'export("o", b.out)\n'),
)
S(
    "preview-unknown-apply",
    "apply over an unknown output does not run in preview and runs in up; an exported unknown is not in the summary",
    X(
        "preview",
        'a = res("a", x=1)\ndef f(v):\n    open("applied", "a").write(v)\n    return v + "!"\nexport("o", a.out.apply(f))\nexport("ran", os.path.exists("applied"))\n',
    ),
    U(),
    X("stack output --json", show=True),
)
S(
    "update-with-dependents",
    "an update whose outputs stay equal: dependents are same",
    U(AB),
    U('a = res("a", x=5)\nb = res("b", y=a.out)\n'),
)
S(
    "component-children",
    "components are created before their children, deletes run children first, the component after; registerOutputs are saved",
    U('c = Comp("c")\na = res("a", x=1, o_parent=c)\nc.register_outputs({"v": a.out})\n'),
    U("pass\n"),
)
S(
    "destroy-order",
    "destroy deletes dependents before what they depend on, children before parents, then the Stack resource, the default provider last; the stack itself stays, empty",
    U('c = Comp("c")\na = res("a", x=1, o_parent=c)\nb = res("b", y=a.out)\nd = res("z", o_depends_on=[b])\n'),
    X("destroy"),
)
S(
    "duplicate-urn",
    "two resources with one URN: error, non-zero exit, what was made stays",
    U('res("a", x=1)\nres("a", x=2)\n'),
)
S(
    "program-error",
    "an exception in the program: exit code not 0, already created resources stay in state, no deletes of those not yet registered",
    U(AB),
    U('a = res("a", x=1)\nc = res("c", x=3)\nraise Exception("boom")\n'),
)
S(
    "expect-no-changes",
    "--expect-no-changes fails when there are changes and passes when there are none",
    U(A),
    U(None, "--expect-no-changes"),
    U('a = res("a", x=9)\n', "--expect-no-changes"),
    X("preview", None, "--expect-no-changes"),
)

# --- replace
S(
    "replace-create-first",
    "replace: create-replacement + replace at the resource's place, delete-replaced of the old at the end; the new id flows to dependents (updated)",
    U('a = res("a", r=1)\nb = res("b", y=a.out)\n'),
    U('a = res("a", r=2)\nb = res("b", y=a.out)\n'),
)
S(
    "replace-cascade",
    "a replaced resource whose output is a replace-key of the next: both replaced; deletes of the old ones in reverse order at the end",
    U('a = res("a", r=1)\nb = res("b", r=a.out)\nc = res("c", y=b.out)\n'),
    U('a = res("a", r=2)\nb = res("b", r=a.out)\nc = res("c", y=b.out)\n'),
)
S(
    "replace-preview",
    "preview of a cascade: the dependents see unknowns and are shown as replaced / updated",
    U('a = res("a", r=1)\nb = res("b", r=a.out)\nc = res("c", y=b.out)\n'),
    X("preview", 'a = res("a", r=2)\nb = res("b", r=a.out)\nc = res("c", y=b.out)\n'),
)
S(
    "dbr-provider",
    "deleteBeforeReplace by the provider: dependents that would be replaced are deleted first (reverse order), then the resource, then re-created; a dependent with only an update stays",
    U('a = res("a", d=1)\nb = res("b", r=a.out)\nc = res("c", y=a.out)\n'),
    U('a = res("a", d=2)\nb = res("b", r=a.out)\nc = res("c", y=a.out)\n'),
)
S(
    "dbr-depends-on",
    "deleteBeforeReplace with a dependent by depends_on only: the dependent is not replaced",
    U('a = res("a", d=1)\nb = res("b", x=1, o_depends_on=[a])\n'),
    U('a = res("a", d=2)\nb = res("b", x=1, o_depends_on=[a])\n'),
)
S(
    "dbr-protect",
    "deleteBeforeReplace whose dependent is protected: error, nothing deleted",
    U('a = res("a", d=1)\nb = res("b", r=a.out, o_protect=True)\n'),
    U('a = res("a", d=2)\nb = res("b", r=a.out, o_protect=True)\n'),
)
S(
    "replace-on-changes",
    "replaceOnChanges turns an update of that key into a replace; other keys still update",
    U('a = res("a", x=1, z=1, o_replace_on_changes=["x"])\n'),
    U('a = res("a", x=2, z=1, o_replace_on_changes=["x"])\n'),
    U('a = res("a", x=2, z=2, o_replace_on_changes=["x"])\n'),
)
S(
    "replace-on-changes-star",
    'replaceOnChanges ["*"]: any change replaces',
    U('a = res("a", x=1, o_replace_on_changes=["*"])\n'),
    U('a = res("a", x=2, o_replace_on_changes=["*"])\n'),
)
S(
    "replacement-trigger",
    "replacementTrigger: a changed trigger value replaces without a property change",
    U('a = res("a", x=1, o_replacement_trigger="t1")\n'),
    U(),
    U('a = res("a", x=1, o_replacement_trigger="t2")\n'),
)
S("replace-flag", "--replace URN replaces that resource with no diff", U(AB), U(None, "--replace", URN("a")))
S(
    "replace-delete-fails",
    "the delete of the replaced one fails: state keeps the old with delete:true behind the new; the next up deletes it at the end (no count in the summary for that)",
    U('a = res("a", r=1)\n'),
    U('a = res("a", r=2)\n', cloud=lambda c: c.update(faildelete=["a"])),
    U(cloud=lambda c: c.pop("faildelete")),
)

# --- options
S(
    "protect-delete",
    "protect: removing from the program fails, nothing deleted; then unprotect and delete",
    U('a = res("a", x=1, o_protect=True)\n'),
    U("pass\n"),
    U('a = res("a", x=1)\n'),
    U("pass\n"),
)
S(
    "protect-replace",
    "protect: a needed replace fails in preview and up",
    U('a = res("a", r=1, o_protect=True)\n'),
    X("preview", 'a = res("a", r=2, o_protect=True)\n'),
    U(),
)
S(
    "protect-inherit",
    "protect is inherited by the children of a component",
    U('c = Comp("c", O(protect=True))\na = res("a", x=1, o_parent=c)\n'),
    U("pass\n"),
)
S(
    "ignore-changes",
    "ignoreChanges: same, and the old input value is kept in state",
    U('a = res("a", x=1, z=1)\n'),
    U('a = res("a", x=2, z=1, o_ignore_changes=["x"])\n'),
    U('a = res("a", x=2, z=3, o_ignore_changes=["x"])\n'),
)
S(
    "ignore-changes-nested",
    'ignoreChanges with a path (m.k, l[0], m["k"])',
    U('a = res("a", m={"k": 1, "j": 1}, l=[1, 2])\n'),
    U('a = res("a", m={"k": 2, "j": 1}, l=[9, 2], o_ignore_changes=["m.k", "l[0]"])\n'),
    U('a = res("a", m={"k": 2, "j": 5}, l=[9, 2], o_ignore_changes=["m[\\"k\\"]", "l[*]"])\n'),
)
S(
    "alias-name",
    "rename with an alias: same step at the new URN, no delete",
    U(A),
    U('a = res("b", x=1, o_aliases=[Alias(name="a")])\n'),
    U(),
)
S(
    "alias-parent",
    "moved under a component with Alias(parent=...)",
    U(A),
    U('c = Comp("c")\na = res("a", x=1, o_parent=c, o_aliases=[Alias(parent=pulumi.ROOT_STACK_RESOURCE)])\n'),
)
S(
    "alias-type",
    "type change with alias of the type: same",
    U(A),
    U('a = Res("a", O(aliases=[Alias(type_="tst:index:Res")]), typ="tst:index:Res2", x=1)\n'),
)
S("alias-urn", "alias given as a URN string", U(A), U('a = res("b", x=1, o_aliases=["' + URN("a") + '"])\n'))
S(
    "alias-component-rename",
    "a renamed component with an alias: its children follow (inherited aliases), all same",
    U('c = Comp("c")\na = res("c-a", x=1, o_parent=c)\n'),
    U('c = Comp("d", O(aliases=[Alias(name="c")]))\na = res("d-a", x=1, o_parent=c)\n'),
)
S(
    "alias-dependents",
    "dependents of an aliased resource have their dependency URNs rewritten in state",
    U(AB),
    U('a = res("a2", x=1, o_aliases=[Alias(name="a")])\nb = res("b", y=a.out)\n'),
)
S(
    "retain-on-delete",
    "retainOnDelete: the delete and delete-replaced steps are shown but the provider's Delete is not called",
    U('a = res("a", r=1, o_retain_on_delete=True)\n'),
    U('a = res("a", r=2, o_retain_on_delete=True)\n'),
    U("pass\n"),
)
S(
    "deleted-with-replace",
    "deletedWith and a replaced container: the dependent is replaced too, with no Diff and no provider Delete of its old copy",
    U('a = res("a", r=1)\nb = res("b", x=1, o_deleted_with=a)\n'),
    U('a = res("a", r=2)\nb = res("b", x=1, o_deleted_with=a)\n'),
)
S(
    "custom-timeouts",
    "customTimeouts reach the provider (seconds) and are kept in state",
    U('a = res("a", x=1, o_custom_timeouts=pulumi.CustomTimeouts(create="5m", delete="1h"))\n'),
)
S(
    "additional-secret-outputs",
    "additionalSecretOutputs makes an output secret in state",
    U('a = res("a", x=1, o_additional_secret_outputs=["out"])\nexport("o", a.out)\n'),
    X("stack output --json", show=True),
)
S(
    "hide-diffs",
    "hide_diffs is kept in state and does not change the steps",
    U('a = res("a", x=1, o_hide_diffs=["x"])\n'),
    U('a = res("a", x=2, o_hide_diffs=["x"])\n'),
)

# --- providers
S(
    "provider-inherit",
    "a child takes its component's provider of that package (provider= or providers=)",
    U(
        'p = Prov("p", zone="x")\nc = Comp("c", O(providers=[p]))\na = res("a", x=1, o_parent=c)\nd = Comp("d", O(provider=p))\nb = res("b", x=1, o_parent=d)\ne = res("e", x=1)\n'
    ),
)
S(
    "provider-config-default",
    "the default provider takes its inputs from stack config tst:zone; a changed value updates it, its resources stay same",
    X("config set tst:zone eu"),
    U(A),
    X("config set tst:zone us"),
    U(),
)
S(
    "provider-version",
    "a version option makes its own default provider default_1_0_0",
    U('a = res("a", x=1, o_version="1.0.0")\n'),
)

# --- failures
S(
    "create-fails",
    "a failed create: not in state, what was made before is; exit code 1; the dependents are not made; the next up goes on from there",
    U('c = res("c", x=1)\na = res("a", x=1, fail=["create"], o_depends_on=[c])\nb = res("b", y=a.out)\n'),
    U('c = res("c", x=1)\na = res("a", x=1, o_depends_on=[c])\nb = res("b", y=a.out)\n'),
)
S("update-fails", "a failed update keeps the old state", U(A), U('a = res("a", x=2, fail=["update"])\n'))
S(
    "delete-fails",
    "a failed delete keeps the resource",
    U(A),
    U("pass\n", cloud=lambda c: c.update(faildelete=["a"])),
    U(cloud=lambda c: c.pop("faildelete")),
)
S("check-fails", "check failures: error with the property and the reason; no create", U('a = res("a", bad=1)\n'))
S(
    "init-error",
    "a partial failure at create: the resource is in state with initErrors, exit not 0; the next up updates it without a diff",
    U('a = res("a", x=1, initfail=True)\n'),
    U('a = res("a", x=1, initfail=True)\n'),
    U('a = res("a", x=1)\n'),
    U(),
)
S(
    "continue-on-error",
    "--continue-on-error: independent resources are still made, dependents of the failed are not",
    U(
        'a = res("a", x=1, fail=["create"])\nb = res("b", y=a.out)\nc = res("c", x=1)\nd = res("d", y=c.out)\n',
        "--continue-on-error",
    ),
)
S(
    "destroy-continue-on-error",
    "destroy --continue-on-error keeps the failed and what it depends on",
    U('a = res("a", x=1)\nb = res("b", y=a.out)\nc = res("c", x=1)\n'),
    X("destroy", None, "--continue-on-error", cloud=lambda c: c.update(faildelete=["b"])),
)
S(
    "pending-create-crash",
    "the CLI killed during a create: pending_operations has a 'creating' entry; a preview goes on in spite of it and of the left lock; cancel drops the lock; refresh --clear-pending-creates drops the entry; then up creates it",
    U('a = res("a", x=1)\nb = res("b", y=a.out, sleep=20)\n', kill_after_log="CREATE b"),
    X("preview"),
    X("cancel --yes"),
    X("preview"),
    X("refresh", None, "--clear-pending-creates"),
    U('a = res("a", x=1)\nb = res("b", y=a.out)\n'),
)

S(
    "pending-delete-crash",
    "the CLI killed during a delete: pending 'deleting', the resource still in state; the next up warns, deletes it again, and the entry is gone",
    U('a = res("a", x=1)\nb = res("b", x=2)\n'),
    U('a = res("a", x=1)\n', kill_after_log="DELETE b", cloud=lambda c: c.update(slowdelete=15)),
    X("cancel --yes"),
    U(cloud=lambda c: c.pop("slowdelete")),
)

# --- refresh / import / read
S(
    "refresh-drift",
    "refresh: Read gives new outputs and inputs, state updated; the next up puts the program's values back",
    U(AB),
    X("refresh", cloud=lambda c: c["res"]["a-1"].update(x=77)),
    U(),
)
S(
    "refresh-preview-only",
    "refresh --preview-only writes no state",
    U(A),
    X("refresh --preview-only", cloud=lambda c: c["res"]["a-1"].update(x=77)),
)
S(
    "refresh-read-fails",
    "a failing Read: refresh fails, state kept",
    U('a = res("a", x=1, fail=["read"])\n'),
    X("refresh"),
)
S(
    "up-refresh",
    "up --refresh: refresh steps, then the program; drift is corrected in one run",
    U(A),
    U(None, "--refresh", cloud=lambda c: c["res"]["a-1"].update(x=77)),
)
S("refresh-target", "refresh --target: only that one read", U(AB), X("refresh", None, "--target", URN("a")))
S(
    "import-cli",
    "pulumi import TYPE NAME ID: protected, in state",
    U("pass\n"),
    X(
        "import tst:index:Res a have-1",
        None,
        "--generate-code=false",
        cloud=lambda c: c["res"].update({"have-1": {"x": 1, "out": "o"}}),
    ),
    U('a = res("a", x=1, o_protect=True)\n'),
)
S(
    "read-get",
    "Resource.get: read step, external in state, deleting it makes no provider Delete",
    U(
        'a = Res("a", O(id="have-1"), x=1)\nexport("o", a.out)\n',
        cloud=lambda c: c["res"].update({"have-1": {"x": 1, "out": "o"}}),
    ),
    U(),
    U("pass\n"),
)
S(
    "read-to-custom",
    "a read resource then managed under the same name: create-replacement, replace, discard-replaced (no provider Delete)",
    U('a = Res("a", O(id="have-1"), x=1)\n', cloud=lambda c: c["res"].update({"have-1": {"x": 1, "out": "o"}})),
    U('a = res("a", x=1)\n'),
)

# --- targets
S(
    "target-update",
    "--target: only that one updates, others same; untargeted new ones are not made",
    U(AB),
    U('a = res("a", x=2)\nb = res("b", y=a.out, z=1)\nc = res("c", y=a.out)\n', "--target", URN("a")),
)
S(
    "target-dependents",
    "--target-dependents also updates dependents",
    U(AB),
    U('a = res("a", r=2)\nb = res("b", y=a.out)\nc = res("c", x=2)\n', "--target", URN("a"), "--target-dependents"),
)
S(
    "target-glob",
    "--target with ** glob",
    U('a1 = res("a1", x=1)\na2 = res("a2", x=1)\nb = res("b", x=1)\n'),
    U('a1 = res("a1", x=2)\na2 = res("a2", x=2)\nb = res("b", x=2)\n', "--target", "**a*"),
)
S(
    "target-destroy",
    "destroy --target: error when others depend on it; with --target-dependents they go too",
    U('a = res("a", x=1)\nb = res("b", y=a.out)\nc = res("c", x=1)\n'),
    X("destroy", None, "--target", URN("a")),
    X("destroy", None, "--target", URN("a"), "--target-dependents"),
)
S(
    "exclude",
    "--exclude: all but that one",
    U(AB),
    U('a = res("a", x=2)\nb = res("b", y=a.out, z=1)\n', "--exclude", URN("b")),
)

# --- secrets, config, stack references, invokes
S(
    "secret-inputs",
    "a secret input is encrypted in state inputs and outputs; outputs of it stay secret; stack output masks it",
    X("config set --secret tok s3cret"),
    U(
        'cfg = pulumi.Config()\na = res("a", x=cfg.require_secret("tok"), n={"in": Output.secret("v")}, mksecret=True)\nexport("sec", a.sec)\nexport("x", cfg.require_secret("tok"))\nexport("plain", a.out)\n'
    ),
    X("stack output --json", show=True),
    X("stack output --json --show-secrets", show=True),
    U(),
)
S(
    "invoke",
    "invoke in up and preview; args as outputs; a failing invoke is an error",
    U(
        'r = pulumi.runtime.invoke("tst:index:echo", {"q": 1}).value\nexport("r", r["q"])\na = res("a", x=1)\nexport("ro", pulumi.runtime.invoke_output("tst:index:echo", {"q": a.out}).apply(lambda v: v["q"]) if hasattr(pulumi.runtime, "invoke_output") else "n/a")\n'
    ),
    X("preview"),
    U('r = pulumi.runtime.invoke("tst:index:fail", {"q": 1}).value\n'),
)
S("config-missing", "require of missing config: error text, exit not 0", U('pulumi.Config().require("nope")\n'))

# --- transforms, hooks, policy
S(
    "transforms-stack",
    "a stack transform changes props and opts of every resource, resource transforms run first (children before stack)",
    U(
        'from pulumi.runtime import register_resource_transform\nasync def t(a):\n    if a.type_ == "tst:index:Res":\n        return pulumi.ResourceTransformResult(props={**a.props, "t": "stack" + str(a.props.get("t", ""))}, opts=a.opts)\nregister_resource_transform(t)\ndef t2(a):\n    return pulumi.ResourceTransformResult(props={**a.props, "t": "res"}, opts=a.opts)\na = res("a", x=1, o_transforms=[t2])\nb = res("b", x=1)\n'
    ),
)
S(
    "hooks-before-error",
    "a before hook that raises fails the operation (no provider call, not in state); an after hook that raises fails the run too, the resource stays in state",
    U(
        'def bad(args):\n    raise Exception("hook says no")\nB = pulumi.ResourceHook("b", bad)\na = res("a", x=1, o_hooks=pulumi.ResourceHookBinding(before_create=[B]))\n'
    ),
    U(
        'def bad(args):\n    raise Exception("hook says no")\nB = pulumi.ResourceHook("b", bad)\na = res("a", x=1, o_hooks=pulumi.ResourceHookBinding(after_create=[B]))\n'
    ),
)
# The part of pulumi-policy that the pack uses, over the protocol itself: the package's protobuf pin excludes the SDK's.
POLICY_SDK = """
import sys
from concurrent import futures
from types import SimpleNamespace
import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import analyzer_pb2 as A, analyzer_pb2_grpc
class EnforcementLevel:
    ADVISORY, MANDATORY = 0, 1
class _Policy:
    def __init__(self, name, description, validate, level):
        self.name, self.validate, self.level = name, validate, level
class ResourceValidationPolicy(_Policy):
    pass
class StackValidationPolicy(_Policy):
    pass
def _args(r):
    return SimpleNamespace(resource_type=r.type, props=json_format.MessageToDict(r.properties), urn=r.urn)
class PolicyPack(analyzer_pb2_grpc.AnalyzerServicer):
    def __init__(self, name, policies):
        self.name, self.policies = name, policies
        server = grpc.server(futures.ThreadPoolExecutor(4))
        analyzer_pb2_grpc.add_AnalyzerServicer_to_server(self, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        print(port, flush=True)
        server.wait_for_termination()
    def _run(self, kind, args):
        found = []
        for p in self.policies:
            if isinstance(p, kind):
                p.validate(args, lambda m, u="", p=p: found.append(A.AnalyzeDiagnostic(
                    policyName=p.name, policyPackName=self.name, message=m, enforcementLevel=p.level, urn=u)))
        return A.AnalyzeResponse(diagnostics=found)
    def Analyze(self, q, c):
        return self._run(ResourceValidationPolicy, _args(q))
    def AnalyzeStack(self, q, c):
        return self._run(StackValidationPolicy, SimpleNamespace(resources=[_args(r) for r in q.resources]))
    def GetAnalyzerInfo(self, q, c):
        return A.AnalyzerInfo(name=self.name, version="0.0.1",
                              policies=[A.PolicyInfo(name=p.name, enforcementLevel=p.level) for p in self.policies])
    def Configure(self, q, c):
        return empty_pb2.Empty()
"""
PACK = {
    "pp/PulumiPolicy.yaml": "runtime: python\nversion: 0.0.1\n",
    "pp/pulumi_policy.py": POLICY_SDK,
    "pp/__main__.py": """from pulumi_policy import *
def adv(args, report):
    if args.resource_type == "tst:index:Res" and args.props.get("x") == 1:
        report("x is one")
def man(args, report):
    if args.resource_type == "tst:index:Res" and args.props.get("x") == 2:
        report("x is two")
def stk(args, report):
    n = sum(1 for r in args.resources if r.resource_type == "tst:index:Res")
    if n > 2:
        report(f"{n} resources")
PolicyPack("pp", [ResourceValidationPolicy("adv", "d", adv, EnforcementLevel.ADVISORY), ResourceValidationPolicy("man", "d", man, EnforcementLevel.MANDATORY), StackValidationPolicy("stk", "d", stk, EnforcementLevel.MANDATORY)])
""",
}
S(
    "policy",
    "policy pack: advisory violations warn, a mandatory one stops that resource before its create and fails the run; a stack policy runs after all",
    U(A, "--policy-pack", "pp", files=PACK),
    U('a = res("a", x=1)\nb = res("b", x=2, o_depends_on=[a])\n', "--policy-pack", "pp"),
    X("preview", 'for i in "abc":\n    res(i, x=7)\n', "--policy-pack", "pp"),
)

# --- destroy beside the program
S(
    "destroy-run-program",
    "destroy --run-program runs the program first (with delete hooks available)",
    U(AB),
    X("destroy", None, "--run-program=true"),
)

# --- known by their steps only
DBR = 'a = res("a", r={n}, o_delete_before_replace={dbr})\n'
S(
    "stack-outputs-only",
    "a changed stack output alone changes no resource",
    U('export("o", 1)\n'),
    U('export("o", 2)\n'),
    U(),
    wanted=["", "", ""],
)
S(
    "depends-on",
    "depends_on orders creates and, reversed, deletes",
    U('z = res("z", x=1)\na = res("a", x=1, o_depends_on=[z])\n'),
    U("pass\n"),
    wanted=["create z; create a", "delete a; delete z; delete default·prov"],
)
S(
    "depends-on-component",
    "depends_on a component means on its children",
    U('c = Comp("c")\nx = res("x", x=1, o_parent=c)\na = res("a", x=1, o_depends_on=[c])\n'),
    wanted=["create c; create x; create a"],
)
S(
    "dbr-option",
    "deleteBeforeReplace as an option",
    U(DBR.format(n=1, dbr=True) + 'b = res("b", r=a.out)\n'),
    U(DBR.format(n=2, dbr=True) + 'b = res("b", r=a.out)\n'),
    wanted=[
        "create a; create b",
        "delete-replaced b; delete-replaced a; replace a; create-replacement a; replace b; create-replacement b",
    ],
)
S(
    "dbr-false-overrides",
    "delete_before_replace=False overrides the provider's wish",
    U('a = res("a", d=1, o_delete_before_replace=False)\n'),
    U('a = res("a", d=2, o_delete_before_replace=False)\n'),
    wanted=["create a", "create-replacement a; replace a; delete-replaced a"],
)
WITH = 'a = res("a", r={n})\nb = res("b", x=1, o_replace_with=[a])\n'
S(
    "replace-with",
    "replaceWith: replaced when the other is",
    U(WITH.format(n=1)),
    U(WITH.format(n=2)),
    wanted=[
        "create a; create b",
        "create-replacement a; replace a; create-replacement b; replace b; delete-replaced b; delete-replaced a",
    ],
)
S(
    "taint",
    "state taint: the next up replaces the resource, the one after it does not",
    U(AB),
    X("state taint --yes", None, URN("a")),
    X("preview"),
    U(),
    U(),
    wanted=[
        "create a; create b",
        "",
        "create-replacement a; replace a; update b; delete-replaced a",
        "create-replacement a; replace a; update b; delete-replaced a",
        "same a; same b",
    ],
)
PROTECTED = 'a = res("a", x=1)\np = res("p", y=a.out, o_protect=True)\nb = res("b", y=a.out)\n'
S(
    "protect-destroy",
    "destroy with a protected resource fails; --exclude-protected then finds nothing to destroy: what is left is protected or needed by it",
    U(PROTECTED),
    X("destroy"),
    X("destroy", None, "--exclude-protected"),
    wanted=["create a; create p; create b", "delete b; delete p (exit 1) FAILED: delete p", ""],
    any_order=True,
)
S(
    "exclude-protected",
    "destroy --exclude-protected: what is protected stays, and what it depends on",
    U(PROTECTED),
    X("destroy", None, "--exclude-protected"),
    wanted=["create a; create p; create b", "same a; same p; delete b"],
    any_order=True,
)
S(
    "deleted-with",
    "deletedWith: a destroy of both deletes only the container in the provider",
    U('a = res("a", x=1)\nb = res("b", x=1, o_deleted_with=a)\n'),
    X("destroy"),
    wanted=["create a; create b", "delete b; delete a; delete STACK; delete default·prov"],
)
EXPLICIT = 'p = Prov("p", {key}="{value}")\na = res("a", x=1, o_provider=p)\n'
S(
    "provider-explicit",
    "an explicit provider: changed in place its resources stay, replaced they are replaced too",
    U(EXPLICIT.format(key="zone", value="x")),
    U(EXPLICIT.format(key="zone", value="y")),
    U('p = Prov("p", zone="y", r="1")\na = res("a", x=1, o_provider=p)\n'),
    U("pass\n"),
    wanted=[
        "create p·prov; create a",
        "update p·prov; same a",
        "create-replacement p·prov; replace p·prov; create-replacement a; replace a; delete-replaced a; delete-replaced p·prov",
        "delete a; delete p·prov",
    ],
)
S(
    "refresh-deleted",
    "refresh: what is gone in the cloud leaves the state, and its dependents' references to it; up makes it again",
    U(AB),
    X("refresh", cloud=lambda c: c["res"].pop("a-1")),
    U(),
    wanted=["create a; create b", "refresh a; refresh b", "create a; update b"],
)
S(
    "refresh-run-program",
    "refresh --run-program runs the program, which changes nothing",
    U(A),
    X("refresh", None, "--run-program=true", cloud=lambda c: c["res"]["a-1"].update(x=77)),
    wanted=["create a", "refresh a"],
)
IMPORT = 'a = Res("{name}", O(import_="have-1"), x={x})\n'


def have(c):
    """A resource that exists in the cloud only."""
    c["res"].update({"have-1": {"x": 1, "out": "o"}})


S(
    "import-option",
    "the import_ option: imported, then the same; one whose inputs differ is imported and updated in one run",
    U(IMPORT.format(name="a", x=1), cloud=have),
    U(),
    U(IMPORT.format(name="b", x=2)),
    wanted=["import a", "same a", "import b; update b; delete a"],
)
S(
    "import-missing",
    "the import of an id that does not exist fails",
    U(IMPORT.format(name="a", x=1)),
    wanted=["import a (exit 1) FAILED: import a"],
)
S(
    "target-new-dep",
    "--target on one that depends on an untargeted new one is an error",
    U(A),
    U('a = res("a", x=1)\nn = res("n", x=1, o_depends_on=[a])\nc = res("c", y=n.out)\n', "--target", URN("c")),
    wanted=["create a", "same a; same n (exit 1)"],
)
S(
    "stack-reference",
    "a stack reference reads another stack's outputs; one of a missing stack is an error",
    U('export("o", "v")\nexport("s", Output.secret("h"))\n'),
    X("stack init two"),
    U(
        'r = pulumi.StackReference("organization/scn/dev")\nexport("o", r.get_output("o"))\nexport("s", r.get_output("s"))\n',
        stack="two",
    ),
    X("stack output --json --stack two", show=True),
    U('r = pulumi.StackReference("organization/scn/nothere")\n', stack="two"),
    wanted=[
        "",
        "",
        "read organization/scn/dev",
        "",
        "read organization/scn/nothere (exit 1) FAILED: read organization/scn/nothere",
    ],
)
S(
    "transformations-legacy",
    "legacy transformations run in the SDK, before the registration",
    U(
        "def t(args):\n    return pulumi.ResourceTransformationResult(props={**args.props, 't': 1}, opts=args.opts)\n"
        'a = res("a", x=1, o_transformations=[t])\n'
    ),
    wanted=["create a"],
)
HOOKS = """
def hook(name):
    def run(args):
        open("hooked", "a").write(name + "\\n")
    return pulumi.ResourceHook(name, run)
bind = pulumi.ResourceHookBinding(**{{k: [hook(k)] for k in (
    "before_create", "after_create", "before_update", "after_update", "before_delete", "after_delete")}})
{rest}
"""
S(
    "hooks-create",
    "hooks run once before and after each create, update and delete",
    U(HOOKS.format(rest='a = res("a", x=1, o_hooks=bind)')),
    U(HOOKS.format(rest='a = res("a", x=2, o_hooks=bind)')),
    U(HOOKS.format(rest="")),
    X("stack output --json", 'export("h", open("hooked").read().split())\n'),
    U(),
    X("stack output --json", show=True),
    wanted=["create a", "update a", "delete a; delete default·prov", "", "", ""],
)
S(
    "pending-create-up",
    "after a kill in a create: the lock stops an up; after a cancel it goes on, and the pending create stays in the state",
    U('a = res("a", x=1)\nb = res("b", y=a.out, sleep=20)\n', kill_after_log="CREATE b"),
    U(),
    X("cancel --yes"),
    U(AB),
    U(AB),
    wanted=[
        "create a; create b (exit -9) pending: creating b",
        "(exit 1) pending: creating b",
        "pending: creating b",
        "same a; create b pending: creating b",
        "same a; same b pending: creating b",
    ],
)
S(
    "state-commands",
    "state delete, protect, unprotect and rename, and what they refuse",
    U('a = res("a", x=1, o_protect=True)\nb = res("b", y=a.out)\n'),
    X("state delete --yes", None, URN("a")),
    X("state unprotect --yes", None, URN("a")),
    X("state protect --yes", None, URN("b")),
    X("state rename --yes", None, URN("b"), "bb"),
    X("state delete --yes --force", None, URN("bb")),
    X("state delete --yes", None, URN("a")),
    wanted=["create a; create b", "(exit 1)", "", "", "", "", ""],
)
REAL_PACK = {
    "pp/PulumiPolicy.yaml": "runtime: {name: python, options: {virtualenv: @POLICY_ENVIRONMENT@}}\nversion: 0.0.1\n",
    "pp/__main__.py": PACK["pp/__main__.py"],
}
S(
    "policy",
    "an advisory violation warns, a mandatory one stops its resource and fails the run; a stack policy runs after all",
    U(A, "--policy-pack", "pp", files=REAL_PACK),
    U('a = res("a", x=1)\nb = res("b", x=2, o_depends_on=[a])\n', "--policy-pack", "pp"),
    X("preview", 'for i in "abc":\n    res(i, x=7)\n', "--policy-pack", "pp"),
)
S(
    "plan-file",
    "an up that differs from its plan fails",
    X("preview --save-plan plan.json", A),
    U(None, "--plan", "plan.json"),
    X("preview --save-plan plan.json"),
    U('a = res("a", x=2)\n', "--plan", "plan.json"),
    wanted=["create a", "create a", "same a", "(exit 1)"],
)
S(
    "continue-on-error-dependents",
    "--continue-on-error: what depends on a failed update stays as it is, what the program no longer has is deleted",
    U(AB + 'c = res("c", x=1)\ng = res("g", x=1)\n'),
    U(
        'a = res("a", x=2, fail=["update"])\nb = res("b", y=a.out)\nc = res("c", x=2)\n',
        "--continue-on-error",
    ),
    U('a = res("a", x=2)\nb = res("b", y=a.out)\nc = res("c", x=2)\n'),
    wanted=[
        "create a; create c; create g; create b",
        "update a; update c; delete g (exit 1) FAILED: update a",
        "update a; same c; same b",
    ],
    any_order=True,
)
DYNAMIC = {
    "dynprov.py": """
from pulumi.dynamic import Resource, ResourceProvider, CreateResult, DiffResult, UpdateResult
class P(ResourceProvider):
    def create(self, props):
        return CreateResult("id-" + str(props["x"]), dict(props, made=True))
    def diff(self, id, olds, news):
        return DiffResult(changes=olds["x"] != news["x"] or olds.get("r") != news.get("r"),
                          replaces=["r"] if olds.get("r") != news.get("r") else [])
    def update(self, id, olds, news):
        return UpdateResult(dict(news, made=True))
    def delete(self, id, props):
        pass
class D(Resource):
    def __init__(self, name, x, r=1):
        super().__init__(P(), name, {"x": x, "r": r})
"""
}
S(
    "dynamic-provider",
    "a dynamic provider: create, update, replace, delete",
    U('from dynprov import D\nd = D("d", 1)\n', files=DYNAMIC),
    U('from dynprov import D\nd = D("d", 2)\n'),
    U('from dynprov import D\nd = D("d", 2, 2)\n'),
    X("destroy"),
    wanted=[
        "create d",
        "update d",
        "create-replacement d; replace d; delete-replaced d",
        "delete d; delete STACK; delete default·prov",
    ],
)
