# SPDX-License-Identifier: BSD-2-Clause
"""
docs/netlink/mqgate.yaml against what is compiled: names and numbers of the header, policies,
operations, permissions and groups of kmod/netlink-gen.c. Needs no module.
"""
import os
import re
import subprocess
import sys
import tempfile

import yaml

TOP = os.environ.get("MQGATE_TOP", os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
with open(os.path.join(TOP, "docs/netlink/mqgate.yaml")) as file:
    SPEC = yaml.safe_load(file)
with open(os.path.join(TOP, "kmod/netlink-gen.c")) as file:
    TABLES = file.read()
SETS = {one["name"]: one for one in SPEC["attribute-sets"]}
# Which of the tables is of which set.
POLICIES = {"mqg_nl_client_get": "client", "mqg_nl_client_kill": "client",
            "mqg_nl_client_bind": "client", "mqg_nl_filter": "filter",
            "mqg_nl_settings": "settings", "mqg_nl_service": "service",
            "mqg_nl_source_get": "source", "mqg_nl_source_filter": "source-filter"}
FLAGS = {"GENL_ADMIN_PERM": ["admin-perm"], "GENL_UNS_ADMIN_PERM": ["uns-admin-perm"]}


def symbol(prefix, name):
    return (prefix + name).replace("-", "_").upper()


def evaluate(expressions):
    """The numbers of C constant expressions, by the compiler."""
    with tempfile.TemporaryDirectory() as scratch:
        source, program = scratch + "/numbers.c", scratch + "/numbers"
        with open(source, "w") as out:
            out.write("#include <stdio.h>\n#include <linux/mqgate.h>\n"
                      "#include <linux/mqgate_client.h>\n#include <linux/mqgate_netlink.h>\n"
                      "int main(void)\n{\n")
            for expression in expressions:
                out.write(f'\tprintf("%lld\\n", (long long)({expression}));\n')
            out.write("}\n")
        subprocess.run([os.environ.get("CC", "cc"), "-I", TOP + "/include/uapi", "-o", program,
                        source], check=True)
        said = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return dict(zip(expressions, map(int, said.split())))


def header():
    """Every name has the number that its place in the specification gives it; none is missing."""
    wanted = {}
    for one in SETS.values():
        number = 0
        for attribute in one["attributes"]:
            number = attribute.get("value", number + 1)
            wanted[symbol(one["name-prefix"], attribute["name"])] = number
        wanted[symbol(one["name-prefix"], "max")] = number
    number = 0
    for operation in SPEC["operations"]["list"]:
        number = operation.get("value", number + 1)
        wanted[symbol(SPEC["operations"]["name-prefix"], operation["name"])] = number
    wanted["MQGATE_CMD_MAX"] = number
    wanted["MQGATE_FAMILY_VERSION"] = SPEC["version"]
    got = evaluate(list(wanted))
    assert got == wanted, {name: (got[name], wanted[name]) for name in wanted
                           if got[name] != wanted[name]}


def check_words(attribute):
    """A policy entry as the specification has it: (type, min, max)."""
    checks, kind = attribute.get("checks", {}), attribute["type"]
    if kind == "binary":
        return ("NLA_BINARY", checks.get("exact-len", 0),
                checks.get("exact-len", checks.get("max-len")))
    if kind == "nest":
        return ("nest", attribute["nested-attributes"], None)
    if "flags-mask" in checks:
        return ("NLA_" + kind.upper(), "mask", checks["flags-mask"])
    return ("NLA_" + kind.upper(), checks.get("min"), checks.get("max"))


def compiled(entry, number):
    """The same of a C initialiser."""
    entry = " ".join(entry.split())
    plain = re.fullmatch(r"\{ \.type = (\w+),(?: \.len = (\w+),)? \}", entry)
    if plain:
        kind, length = plain.groups()
        return (kind, 0, number(length)) if kind == "NLA_BINARY" else (kind, None, None)
    macro, arguments = re.fullmatch(r"NLA_POLICY_(\w+)\((.*)\)", entry).groups()
    arguments = [one.strip() for one in arguments.split(",")]
    if macro == "NESTED":
        return ("nest", POLICIES[arguments[0]], None)
    if macro == "EXACT_LEN":
        return ("NLA_BINARY", number(arguments[0]), number(arguments[0]))
    limits = [number(one) for one in arguments[1:]]
    if macro == "MASK":
        return (arguments[0], "mask", limits[0])
    if macro == "MIN":
        return (arguments[0], limits[0], None)
    if macro == "MAX":
        return (arguments[0], None, limits[0])
    return (arguments[0], *limits)


def number(expression):
    return evaluate([expression])[expression]


def policies():
    """Each entry of each table checks what the specification says of that attribute."""
    tables = re.findall(r"const struct nla_policy (\w+)\[(\w+) \+ 1\] = \{(.*?)\n\};", TABLES,
                        re.S)
    outer = {name: "mqgate" for name, _, _ in tables if name not in POLICIES}
    assert set(POLICIES) <= {name for name, _, _ in tables}, "a table is missing"
    assert len(outer) == 5, outer
    for name, _, body in tables:
        where = SETS[dict(POLICIES, **outer)[name]]
        known = {symbol(where["name-prefix"], one["name"]): one for one in where["attributes"]}
        entries = re.findall(r"\[(\w+)\] = (.*?),\n(?=\t\[|\Z)", body.strip() + "\n", re.S)
        assert len(entries) == body.count("] ="), f"{name}: not all of it was read"
        for attribute, entry in entries:
            wanted = check_words(known[attribute])
            got = compiled(entry, number)
            assert got == wanted, f"{name}, {attribute}: {got} compiled, {wanted} specified"


def whole():
    """Of filters, settings and service every attribute may be asked with."""
    for name, where in POLICIES.items():
        if where in ("client", "source"):
            continue
        body = re.search(rf"{name}\[.*?\n\}};", TABLES, re.S).group()
        for attribute in SETS[where]["attributes"]:
            assert symbol(SETS[where]["name-prefix"], attribute["name"]) in body, attribute


def operations():
    """The same operations, with do and dump, what they take, and who may."""
    table = re.search(r"mqg_nl_ops\[\] = \{(.*?)\n\};", TABLES, re.S).group(1)
    found = {}
    for body in re.findall(r"\{(.*?)\n\t\}", table, re.S):
        fields = dict(re.findall(r"\.(\w+)\s*= (.*?),\n", body + "\n"))
        found[fields.pop("cmd")] = fields
    wanted = [one for one in SPEC["operations"]["list"] if "event" not in one]
    assert len(found) == len(wanted), (list(found), wanted)
    for one in wanted:
        fields = found[symbol("mqgate-cmd-", one["name"])]
        assert ("doit" in fields) == ("do" in one), one
        assert ("dumpit" in fields) == ("dump" in one), one
        assert FLAGS.get(fields.get("flags"), []) == one.get("flags", []), (one, fields)
        taken = {name for way in ("do", "dump")
                 for name in one.get(way, {}).get("request", {}).get("attributes", [])}
        policy = re.search(rf"policy {fields.get('policy')}\[.*?\n\}};", TABLES, re.S)
        named = set(re.findall(r"\[(MQGATE_A_\w+)\] =", policy.group())) if policy else set()
        assert named == {symbol("mqgate-a-", name) for name in taken}, (one["name"], named)


def groups():
    """One group, and who may listen."""
    (group,) = SPEC["mcast-groups"]["list"]
    table = re.search(r"mqg_nl_mcgrps\[.*?\] = \{(.*?)\n\};", TABLES, re.S).group(1)
    assert group["name"] == "events" and table.count(".name") == 1
    assert ("GENL_MCAST_CAP_NET_ADMIN" in table) == ("mcast-cap-net-admin" in group["flags"])


TESTS = (header, policies, whole, operations, groups)
print(f"KTAP version 1\n1..{len(TESTS)}")
FAILED = 0
for place, one_test in enumerate(TESTS, 1):
    try:
        one_test()
        print(f"ok {place} {one_test.__doc__.split('.')[0]}")
    except Exception as wrong:
        FAILED += 1
        print(f"# {wrong!r}\nnot ok {place} {one_test.__doc__.split('.')[0]}")
sys.exit(1 if FAILED else 0)
