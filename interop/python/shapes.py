"""Compares the table of shapes with the service model that botocore ships.

Started by python_test.go with the table's path. Needs no server. The model is
read from the installed package as it is; what PutMedia looks like no model of
botocore says.
"""

import sys

import botocore.session

KINDS = {"string": "len", "integer": "range", "long": "range", "list": "count", "map": "count"}


def facts(member, required):
    shape = set()
    if required:
        shape.add("required")
    if member.serialization.get("location") == "header":
        shape.add("header=" + member.serialization["name"])
    meta = member.metadata
    if getattr(member, "enum", None):
        shape.add("enum=" + "|".join(member.enum))
    elif member.type_name in KINDS and ("min" in meta or "max" in meta):
        shape.add("%s=%s..%s" % (KINDS[member.type_name], meta.get("min", ""), meta.get("max", "")))
    if meta.get("sensitive"):
        shape.add("sensitive")
    if "pattern" in meta:
        shape.add("pattern=" + meta["pattern"])
    return shape


def walk(path, member, required, rows):
    if path:
        rows[path] = (member.type_name, facts(member, required))
    if member.type_name == "structure":
        for name, inner in member.members.items():
            walk(path + "." + name if path else name, inner, name in member.required_members, rows)
    elif member.type_name == "list":
        walk(path + "[]", member.member, False, rows)
    elif member.type_name == "map":
        walk(path + "{key}", member.key, False, rows)
        walk(path + "{value}", member.value, False, rows)


def of_botocore():
    operations = {}
    session = botocore.session.get_session()
    for service in ("kinesisvideo", "kinesis-video-media", "kinesis-video-archived-media"):
        model = session.get_service_model(service)
        for name in model.operation_names:
            op = model.operation_model(name)
            rows = {"in": {}, "out": {}}
            walk("", op.input_shape, False, rows["in"])
            walk("", op.output_shape, False, rows["out"])
            operations[name] = {
                "path": op.http["requestUri"], "errors": {e.name for e in op.error_shapes}, **rows,
            }
    return operations


def of_table(path):
    operations = {}
    with open(path, encoding="utf-8") as table:
        for line in table:
            words = line.partition(" ; ")[0].split()
            if not words or words[0] == "#":
                continue
            if words[0] == "operation":
                op = operations[words[1]] = {"path": words[2], "errors": set(), "in": {}, "out": {}}
            elif words[0] == "error":
                op["errors"].add(words[1])
            else:
                op[words[0]][words[1]] = (words[2], set(words[3:]))
    return operations


def main(path):
    theirs, ours = of_botocore(), of_table(path)
    del ours["PutMedia"]
    wrong = []
    for name in sorted(theirs.keys() | ours.keys()):
        if name not in theirs or name not in ours:
            wrong.append("%s is on one side only" % name)
            continue
        for part in ("path", "errors"):
            if theirs[name][part] != ours[name][part]:
                wrong.append("%s: %s is %s, and in the table %s" % (name, part, theirs[name][part], ours[name][part]))
        for part in ("in", "out"):
            a, b = theirs[name][part], ours[name][part]
            for member in sorted(a.keys() | b.keys()):
                if a.get(member) != b.get(member):
                    wrong.append("%s %s %s is %s, and in the table %s" % (name, part, member, a.get(member), b.get(member)))
    members = sum(len(op["in"]) + len(op["out"]) for op in theirs.values())
    print("%d operations, %d members compared" % (len(theirs), members))
    if wrong or len(theirs) != 39:
        sys.exit("\n".join(wrong) or "%d operations, not 39" % len(theirs))


main(sys.argv[1])
