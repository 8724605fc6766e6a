# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What people see of `make run` while something long happens: `mqgate top` where the output is a
# terminal and XDP is attached, else a line now and then. The last scene speaks for itself.
# Sourced by run.sh only.

live_pid=

live_begin() {
	live_pid=
	[ "$1" != kill ] || return 0
	if [ -t 1 ] && [ "$1" != control ]; then
		nsenter --net="/run/netns/$(ns_name gateway)" -- "$MQGATE_BUILD/mqgate" top \
			interval 500ms < /dev/null &
	else
		live_lines "$1" &
	fi
	live_pid=$!
	on_exit stop "$live_pid"
}

live_end() {
	[ -n "$live_pid" ] || return 0
	stop "$live_pid"
	[ ! -t 1 ] || printf '\n'
}

# The counters that the claims are made of, every LIVE_SECONDS (2).
live_lines() {
	local what=$1 never line start=$SECONDS
	exec {never}<> <(:)
	while :; do
		read -rt "${LIVE_SECONDS:-2}" -u "$never"
		printf -v line '    %3d s  %s: offered on the wire %s' $((SECONDS - start)) \
			"$what" "$(in_ns devices cat /proc/net/dev |
				awk '$1 == "dev0:" { print $11 }')"
		[ "$what" = control ] || line+=", dropped in XDP $(drops_now | total)"
		line+=", at the broker: flood $(counted broker from_flood)"
		line+=", attackers $(counted broker from_attackers)"
		[ ! -d "$WORK/said" ] || line+=", messages $(heard_total) of $(said_total)"
		echo "$line"
	done 2> /dev/null
}
