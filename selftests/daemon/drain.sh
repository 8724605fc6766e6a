#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The orderly end of mqgated: at SIGTERM nobody is accepted, sessions are told to go one after the
# other, and the process ends when the last one has gone.

# shellcheck source=stage.sh
. "$(dirname "$0")/stage.sh"

stage_need mosquitto curl

ended() {
	wait "$mqgated_pid"
}

plan 18
stage_init || exit 1
ns_add gw || exit 1
config=$dir/mqgate.yaml
broker_start gw "$dir" 127.0.0.1 1884 || exit 1

stage_config "$config"
echo 'drain_time: 1.5d' >> "$config"
contains "how long it may take is bounded" "$("$MQGATE_BUILD/mqgated" -t -c "$config" 2>&1)" \
	"drain_time: "

stage_config "$config"
echo 'drain_time: 2s' >> "$config"
check "it starts" mqgated_start gw "$config" || exit 1
sessions said.5 60 5
check "60 sessions of MQTT 5" poll_until 20 said said.5 open
sessions said.4 20 4
check "and 20 of 3.1.1" poll_until 20 said said.4 open
kill -TERM "$mqgated_pid"
check "SIGTERM: the first is ended" poll_until 10 said said.5 others
others=$(sed -n 's/^others //p' "$dir/said.5")
check "while others have not been told yet ($others)" [ "$others" -gt 0 ]
refuse "nobody is accepted any more" in_ns gw bash -c ': < /dev/tcp/127.0.0.1/2883'
contains "nothing is changed any more" \
	"$(in_ns gw env MQGATE_RUN="$MQGATE_RUN" "$MQGATE_BUILD/mqgate" reload 2>&1)" stopping
check "it ends by itself" ended
check "all of MQTT 5 are gone" poll_until 10 said said.5 last
is "with DISCONNECT, server shutting down" "$(grep last "$dir/said.5")" "last e0018b 60"
check "so are the others" poll_until 10 said said.4 last
is "without a word, for theirs has none" "$(grep last "$dir/said.4")" "last nothing 20"

stage_config "$config"
echo 'drain_time: 10m' >> "$config"
check "it starts again" mqgated_start gw "$config" || exit 1
sessions said.5 30 5
check "30 sessions" poll_until 20 said said.5 open
kill -TERM "$mqgated_pid"
check "SIGTERM, with all the time of the world" poll_until 10 said said.5 others
kill -TERM "$mqgated_pid"
check "and once more: it ends at once" ended
check "and everybody with it" poll_until 10 said said.5 last
finish
