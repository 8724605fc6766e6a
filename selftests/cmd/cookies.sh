#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# mqgate attach IF cookies: net.ipv4.tcp_syncookies of a namespace is set, recorded, and set back
# by the last detach, also after a crash, unless somebody else has changed it. And what status says
# of SYN floods.
. "$(dirname "$0")/stage.sh"
stage gw peer
plan 30

ns_link gw gw0 peer p0
ns_link gw gw1 peer p1

value() {
	in_ns gw sysctl -n net.ipv4.tcp_syncookies
}

become() {
	in_ns gw sysctl -qw net.ipv4.tcp_syncookies="$1"
}

records() {
	find "$MQGATE_RUN" -name 'syncookies-*' | wc -l
}

cookies_of() {
	gw -j status | jq -c '[.services[] | .syn.cookies]'
}

become 1
gw attach gw0 > /dev/null
is "attach alone changes nothing" "$(value) $(records) $(cookies_of)" "1 0 [false,false]"
says "an attached interface takes the word, too" 0 "set from 1 to 2" gw attach gw0 cookies
is "the value is 2" "$(value)" 2
is "and the services have cookies" "$(cookies_of)" "[true,true]"
says "attach says whom it holds for" 0 "2 already" gw attach gw1 cookies
says "the first of two detaches leaves it" 0 "gw0: detached" gw detach gw0
is "the value is still 2" "$(value)" 2
says "the last one sets it back and says so" 0 "set back from 2 to 1" gw detach gw1
is "the value is what it was" "$(value) $(records)" "1 0"

says "attach says who is concerned" 0 "every TCP listener of this network namespace" \
	gw attach gw0 cookies
become 0
says "a value that somebody else has set stays" 0 "is 0 by now, set by somebody else" gw detach gw0
is "it is what he made it" "$(value) $(records)" "0 0"

become 2
gw attach gw0 cookies > /dev/null
gw detach gw0 > /dev/null
is "what was 2 stays 2" "$(value) $(records)" "2 0"

become 1
gw attach gw0 cookies > /dev/null
gw attach gw1 > /dev/null
in_ns gw ip link del gw0
says "an interface that is gone asks for nothing" 0 "set back from 2 to 1" gw detach gw1
is "the value is what it was" "$(value)" 1
ns_link gw gw0 peer p0

gw attach gw0 cookies > /dev/null
rm -f "$MQGATE_BPFFS"/*
rmdir "$MQGATE_BPFFS"
says "after a crash detach all sets it back" 1 "set back from 2 to 1" gw detach all
is "the value is what it was" "$(value) $(records)" "1 0"

gw attach gw0 cookies > /dev/null
says "kept pins keep no cookies" 0 "set back from 2 to 1" gw detach gw0 keep
is "the services have none" "$(gw -j status | jq -c '[.services[] | .syn.cookies]')" "[false,false]"
gw attach gw0 > /dev/null

says "without a terminal cookies wait for the confirmation" 1 "so it is detached again" \
	gw attach gw1 cookies confirm 60s
is "the value is what it was" "$(value) $(records)" "1 0"

# flood AGO ANSWER: as XDP writes it for service 1, SYNs were last too fast that many seconds ago.
flood() {
	local uptime now
	read -r uptime _ < /proc/uptime		# CLOCK_BOOTTIME, hundredths of a second
	now=$(($(tr -d . <<< "$uptime") * 10000000 - $1 * 1000000000))
	# shellcheck disable=SC2046
	bpftool map update pinned "$MQGATE_BPFFS/mqgate_syn" key 1 0 0 0 value \
		$(bytes "$(le 0 16)$(le $now 8)$(le $now 8)$(le 3 8)$(le "$2" 4)$(le 0 4)")
}

flood 1 4
says "status says that the kernel makes no cookies, and why" 0 "tcp_syncookies is 1" gw status
become 2
says "or else" 0 "queue of connections is full" gw status
flood 1 1
says "cookies are on" 0 "cookies on, 0 SYNs answered so far" gw status
is "as JSON, too" "$(gw -j status | jq -c '.services[0].syn | [.flood, .answer, .floods, .rate,
	.per_source, .since >= 1]')" '[true,"cookies",3,20000,200,true]'
flood 1 2
says "or switched off" 0 "beyond 20000 a second SYNs are dropped, for cookies are off" gw status
flood 1 3
says "or nobody listens" 0 "no listener of this host takes them" gw status
flood 11 1
says "after 10 s of calm they are off" 0 "cookies off: the last of 3 SYN floods was over" gw status
is "as JSON, too" "$(gw -j status | jq -c '.services[0].syn | [.flood, .since, .ago >= 11]')" \
	'[false,null,true]'
is "another service has none of it" \
	"$(gw -j status | jq -c '.services[1].syn | [.flood, .floods]')" '[false,0]'
finish
