#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `mqgate policy`: questions to a configuration file, and ACL files of mosquitto's in and out. No
# daemon, no BPF, no root.
. "$(dirname "$0")/../lib/ktap.sh"

MQGATE_TOP=${MQGATE_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
mqgate=${MQGATE_BUILD:-$MQGATE_TOP/build}/mqgate
need_command openssl jq
[ -x "$mqgate" ] || skip_all "needs build/mqgate: make"
dir=$(scratch)
on_exit rm -rf "$dir"
plan 47

sed "s|@|$dir|" "$(dirname "$0")/policy.yaml" > "$dir/gate.yaml"
cat > "$dir/old.acl" <<'END'
# before the first user
topic read open/#

user anna
topic readwrite a/#
topic deny a/b
pattern write p/%c/%u
user b*b
topic write "q"
END

check_() {
	"$mqgate" policy check config "$dir/gate.yaml" "$@"
}

gate=$dir/gate.yaml
says "connect" 0 "allow: $gate:17, policy own" check_ identity sensor-1 connect
says "a plain name of the group" 0 "allow: $gate:17" check_ identity probe connect
says "no pattern of it" 1 "deny: no rule allows it" check_ identity probe2 connect
says "without an identity" 1 "deny: no rule allows it" check_ connect
says "publish, with its QoS" 0 "allow: $gate:18, policy own, QoS 1 at most" \
	check_ identity sensor-1 publish d/sensor-1/x
says "another's topic" 1 "no rule allows it" check_ identity sensor-1 publish d/sensor-2/x
says "deny wins" 1 "deny: $gate:19, policy own" check_ identity sensor-1 publish d/sensor-1/secret
says "what may be received" 0 "$gate:18" check_ identity sensor-1 receive d/sensor-1/secret
says "a filter that is covered" 0 "$gate:18" check_ identity sensor-1 subscribe d/sensor-1/+
says "one that is wider" 1 "no rule" check_ identity sensor-1 subscribe d/+/x
says "a shared one is judged by its filter" 0 "$gate:18" \
	check_ identity sensor-1 subscribe '$share/g/d/sensor-1/#'
says "also when it is wider" 1 "no rule" check_ identity sensor-1 subscribe '$share/g/#'
says "retain is a right of its own" 1 "no rule" check_ identity sensor-1 retain d/sensor-1/x
says "a variable without a value is told" 1 "$gate:20: \${ou}: the client has no value for it" \
	check_ identity sensor-1 will by-unit/a
is "as JSON" "$("$mqgate" -j policy check config "$gate" identity sensor-1 publish d/sensor-1/x |
	jq -c '[.allowed,.qos,.line,.policy]')" '[true,1,18,"own"]'
is "and a refusal" "$("$mqgate" -j policy check config "$gate" identity sensor-1 will x |
	jq -c '[.allowed,.line,.unfilled[0].variable,.unfilled[0].line]')" '[false,null,"${ou}",20]'

# Certificates, sources, listeners, times.
cert() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-keyout "$dir/key.pem" -out "$dir/$1.pem" -subj "$2" 2> /dev/null
}
cert b "/O=Plant B/OU=paint/CN=sensor-1"
cert two "/O=Plant B/OU=paint/OU=press/CN=sensor-1"
cert slash "/OU=paint\/press/CN=sensor-1"
office=(identity x listener tls source 192.0.2.7 certificate "$dir/b.pem")
says "a variable from the certificate" 0 "$gate:20" \
	check_ identity sensor-1 certificate "$dir/b.pem" will by-unit/paint
says "with two values it fills nothing" 1 "fills no level" \
	check_ identity sensor-1 certificate "$dir/two.pem" will by-unit/paint
says "with a separator in it neither" 1 "fills no level" \
	check_ identity sensor-1 certificate "$dir/slash.pem" will by-unit/paint/press
says "within the hours" 0 "policy office" \
	check_ "${office[@]}" at 2026-07-03T19:59:59Z publish office
says "after them" 1 "policy office does not hold at that time" \
	check_ "${office[@]}" at 2026-07-03T20:00:00Z publish office
says "on a Saturday" 1 "no rule" check_ "${office[@]}" at 2026-07-04T10:00:00Z publish office
says "before it begins" 1 "no rule" check_ "${office[@]}" at 2025-12-31T10:00:00Z publish office
at="at 2026-07-03T10:00:00Z"
# shellcheck disable=SC2086
{
says "from another network" 1 "no rule" \
	check_ "${office[@]}" source 198.51.100.1 $at publish office
says "by another listener" 1 "no rule" check_ "${office[@]}" listener plain $at publish office
says "another certificate" 1 "no rule" \
	check_ "${office[@]}" certificate "$dir/slash.pem" $at publish office
}

# The ACL file.
says "who has no username" 0 "allow: $dir/old.acl:2, policy old" check_ receive open/x
says "a user is not him" 1 "no rule" check_ username anna receive open/x
says "a user's topics" 0 "$dir/old.acl:5" check_ username anna publish a/x
says "a user's deny" 1 "deny: $dir/old.acl:6, policy old" check_ username anna subscribe a/b
says "a pattern" 0 "$dir/old.acl:7" check_ username anna client-id c publish p/c/anna
says "of a client that has no username" 1 "\${username}: the client has no value" \
	check_ client-id c publish p/c/anna
says "a username with a wildcard fills nothing" 1 "fills no level" \
	check_ username '+' client-id c publish p/c/u
says "a user of odd name" 0 "$dir/old.acl:9" check_ username 'b*b' publish '"q"'

# Out again: what it prints is a configuration, and says the same.
"$mqgate" policy import mosquitto "$dir/old.acl" > "$dir/new.yaml"
in_new() {
	"$mqgate" policy check config "$dir/new.yaml" "$@"
}
says "imported: a user's topics" 0 "policy anna (line 4)" in_new username anna publish a/x
says "imported: deny" 1 "deny: " in_new username anna publish a/b
says "imported: patterns" 0 "policy patterns" in_new username u client-id c publish p/c/u
says "imported: odd names are exact" 0 "policy b*b (line 8)" in_new username 'b*b' publish '"q"'
says "imported: and match nobody else" 1 "no rule" in_new username bob publish '"q"'
says "what cannot be said is a comment" 0 "$dir/old.acl:2: of clients without a username" \
	cat "$dir/new.yaml"
printf 'user x\ntopic maybe a\n' > "$dir/bad.acl"
says "a file that is none" 1 "$dir/bad.acl:2: \"maybe\" is no access" \
	"$mqgate" policy import mosquitto "$dir/bad.acl"

# Misuse ends 2: 1 is deny.
says "no configuration" 2 "No such file" "$mqgate" policy check config /none connect
echo "policies: [{name: p, rules: [{allow: [publish]}]}]" > "$dir/broken.yaml"
says "a broken one" 2 "$dir/broken.yaml:1: policies[0].rules[0].topics: missing" \
	"$mqgate" policy check config "$dir/broken.yaml" connect
says "no right" 2 "what for?" check_ identity a
says "no topic" 2 "publish takes one topic" check_ publish
says "a topic with a wildcard" 2 "is a filter" check_ publish a/+
echo "brokers: []" > "$dir/none.yaml"
says "without policies everything is allowed" 0 "no policies are configured" \
	"$mqgate" policy check config "$dir/none.yaml" publish any
finish
