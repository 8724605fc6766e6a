#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Listening sockets from one mqgated to the next, so that nobody is refused in between: kept by a
# service manager over a restart, opened by it at the start, and taken from the gateway that runs.

# shellcheck source=stage.sh
. "$(dirname "$0")/stage.sh"

stage_need mosquitto mosquitto_pub bpftool curl jq

managed() {
	grep -c "^$1" "$dir/managed"
}

managed_is() {
	[ "$(managed "$1")" = "$2" ]
}

serving() {
	in_ns gw mosquitto_pub -h 127.0.0.1 -p 2883 -i probe -t x -m x -q 1
}

verdicts() {
	bpftool -j map dump pinned "$MQGATE_BPFFS/mqgate_sources" | jq length
}

plan 25
stage_init || exit 1
ns_add gw || exit 1
stage_pins || exit 1
config=$dir/mqgate.yaml
broker_start gw "$dir" 127.0.0.1 1884 || exit 1
stage_config "$config" 's/workers: 1/workers: 2/'
echo 'drain_time: 1s' >> "$config"

# ---- a service manager, that has opened one of the sockets and keeps all

mkfifo "$dir/go" && exec 7<> "$dir/go"
nsenter --net="/run/netns/$(ns_name gw)" -- /usr/bin/python3 ./manager.py "$dir/notify" \
	plain=2883 -- "$MQGATE_BUILD/mqgated" -c "$config" < "$dir/go" > "$dir/managed" \
	2> "$dir/log" &
manager=$!
on_exit stop "$manager"
mqgated_log=$dir/log
check "it starts with a socket that was opened for it" poll_until 10 managed_is ready 1
check "which is listened at" serving
is "its other sockets are kept, two of a listener" "$(sed -n 's/^ready //p' "$dir/managed")" 3
sessions before 20 5
check "twenty devices are there" poll_until 20 said before open
kill -HUP "$manager"
check "it is restarted" poll_until 10 managed_is gone 1
check "the devices were told to go" poll_until 10 said before "last e0018b 20"
sessions between 20 5
in_ns gw bash -c ': < /dev/tcp/127.0.0.1/8883' 2> "$dir/refused"
is "nobody is refused while none runs" "$?, $(cat "$dir/refused")" "0, "
check "nor served" managed_is ready 1
echo go >&7
check "the next one starts" poll_until 10 managed_is ready 2
check "and serves those who have come meanwhile" poll_until 20 said between open
check "others, too" serving
stop "$manager"
check "it ends" poll_until 10 said between "last e0018b 20"

# ---- from one to the other

mqgated_pid=
check "one without a service manager" mqgated_start gw "$config" || exit 1
first=$mqgated_pid
in_ns gw "$MQGATE_BUILD/mqgate" verdict add 203.0.113.9 drop > /dev/null
is "it has written a verdict" "$(verdicts)" 2
sessions old 30 5
check "thirty devices" poll_until 20 said old open
contains "a second one is turned away" "$(refused_to_start gw "$config")" "already running"
contains "nor may the group have its sockets" "$(in_ns gw setpriv --reuid nobody --regid mqgate \
	--clear-groups /usr/bin/python3 ./ctl.py "$sock" '{"do":"hand-over"}' 2>&1)" \
	"may not take the sockets"
nsenter --net="/run/netns/$(ns_name gw)" -- prlimit --nofile=256: \
	"$MQGATE_BUILD/mqgated" -c "$config" --take-over > "$dir/out" 2> "$dir/log.2" < /dev/null &
second=$!
on_exit stop "$second"
took_over() {
	[ "$(answers 2> /dev/null)" = "$second" ]
}
failed=0
until took_over || [ "$failed" -gt 0 ] || gone "$second"; do
	in_ns gw bash -c ': < /dev/tcp/127.0.0.1/2883' 2> /dev/null || failed=1
done
check "unless it takes over" took_over
is "nobody was refused meanwhile" "$failed" 0
check "the devices of the first were told to go" poll_until 10 said old "last e0018b 30"
check "and it has ended" poll_until 10 gone "$first"
check "the second serves" serving
is "the verdict is where it was" "$(verdicts)" 2
in_ns gw "$MQGATE_BUILD/mqgate" verdict del 203.0.113.9 > /dev/null
is "and the second's to take back" "$(verdicts)" 1
contains "with nobody there is nothing to take over" \
	"$(kill "$second"; poll_until 10 gone "$second"
	in_ns gw "$MQGATE_BUILD/mqgated" -c "$config" --take-over 2>&1)" \
	"no mqgated runs whose place could be taken"
finish
