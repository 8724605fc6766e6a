#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What changes under a running mqgated that has given up root: SIGHUP and `mqgate reload`,
# revocation lists that are replaced, `mqgate revoke`. Real devices (mosquitto_sub, MQTT 5) have
# sessions meanwhile; maps are pinned in a directory of this script's, and no program is attached.

# shellcheck source=stage.sh
. "$(dirname "$0")/stage.sh"

stage_need bpftool mosquitto mosquitto_sub curl

# device NAME [PORT]: sets device_pid
device() {
	in_ns gw mosquitto_sub -V 5 -h 127.0.0.1 -p "${2:-8883}" --cafile "$dir/pki/ca.pem" \
		--insecure --cert "$dir/pki/$1.pem" --key "$dir/pki/$1.key" -i "$1" -t x -k 30 \
		> "$dir/$1.said" 2>&1 &
	device_pid=$!
	on_exit stop "$device_pid"
}

has_session() {
	[ "$(ctl "{\"do\":\"why\",\"subject\":\"$1\"}" sessions.0.connected 2> /dev/null)" = true ]
}

has_none() {
	! has_session "$1"
}

refused_as() {
	ctl '{"do":"refusals"}' | grep -q "\"identity\": \"$1\", \"reason\": \"$2\""
}

# Ports of clients whose flows are ALLOWed.
allowed() {
	bpftool -j map dump pinned "$MQGATE_BPFFS/mqgate_allow" | /usr/bin/python3 -c '
import json, sys
print(len(json.load(sys.stdin)))'
}

allowed_are() {
	[ "$(allowed)" = "$1" ]
}

service() {
	bpftool map lookup pinned "$MQGATE_BPFFS/mqgate_svc" key "$1" 0 0 0
}

since_of() {
	ctl "{\"do\":\"why\",\"subject\":\"$1\"}" sessions.0.port
}

plan 50
stage_init || exit 1
ns_add gw || exit 1
stage_pins || exit 1
config=$dir/mqgate.yaml
stage_config "$config"
for name in dev1 dev2 dev3; do
	pki_device "$dir/pki" "$name" || exit 1
done
broker_start gw "$dir" 127.0.0.1 1884 || exit 1
is "the key is root's alone" "$(stat -c '%U %a' "$dir/pki/server.key")" "root 600"
check "it starts" mqgated_start gw "$config" || exit 1
check "and says that a reload could not read the key" \
	logged "server.key: the daemon's user may not read it: a reload keeps the key"
device dev1
device dev2
check "two devices have sessions" poll_until 10 has_session dev1 &&
	check "both" poll_until 10 has_session dev2
check "and ALLOW" poll_until 10 allowed_are 2
ports="$(since_of dev1) $(since_of dev2)"
same() {
	[ "$(since_of dev1) $(since_of dev2)" = "$ports" ]
}

# ---- the configuration

kill -HUP "$mqgated_pid"
reloaded() {
	[ "$(metric 'reloads_total{result="done"}')" = "$1" ]
}
check "SIGHUP reloads, with a key that only root may read" poll_until 10 reloaded 1
check "and says so" logged "reloaded $config: 2 listeners, trust epoch 2"
check "nobody has lost his session" same

stage_config "$config" 's/workers: 1/workers: 3/' 's/9883/9884/' \
	's/^listeners:/&\n  - {name: new, address: "0.0.0.0:2999", kind: mqtt, broker: main}/' \
	's/port: 1883, kind: mqtt,/&  mode: observe,/' 's/192.0.2.77/192.0.2.78/' '1i store: {}'
said=$(mqgate reload 2>&1)
is "mqgate reload with a listener more" $? 0
contains "names what only a restart changes" "$said" "changes: workers, http, store"
contains "services that were there keep their numbers" "$(service 3)" '"name": "plain"'
contains "the new one has another" "$(service 4)" '"name": "new"'
contains "the mode of a service has changed" "$(service 1)" MODE_OBSERVE
is "the allow list has let one go" \
	"$(ctl '{"do":"why","subject":"192.0.2.77"}' verdict)" null
is "and taken one up" "$(ctl '{"do":"why","subject":"192.0.2.78"}' verdict.action)" pass
bad_name=100c00044d515455040200000000
in_ns gw /usr/bin/python3 ./badclient.py 127.0.0.1 127.0.0.1 2999 1 "$bad_name" 5 > /dev/null
check "the new listener serves" metric_is 'refusals_total{service="new",reason="mqtt-name"}' 1
check "nobody has lost his session by it" same

head -c 4096 /dev/urandom > "$config"
said=$(mqgate reload 2>&1)
is "garbage for a configuration is refused (ATTACKS 32)" $? 1
contains "by file and line" "$said" "$config:"
stage_config "$config" 's/kind: mqtts/kind: mqtt5/'
contains "and key" "$(mqgate reload 2>&1)" "$config:6: listeners[0].kind: \"mqtt5\" is not known"
stage_config "$config" 's|"0.0.0.0:2883"|"0.0.0.0:1884"|'
contains "a listener that cannot be opened is refused in words" "$(mqgate reload 2>&1)" \
	"0.0.0.0:1884: Address already in use"
is "the one that was to follow is not there" "$(service 4 | grep -c '"name": "new"')" 1
check "nobody has lost his session by any of these" same
stage_config "$config"
check "the first configuration again" mqgate reload

cp "$dir/pki/server.pem" "$dir/server.pem" && cp -p "$dir/pki/server.key" "$dir/server.key"
pki_server "$dir/pki" server IP:127.0.0.1
contains "another certificate, whose key cannot be read: refused with the remedy" \
	"$(mqgate reload 2>&1)" "let the daemon's user read it"
chgrp mqgate "$dir/pki/server.key" && chmod 640 "$dir/pki/server.key"
check "readable for the group it is taken" mqgate reload
serial_served() {
	in_ns gw openssl s_client -connect 127.0.0.1:8883 < /dev/null 2> /dev/null |
		openssl x509 -noout -serial
}
is "and served" "$(serial_served)" "$(openssl x509 -noout -serial -in "$dir/pki/server.pem")"
check "nobody has lost his session" same

# ---- lists

pki_revoke "$dir/pki" dev2
check "a list that is replaced ends the session of who is in it" poll_until 10 has_none dev2
check "takes the ALLOW back" poll_until 10 allowed_are 1
check "and tells the reason" poll_until 10 refused_as dev2 cert-revoked
check "the other one stays" has_session dev1
is "reading it was counted" "$(metric 'crl_reads_total{result="done"}')" 1
# Half a file, as a writer without rename leaves it.
cp "$dir/pki/crl.pem" "$dir/crl.pem"
head -c 200 "$dir/crl.pem" > "$dir/pki/crl.pem"
check "half a list is refused" poll_until 10 metric_is 'crl_reads_total{result="refused"}' 1
check "the one before holds" logged "new revocation lists refused, the old ones hold"
pki_crl "$dir/pki" 0
out_of_date() {
	logged "crl.pem is out of date: clients of its CA are refused"
}
check "a list that is out of date is told of" poll_until 10 out_of_date
check "and ends nobody" has_session dev1
cp "$dir/crl.pem" "$dir/pki/crl.pem"
fresh() {
	[ "$(metric 'crl_next_update_timestamp_seconds{listener="tls"}')" -gt "$(date +%s)" ]
}
check "the time until which lists hold is a metric" poll_until 10 fresh

# ---- one device

device dev3
poll_until 10 has_session dev3
is "mqgate revoke" "$(mqgate revoke dev3 reason lost in the field)" "revoked: identity dev3"
check "ends the session" poll_until 10 has_none dev3
check "takes the ALLOW back" poll_until 10 allowed_are 1
check "refuses it when it comes again" poll_until 10 refused_as dev3 revoked
stop "$mqgated_pid"
check "another daemon" mqgated_start gw "$config"
contains "knows of it" "$(mqgate revoke list)" "dev3  # lost in the field"
mqgate revoke del dev3 > /dev/null
device dev3
check "del lets the device in again" poll_until 20 has_session dev3
chmod 555 "$MQGATE_STATE"
chown root:root "$MQGATE_STATE"
said=$(mqgate revoke dev3 2>&1)
is "a revocation that cannot be kept ends 1" $? 1
contains "says that it is in force until then" "$said" "only until mqgated ends"
check "and is" poll_until 10 has_none dev3
check "the metrics are valid Prometheus text" /usr/bin/python3 ./promlint.py \
	<<< "$(in_ns gw curl -s http://127.0.0.1:9883/metrics)"
finish
