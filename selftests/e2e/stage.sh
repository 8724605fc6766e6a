# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The stage of the end-to-end runs: three namespaces, addresses, a PKI, the broker, and counters
# that the kernel keeps. Sourced by run.sh and by the tests; needs ktap.sh, netns.sh, pki.sh,
# broker.sh.
#
#	devices		dev0 198.18.0.2		2001:db8:18::2
#	gateway		gw0  198.18.0.1		2001:db8:18::1
#			gw1  198.19.0.1		2001:db8:19::1
#	broker		brk0 198.19.0.2		2001:db8:19::2
#
# Sources of the flood are in 100.64.0.0/12 and 2001:db8:f000::/40, attackers in 100.80.0.0/12 and
# 2001:db8:a000::/48 (flood.c, attackers.c); devices have addresses of dev0's own networks.

GW4=198.18.0.1 GW6=2001:db8:18::1
BROKER4=198.19.0.2 BROKER6=2001:db8:19::2

stage_network() {
	ns_add devices gateway broker &&
		ns_link devices dev0 gateway gw0 &&
		ns_link broker brk0 gateway gw1 &&
		ns_addr devices dev0 198.18.0.2/16 2001:db8:18::2/64 &&
		ns_addr gateway gw0 $GW4/16 $GW6/64 &&
		ns_addr gateway gw1 198.19.0.1/24 2001:db8:19::1/64 &&
		ns_addr broker brk0 $BROKER4/24 $BROKER6/64 || return 1
	in_ns gateway sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.gw0.rp_filter=0 &&
		in_ns devices ip route add default via $GW4 &&
		in_ns devices ip -6 route add default via $GW6 &&
		in_ns broker ip route add default via 198.19.0.1 &&
		in_ns broker ip -6 route add default via 2001:db8:19::1 || return 1
	# The crowd lives behind the devices' side; attackers answer for their addresses.
	in_ns gateway ip route add 100.64.0.0/11 via 198.18.0.2 &&
		in_ns gateway ip -6 route add 2001:db8:f000::/40 via 2001:db8:18::2 &&
		in_ns gateway ip -6 route add 2001:db8:a000::/48 via 2001:db8:18::2 &&
		in_ns devices ip route add local 100.80.0.0/12 dev lo &&
		in_ns devices ip -6 route add local 2001:db8:a000::/48 dev lo || return 1
	stage_device_addresses && stage_counters
}

# Each device has an address of its own: 198.18.1.N and 2001:db8:18::1:N, misfits 198.18.2.N.
stage_device_addresses() {
	local n
	for n in {1..25}; do
		echo "addr add 198.18.1.$n/32 dev dev0"
		echo "addr add 2001:db8:18::1:$n/128 dev dev0"
	done | in_ns devices ip -batch - || return 1
	for n in {1..9}; do
		echo "addr add 198.18.2.$n/32 dev dev0"
	done | in_ns devices ip -batch -
}

# Segments with payload carry PSH here: the flood's and the attackers' by construction, everybody
# else's because the stack sets it on the last segment of a write. Bare ACKs, SYN, FIN and RST do
# not.
stage_counters() {
	in_ns broker nft -f - <<-'END' || return 1
	table inet mqg {
		counter from_flood { }
		counter from_attackers { }
		counter from_devices { }
		counter from_gateway { }
		chain arriving {
			type filter hook prerouting priority -300; policy accept;
			tcp dport != 1883 accept
			tcp flags & psh == 0 accept
			ip saddr 100.64.0.0/12 counter name from_flood accept
			ip6 saddr 2001:db8:f000::/40 counter name from_flood accept
			ip saddr 100.80.0.0/12 counter name from_attackers accept
			ip6 saddr 2001:db8:a000::/48 counter name from_attackers accept
			ip saddr 198.18.0.0/16 counter name from_devices accept
			ip6 saddr 2001:db8:18::/64 counter name from_devices accept
			ip saddr 198.19.0.1 counter name from_gateway accept
		}
	}
	END
	in_ns devices nft -f - <<-'END'
	table inet mqg {
		counter from_attackers { }
		chain leaving {
			type filter hook output priority 0; policy accept;
			tcp flags & psh == 0 accept
			ip saddr 100.80.0.0/12 counter name from_attackers
			ip6 saddr 2001:db8:a000::/48 counter name from_attackers
		}
	}
	END
}

# counted NS NAME: packets of one of those counters.
counted() {
	in_ns "$1" nft -j list counter inet mqg "$2" |
		jq '.nftables[] | .counter? | select(.) | .packets'
}

# Packets that dev0 took from a sender and could not put on the wire.
lost_at_sender() {
	in_ns devices cat /proc/net/dev | awk '$1 == "dev0:" { print $13 }'
}

# The neighbours are resolved before a flood needs them.
stage_warm() {
	local try
	for try in $BROKER4 $BROKER6; do
		poll_until 5 in_ns devices ping -c 1 -W 1 "$try" || return 1
	done
}

STAGE_DEVICES=()
stage_pki() {
	local dir=$1 n name
	pki_init "$dir" && pki_server "$dir" gateway DNS:gateway.test IP:$GW4 IP:$GW6 || return 1
	for n in {1..20}; do
		name=$(printf 'dev%02d' "$n")
		STAGE_DEVICES+=("$name")
		pki_device "$dir" "$name" || return 1
	done
	pki_device "$dir" stolen && pki_device "$dir" liar && pki_expired "$dir" old &&
		pki_stranger "$dir" stranger && pki_revoke "$dir" stolen || return 1
	# The daemon drops root; the rest of the world has no business with keys.
	chgrp -R mqgate "$dir" && chmod -R g+rX,o-rwx "$dir"
}

# stage_config FILE PKI-DIR: 1883 is routed and strict, 8883 ends in the daemon.
stage_config() {
	cat > "$1" <<-END
	brokers:
	  - name: main
	    address: "$BROKER4:1883"
	    connect_timeout: 5s
	listeners:
	  - name: mqtts
	    address: "[::]:8883"
	    kind: mqtts
	    broker: main
	    mode: enforce
	    tls:
	      certificate: $2/gateway.pem
	      key: $2/gateway.key
	      client_ca: $2/ca.pem
	      crl: $2/crl.pem
	      min_version: "1.2"
	    identity:
	      from: cn
	      client_id: equal
	    handshake_timeout: 10s
	    connect_timeout: 10s
	services:
	  - name: mqtt
	    port: 1883
	    kind: mqtt
	    mode: enforce
	    unknown_flows: strict
	    when_daemon_away: open
	score:
	  ban: 5m
	user: mqgate
	group: mqgate
	http: "off"
	END
}
