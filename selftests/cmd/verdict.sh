#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# mqgate verdict: with nobody else there the maps are written, under the lock; with a daemon it is
# asked, and the maps are left to it.
. "$(dirname "$0")/stage.sh"
stage gw peer
need_command flock
plan 87

ns_link gw gw0 peer p0
says "without pins the way to them is named" 1 "mqgate attach IF" m verdict add 192.0.2.1 drop
gw attach gw0 > /dev/null

listed() {
	m -j verdict list "$@" | jq -r '.[].source' | sort | tr '\n' ' '
}

says "an empty list says so" 0 "no verdicts" m verdict list
is "and is an empty JSON list" "$(m -j verdict list)" "[]"
says "add drop for ever" 0 "192.0.2.1: drop for ever" m verdict add 192.0.2.1 drop
says "add drop for a time" 0 "2001:db8::/64: drop for 1h" m verdict add 2001:db8::/64 drop 1h
says "add pass" 0 "192.0.2.2: pass for ever" m verdict add 192.0.2.2 pass forever
is "all are listed" "$(listed)" "192.0.2.1 192.0.2.2 2001:db8::/64 "
is "the fields of a verdict" \
	"$(m -j verdict list action pass |
		jq -c '.[] | [.source,.action,.origin,.reason,.expires,.hits,.strikes]')" \
	'["192.0.2.2","pass","operator","operator",null,0,0]'
is "time left and age are seconds" \
	"$(m -j verdict list | jq '.[] | select(.expires) |
		.expires > 3590 and .expires <= 3600 and .age < 10')" true
is "bpftool reads the verdict as text" \
	"$(bpftool -j map dump pinned "$MQGATE_BPFFS/mqgate_sources" |
		jq -r '[.[].formatted.value.action] | sort | join(" ")')" \
	"MQGATE_ACTION_DROP MQGATE_ACTION_DROP MQGATE_ACTION_PASS"
says "text shows it, too" 0 "drop       operator  operator             never" m verdict list
says "-p is JSON of many lines" 0 '  {' m -p verdict list
says "a second add replaces" 0 "in place of the verdict before" m verdict add 192.0.2.1 drop 10m
is "and there is one" "$(listed)" "192.0.2.1 192.0.2.2 2001:db8::/64 "
says "del removes" 0 "192.0.2.1: verdict removed" m verdict del 192.0.2.1
says "del of none is refused" 1 "there is no verdict on it" m verdict del 192.0.2.1
is "the others are there" "$(listed)" "192.0.2.2 2001:db8::/64 "

put_allow 3 1000
says "add reset for a time, which takes ALLOWed flows like drop" 0 \
	"192.0.2.3: reset for 1h; 1 ALLOWed flow removed" \
	m verdict add 192.0.2.3 reset 1h reason noisy
is "it is in the map" "$(bpftool -j map dump pinned "$MQGATE_BPFFS/mqgate_sources" |
	jq -r '.[].formatted.value.action' | grep -c MQGATE_ACTION_RESET)" 1
is "and listed by its action" "$(listed action reset)" "192.0.2.3 "
says "why tells of it" 0 "verdict    reset on 192.0.2.3 by operator" m why 192.0.2.3
says "with its reason" 0 "noisy" m why 192.0.2.3
says "explain says what becomes of a packet of it" 0 "over TCP answered with resets" \
	m verdict explain 192.0.2.3
m verdict del 192.0.2.3 > /dev/null
put_verdict 8 4 2
put_verdict 9 4 0
is "by origin: daemon" "$(listed origin daemon)" "192.0.2.8 "
is "by origin: by hand" "$(listed origin by-hand)" "192.0.2.9 "
is "by origin and action" "$(listed origin operator action drop)" "2001:db8::/64 "
says "flush takes the operator's alone" 0 "2 verdicts removed" m verdict flush
is "others stay" "$(listed)" "192.0.2.8 192.0.2.9 "
says "flush daemon" 0 "1 verdict removed" m verdict flush daemon
says "flush all" 0 "1 verdict removed" m verdict flush all
is "the map is empty" "$(bpftool -j map dump pinned "$MQGATE_BPFFS/mqgate_sources" | jq length)" 0

# Prefixes: in maps of their own, the longest decides.
says "a prefix is dropped" 0 "10.0.0.0/8: drop for 10m" m verdict add 10.0.0.0/8 drop 10m
says "a longer one is limited" 0 "10.1.0.0/16: limit for ever" m verdict add 10.1.0.0/16 limit 50/s
says "an IPv6 prefix" 0 "2001:db8::/32: drop for ever" m verdict add 2001:db8::/32 drop
says "an IPv6 prefix shorter than its index" 0 "2000::/3: pass" m verdict add 2000::/3 pass
is "prefixes are listed" "$(listed)" "10.0.0.0/8 10.1.0.0/16 2000::/3 2001:db8::/32 "
is "bpftool reads a prefix as text" \
	"$(bpftool -j map dump pinned "$MQGATE_BPFFS/mqgate_prefix4" |
		jq -c '[.[].formatted | [.key.length,.key.addr[0],.value.action]] | sort')" \
	'[[8,10,"MQGATE_ACTION_DROP"],[16,10,"MQGATE_ACTION_LIMIT"]]'
is "the rate of a limit" "$(m -j verdict list action limit | jq -c '.[]|[.source,.rate]')" \
	'["10.1.0.0/16",50]'
is "what lies in a network, or covers it" "$(listed in 10.1.2.0/24)" "10.0.0.0/8 10.1.0.0/16 "
is "and nothing of the other family" "$(listed in 2001:db8::/64)" "2000::/3 2001:db8::/32 "
says "why names the longest prefix" 0 "verdict    limit to 50/s on 10.1.0.0/16" m why 10.1.2.3
says "and the one that it hides" 0 "the one above comes first" m why 10.1.2.3
says "explain says what becomes of a packet" 0 "above the rate are dropped" \
	m verdict explain 10.1.2.3
says "and who decides" 0 "1. limit on 10.1.0.0/16 by operator: this one decides" \
	m verdict explain 10.1.2.3
says "explain of one without a verdict" 0 "judged by what it sends" m verdict explain 192.0.2.200
says "explain takes an address" 2 "name one" m verdict explain 10.0.0.0/8
put_allow 5 1000
says "a drop of a prefix removes the ALLOWed flows in it" 0 "1 ALLOWed flow removed" \
	m verdict add 192.0.2.0/25 drop
says "del removes a prefix" 0 "10.1.0.0/16: verdict removed" m verdict del 10.1.0.0/16
says "so that the shorter one decides" 0 "drop on 10.0.0.0/8" m why 10.1.2.3
says "flush takes prefixes, too" 0 "4 verdicts removed" m verdict flush
is "and none is left" "$(bpftool -j map dump pinned "$MQGATE_BPFFS/mqgate_prefix6" | jq length)" 0
is "XDP is not made to ask for prefixes" \
	"$(bpftool -j map dump pinned "$MQGATE_BPFFS/mqgate_control" |
		jq -c '.[0].formatted.value|[.bits4,.slots6,.lengths6]')" "[0,0,0]"

# A verdict whose time has come is as good as absent.
m verdict add 192.0.2.3 drop 300ms > /dev/null
is "a short verdict holds" "$(listed)" "192.0.2.3 "
expired() {
	[ -z "$(listed)" ]
}
check "and is not listed after its time" poll_until 10 expired
says "nor told by why" 1 "verdict    none" m why 192.0.2.3
is "what replaces an expired one replaces nothing" "$(m verdict add 192.0.2.3 drop)" \
	"192.0.2.3: drop for ever"
m verdict flush > /dev/null

# A drop takes the ALLOWed flows of its source with it, and no others.
put_allow 5 1000
put_allow 5 1001
put_allow 6 1000
says "a pass leaves ALLOWed flows" 0 "192.0.2.5: pass for ever" m verdict add 192.0.2.5 pass
says "why shows them" 0 "192.0.2.5:1001 -> 192.0.2.1:8883" m why 192.0.2.5
says "a drop removes them and counts them" 0 "2 ALLOWed flows removed" m verdict add 192.0.2.5 drop
is "only its own" "$(bpftool -j map dump pinned "$MQGATE_BPFFS/mqgate_allow" | jq length)" 1

# What is not understood changes nothing.
says "a prefix with bits beyond it" 2 "write the network address" m verdict add 192.0.2.1/24 drop
says "a prefix longer than there are bits" 2 "beyond /32" m verdict add 192.0.2.0/33 drop
says "an IPv6 prefix longer than /64" 2 "write its /64" m verdict add 2001:db8::/96 drop
says "IPv4 written as IPv6" 2 "write it as" m verdict add ::ffff:10.0.0.0/104 drop
says "a rate that is none" 2 "not a rate" m verdict add 192.0.2.1 limit 0/s
says "a rate beyond the largest" 2 "up to 1000000/s" m verdict add 192.0.2.1 limit 1000001/s
says "a network without its /64" 2 "write it with /64" m verdict add 2001:db8:: drop
says "an action that is not an operator's" 2 \
	"drop, reset, limit or pass" m verdict add 192.0.2.1 none
says "a time that is none" 2 "not a duration" m verdict add 192.0.2.1 drop soon
says "a time of nothing" 2 "not a duration" m verdict add 192.0.2.1 drop 0s
says "a time beyond 10 years" 2 "write forever" m verdict add 192.0.2.1 drop 4000d
says "words left over" 2 "not understood" m verdict add 192.0.2.1 drop 1h please
says "an origin that is none" 2 "there is none of that name" m verdict list origin nobody
is "the map is as before" "$(listed)" "192.0.2.5 "
says "a reason is taken without a daemon, too" 0 "192.0.2.10: drop for 1h" \
	m verdict add 192.0.2.10 drop 1h reason far too loud

# One writer at a time.
exec 8> "$MQGATE_RUN/lock"
flock 8
says "who cannot get the lock is told of it" 1 "another mqgate holds it" m verdict add \
	192.0.2.11 drop
exec 8>&-

# A daemon is the only writer.
answers=$(scratch)
on_exit rm -rf "$answers"
echo '{"ok":true,"replaced":true,"allow_removed":3}' > "$answers/verdict-add"
echo '{"ok":true,"removed":12}' > "$answers/verdict-flush"
daemon "$answers"
says "with a daemon, it is asked" 0 "in place of the verdict before; 3 ALLOWed flows removed" \
	m verdict add 192.0.2.12 drop 90s reason too loud
is "with these words" "$(jq -c '[.do,.source,.action,.seconds,.text]' "$answers/asked")" \
	'["verdict-add","192.0.2.12","drop",90,"too loud"]'
says "a limit with its rate" 0 "in place" m verdict add 10.0.0.0/8 limit 9/s
is "is asked for with these words" \
	"$(tail -1 "$answers/asked" | jq -c '[.do,.source,.action,.rate,.seconds]')" \
	'["verdict-add","10.0.0.0/8","limit",9,0]'
says "a reset, too" 0 "in place" m verdict add 192.0.2.13 reset
is "by its name" "$(tail -1 "$answers/asked" | jq -c '[.do,.action]')" '["verdict-add","reset"]'
says "flush, too" 0 "12 verdicts removed" m verdict flush daemon
is "and the map is not written" "$(listed)" "192.0.2.10 192.0.2.5 "
says "its refusal is told in its words" 1 "not known here; ask another" m verdict del 192.0.2.10
echo hang > "$answers/verdict-del"
says "a daemon that hangs is not written past" 1 "does not answer" m verdict del 192.0.2.10
is "nothing was removed" "$(listed)" "192.0.2.10 192.0.2.5 "
finish
