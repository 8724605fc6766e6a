# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The real thing: `make run IF=eth0 BROKER=host:port CONFIG=file` attaches to an interface of this
# machine, asks for confirmation (and rolls back without it), runs mqgated in the foreground and
# detaches at Ctrl-C. Sourced by run.sh. Touches nothing but that interface, the pins and the
# daemon.

# An address: of the configuration, without its quotes, is BROKER.
real_names_broker() {
	awk -v broker="$BROKER" '
		{ sub(/#.*/, ""); gsub(/["\047]/, "") }
		$1 == "address:" && $2 == broker { found = 1 }
		END { exit !found }' "$CONFIG"
}

real_check() {
	local absent=()
	[ -n "${IF:-}" ] || absent+=("IF=INTERFACE")
	[ -n "${BROKER:-}" ] || absent+=("BROKER=HOST:PORT")
	[ -n "${CONFIG:-}" ] || absent+=("CONFIG=FILE")
	[ ${#absent[@]} -eq 0 ] ||
		give_up "the real thing needs IF, BROKER and CONFIG; missing: ${absent[*]}" \
			"(an example is userspace/mqgated/mqgate.yaml.example)"
	[ -d "/sys/class/net/$IF" ] || ip link show dev "$IF" > /dev/null 2>&1 ||
		give_up "IF=$IF: there is no such interface; \`ip link\` lists them"
	[ -r "$CONFIG" ] || give_up "CONFIG=$CONFIG: cannot be read"
	"$MQGATE_BUILD/mqgated" -c "$CONFIG" -t || give_up "CONFIG=$CONFIG is not good, see above"
	real_names_broker ||
		give_up "CONFIG=$CONFIG has no broker at $BROKER; its brokers: section needs" \
			"address: \"$BROKER\""
}

# Whether mqgate guards the interface already: then it is not this run's to detach.
real_attached() {
	"$MQGATE_BUILD/mqgate" -j status 2> /dev/null |
		jq -e --arg name "$IF" '.interfaces[] | select(.name == $name)' > /dev/null
}

real_detach() {
	"$MQGATE_BUILD/mqgate" detach "$IF"
}

real_thing() {
	real_check
	install -d -o root -g mqgate -m 0770 "${MQGATE_RUN:-/run/mqgate}"
	if real_attached; then
		echo "mqgate guards $IF already, and goes on guarding it afterwards"
	else
		"$MQGATE_BUILD/mqgate" attach "$IF" confirm 60s || give_up "not attached to $IF"
		on_exit real_detach
	fi
	echo "mqgated runs in the foreground; Ctrl-C ends it"
	"$MQGATE_BUILD/mqgated" -c "$CONFIG" &
	on_exit stop $!
	wait $!
}
