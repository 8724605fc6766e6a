#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Puts a filter of others on a device, or takes it off. Called by bench_xdp in its own namespaces.
#
#	peer.sh up|down NAME DEVICE DIR [BANS]		DIR: where the programs were built
#
# BANS: so many sources from 198.18.0.0 on are banned (sets). Exit 3, with the reason on standard
# output: the peer cannot do it.
set -u -o pipefail
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
verb=$1 name=$2 device=$3 dir=$4 bans=${5:-0}

cannot() {
	echo "$*"
	exit 3
}

need() {
	command -v "$1" > /dev/null || cannot "$1 is not installed"
}

filled() {
	sed "s/DEVICE/$device/" "$here/$1"
}

# The banned addresses, a line each.
banned() {
	awk -v n="$bans" 'BEGIN { for (i = 0; i < n; i++)
		printf "198.%d.%d.%d\n", 18 + int(i / 65536), int(i / 256) % 256, i % 256 }'
}

nft_set() {
	cat <<-END
	table netdev bench {
		set banned {
			type ipv4_addr
			size $bans
			elements = { $(banned | paste -sd,) }
		}
		chain early {
			type filter hook ingress device "$device" priority -500
			ip saddr @banned drop
		}
	}
	END
}

xdp_filter_bans() {
	[ "$bans" -le 10000 ] || cannot "its map of addresses holds 10,000"
	xdp-filter load "$device" --mode native --policy allow --features ipv4 > /dev/null ||
		return 1
	# Straight into its pinned map, as its own command is started once an address.
	banned | awk -F. '{ printf "map update pinned /sys/fs/bpf/xdp-filter/filter_ipv4 key " \
		"%d %d %d %d value 1 0 0 0 0 0 0 0\n", $1, $2, $3, $4 }' |
		bpftool batch file - > /dev/null
}

up() {
	case $name in
	nft-port | nft-payload)
		need nft
		filled "$name.nft" | nft -f -
		;;
	nft-set)
		need nft
		nft_set | nft -f -
		;;
	iptables-port | iptables-u32)
		need iptables-restore
		filled "$name.rules" | iptables-restore
		;;
	iptables-ipset)
		need ipset
		{
			echo "create banned hash:ip hashsize $bans maxelem $bans"
			banned | sed 's/^/add banned /'
		} | ipset restore &&
			iptables -t raw -A PREROUTING -i "$device" -m set --match-set banned src \
				-j DROP
		;;
	tc-bpf)
		need tc
		tc qdisc add dev "$device" clsact &&
			tc filter add dev "$device" ingress bpf direct-action \
				obj "$dir/tc.bpf.o" sec tc
		;;
	xdp-filter-port)
		need xdp-filter
		xdp-filter load "$device" --mode native --policy allow --features tcp > /dev/null &&
			xdp-filter port 1883 -p tcp -m dst > /dev/null
		;;
	xdp-filter-set)
		need xdp-filter
		xdp_filter_bans
		;;
	*)
		echo "no peer $name" >&2
		exit 2
		;;
	esac
}

down() {
	case $name in
	nft-*)	nft delete table netdev bench ;;
	iptables-ipset)
		iptables -t raw -F
		ipset destroy banned
		;;
	iptables-*)	iptables -t raw -F ;;
	tc-bpf)	tc qdisc del dev "$device" clsact ;;
	xdp-filter-*)	xdp-filter unload "$device" > /dev/null ;;
	esac
}

case $verb in
up | down)	"$verb" ;;
*)	sed -n '4,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
