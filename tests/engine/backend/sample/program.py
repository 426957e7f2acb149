import os

import pulumi
from box import Box
from pulumi.dynamic import Resource

step = int(os.environ.get("STEP", "1"))


class BoxRes(Resource):
    made: pulumi.Output[str]

    def __init__(self, name, kind, size, opts=None):
        super().__init__(Box(), name, {"kind": kind, "size": size, "made": None}, opts)


class Shelf(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("sample:index:Shelf", name, {}, opts)
        o = pulumi.ResourceOptions(parent=self)
        self.a = BoxRes(name + "-a", "red" if step < 3 else "blue", 1, o)
        self.b = BoxRes(name + "-b", self.a.made.apply(lambda m: "k-" + m), 1 if step < 2 else 2, o)
        self.register_outputs({"made": self.b.made})


cfg = pulumi.Config()
s = Shelf("shelf")
x = BoxRes("lone", "x", 5 if step < 4 else 6, pulumi.ResourceOptions(protect=True, depends_on=[s]))
if step == 9:
    raise Exception("asked to fail")
pulumi.export("greeting", cfg.require("greeting"))
pulumi.export("token", cfg.require_secret("token"))
pulumi.export("nested", {"n": [1, 2.5, True, None, cfg.require_secret("token")], "s": "é<&>"})
pulumi.export("boxId", x.id)
