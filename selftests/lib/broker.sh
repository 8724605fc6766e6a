# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# A real mosquitto for tests. Needs ktap.sh (and netns.sh unless NS is "-", this namespace).
#
#	broker_start NS DIR ADDRESS PORT	sets broker_pid; log in DIR/broker.log; * is any
#	broker_stop				and broker_start may be called again

broker_pid=

broker_conf() {
	local dir=$1 addr=$2 port=$3
	[ "$addr" != '*' ] || addr=
	cat > "$dir/mosquitto.conf" <<-END
	listener $port $addr
	allow_anonymous true
	user root
	persistence false
	log_dest file $dir/broker.log
	log_type all
	connection_messages true
	log_timestamp true
	log_timestamp_format %s
	max_queued_messages 0
	max_inflight_messages 0
	END
}

# In this process's namespace or in one of netns.sh.
broker_in() {
	local name=$1
	shift
	if [ "$name" = - ]; then
		"$@"
	else
		in_ns "$name" "$@"
	fi
}

broker_ready() {
	local addr=$2 port=$3
	case $addr in
	'*' | 0.0.0.0)	addr=127.0.0.1 ;;
	::)		addr=::1 ;;
	esac
	broker_in "$1" timeout 2 bash -c ": < '/dev/tcp/$addr/$port'"
}

broker_start() {
	local ns=$1 dir=$2 addr=$3 port=$4
	: > "$dir/broker.log"
	broker_conf "$dir" "$addr" "$port"
	if [ "$ns" = - ]; then
		mosquitto -c "$dir/mosquitto.conf" > "$dir/broker.out" 2>&1 < /dev/null &
		broker_pid=$!
	else
		# nsenter replaces itself by mosquitto: the pid is the broker's own.
		nsenter --net="/run/netns/$(ns_name "$ns")" -- \
			mosquitto -c "$dir/mosquitto.conf" > "$dir/broker.out" 2>&1 < /dev/null &
		broker_pid=$!
	fi
	on_exit stop "$broker_pid"
	if ! poll_until 10 broker_ready "$ns" "$addr" "$port"; then
		diag "mosquitto did not come up on $addr:$port:"
		diag "$(cat "$dir/broker.out" "$dir/broker.log")"
		return 1
	fi
}

broker_stop() {
	stop "$broker_pid"
}
