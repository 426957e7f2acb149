from pulumi.dynamic import CreateResult, DiffResult, ResourceProvider, UpdateResult


class Box(ResourceProvider):
    def create(self, props):
        return CreateResult(id_=f"box-{props['kind']}", outs={**props, "made": "yes"})

    def diff(self, _id, olds, news):
        rep = ["kind"] if olds["kind"] != news["kind"] else []
        return DiffResult(changes=bool(rep) or olds["size"] != news["size"], replaces=rep)

    def update(self, _id, _olds, news):
        return UpdateResult(outs={**news, "made": "yes"})
